"""How good forecasts turned out: what was said held against what came, series by series.

The yardstick is the seasonal naive forecast of the same instant, made of the same history, as in
the mean absolute scaled error (Hyndman and Koehler 2006). Old outcomes fade away, so that the
figures are those of the forecasts that are made now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from forewarn_models.arrays import FloatArray
from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat
from forewarn_models.labels import Labels

# The central bands that are scored: their share, and the quantile levels of their ends.
BANDS = {0.8: (0.1, 0.9), 0.95: (0.025, 0.975)}
# An outcome counts half after 140 later ones: records of one distance are at most a hundredth of
# it apart, so that the memory is that of two horizons or of 200 forecasts, whatever is longer.
FADING = 0.995
# Fewer outcomes than these do not tell lost skill from bad luck: neighbouring ones err alike.
ENOUGH_OUTCOMES = 30.0
# Bands that hold less than this of what comes are wrong by far; wide ones are only a pity.
_LEAST_COVERAGE = {0.8: 0.6, 0.95: 0.8}

_SHARES_OF_HORIZON = (0.25, 0.5, 1.0)
_SUMS = ("outcomes", "error", "excess", "inside_80", "inside_95", "rivalled_error", "naive_error")
_OUTCOMES, _ERROR, _EXCESS, _INSIDE, _RIVALLED, _NAIVE = 0, 1, 2, slice(3, 5), 5, 6
_FADED_AWAY = 0.01
# Values that differ by less are the same: a constant is foretold up to rounding.
_ROUNDING = 1e-9
_ISSUED, _TALLY = "issued_forecast", "forecast_tally"


def scored_steps(horizon_steps: float) -> tuple[int, ...]:
    """Return how many steps ahead forecasts are written out and scored: 1/4, 1/2 and all.

    >>> scored_steps(24)
    (6, 12, 24)
    """
    steps = {max(1, round(horizon_steps * share)) for share in _SHARES_OF_HORIZON}
    return tuple(sorted(steps))


@dataclass(frozen=True, eq=False)
class IssuedForecast:
    """What was forecast, at one instant, of another instant.

    Args:
        series: the labels of each row.
        levels: the quantile levels; those of `BANDS` and 0.5 are among them.
        quantiles: (n_series, n_levels) in the units of the signal.
        naive: (n_series,) the seasonal naive forecast; NaN = there is none.
    """

    series: tuple[Labels, ...]
    levels: tuple[float, ...]
    quantiles: FloatArray
    naive: FloatArray

    def state(self) -> State:
        """Return what `issued_of` restores."""
        arrays = {"quantiles": self.quantiles, "naive": self.naive}
        manifest = {"series": list(map(dict, self.series)), "levels": list(self.levels)}
        return State(_ISSUED, 1, manifest, arrays)


@dataclass(frozen=True, eq=False)
class ForecastFigures:
    """How good forecasts of one distance are; NaN where it is not known yet.

    Args:
        outcomes: how many outcomes of the typical series stand behind it, faded ones less.
        error_ratio: error of the median over that of the seasonal naive forecast, of the typical
            series (median); below 1 is better.
        coverage: by share of the band, the share of what came inside it, over all series.
        bias_ratio: error with its sign over error without, of the typical series: 1 = what was
            forecast was always too high, -1 always too low.
    """

    outcomes: float
    error_ratio: float
    coverage: Mapping[float, float]
    bias_ratio: float

    def lost_skill(self) -> str:
        """Return in words how these forecasts have lost their skill; empty when they have not."""
        if self.outcomes < ENOUGH_OUTCOMES:
            return ""
        if self.error_ratio >= 1.0:
            return f"its error is {self.error_ratio:.2f} times the seasonal naive forecast's"
        for share, least in _LEAST_COVERAGE.items():
            if self.coverage[share] < least:
                return f"its {share:.0%} band holds {self.coverage[share]:.0%} of what came"
        return ""


@dataclass(frozen=True, eq=False)
class ForecastTally:
    """Running sums of outcomes of one distance, one row a series.

    Args:
        series: the labels of each row.
        sums: (n_series, 7) by `_SUMS`: outcomes, |error|, error with its sign (forecast less
            value), values inside the two bands, and both errors where a naive one is known.
    """

    series: tuple[Labels, ...] = ()
    sums: FloatArray = field(default_factory=lambda: np.zeros((0, len(_SUMS))))

    def figures(self) -> ForecastFigures:
        """Return the figures of all series together."""
        sums = self.sums
        inside = _over(sums[:, _INSIDE].sum(axis=0), np.full(len(BANDS), sums[:, _OUTCOMES].sum()))
        return ForecastFigures(
            _median(sums[:, _OUTCOMES]) if len(sums) else 0.0,
            _median(self.error_ratio),
            dict(zip(BANDS, inside.tolist(), strict=True)),
            _median(_over(sums[:, _EXCESS], sums[:, _ERROR])),
        )

    @property
    def error_ratio(self) -> FloatArray:
        """(n_series,) error over the seasonal naive forecast's; NaN where that had none."""
        return _over(self.sums[:, _RIVALLED], self.sums[:, _NAIVE])

    @property
    def mean_error(self) -> FloatArray:
        """(n_series,) mean |error| in the units of the signal."""
        return _over(self.sums[:, _ERROR], self.sums[:, _OUTCOMES])

    def with_outcome(
        self, issued: IssuedForecast, came: FloatArray, *, fading: float = FADING
    ) -> "ForecastTally":
        """Return the tally with one more outcome: what came, (n_series,) of `issued`, NaN = gap.

        Series whose last outcome has faded away are forgotten.
        """
        place = {labels: row for row, labels in enumerate(self.series)}
        for labels in issued.series:
            place.setdefault(labels, len(place))
        sums = np.zeros((len(place), len(_SUMS)))
        sums[: len(self.sums)] = fading * self.sums
        sums[[place[labels] for labels in issued.series]] += _outcomes(issued, came)
        is_kept = sums[:, _OUTCOMES] >= _FADED_AWAY
        kept = tuple(labels for labels, keep in zip(place, is_kept.tolist(), strict=True) if keep)
        return ForecastTally(kept, sums[is_kept])

    def state(self) -> State:
        """Return what `tally_of` restores."""
        return State(_TALLY, 1, {"series": list(map(dict, self.series))}, {"sums": self.sums})


def issued_of(state: State) -> IssuedForecast:
    """Return the forecast that a state holds; UnknownFormat for one of a newer version."""
    _check(state, _ISSUED)
    return IssuedForecast(_series_of(state), tuple(state.manifest["levels"]), **state.arrays)


def tally_of(state: State) -> ForecastTally:
    """Return the tally that a state holds; UnknownFormat for one of a newer version."""
    _check(state, _TALLY)
    return ForecastTally(_series_of(state), state.arrays["sums"])


def _check(state: State, kind: str) -> None:
    if (state.kind, state.format_version) != (kind, 1):
        raise UnknownFormat(
            f"a {kind} of format 1 is needed, got {state.kind} of format {state.format_version}: "
            "it was stored by a newer version of Forewarn"
        )


def _series_of(state: State) -> tuple[Labels, ...]:
    return tuple(tuple(sorted(labels.items())) for labels in state.manifest["series"])


def _outcomes(issued: IssuedForecast, came: FloatArray) -> FloatArray:
    """Return (n_series, 7) the sums of one outcome; 0 where nothing came or was said."""
    place = {level: column for column, level in enumerate(issued.levels)}
    median = issued.quantiles[:, place[0.5]]
    known = np.isfinite(came) & np.isfinite(issued.quantiles).all(axis=1)
    rivalled = known & np.isfinite(issued.naive)
    excess = median - came
    slack = _ROUNDING * np.abs(came)
    bands = [[issued.quantiles[:, place[level]] for level in ends] for ends in BANDS.values()]
    columns = (
        (known, np.ones(len(came))),
        (known, np.abs(excess)),
        (known, excess),
        *((known, (low - slack <= came) & (came <= high + slack)) for low, high in bands),
        (rivalled, np.abs(excess)),
        (rivalled, np.abs(issued.naive - came)),
    )
    return np.column_stack([np.where(where, column, 0.0) for where, column in columns])


def _over(part: FloatArray, whole: FloatArray) -> FloatArray:
    out: FloatArray = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return out


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
