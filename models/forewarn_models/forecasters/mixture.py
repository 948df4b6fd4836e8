"""A weighed mixture of candidates: the fitted form that several forecasters share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.calendar import UTC, Calendar
from forewarn_models.contract import Extremes, Forecast, Side, State
from forewarn_models.errors import ConfigError, UnknownFormat
from forewarn_models.forecasters.bands import (
    Spread,
    quantile_levels,
    quantiles_around,
)
from forewarn_models.forecasters.blocks import blocks_of
from forewarn_models.forecasters.candidates import CANDIDATES
from forewarn_models.forecasters.extremes import simulated_extremes
from forewarn_models.forecasters.holidays import Holidays, without_holidays
from forewarn_models.forecasters.regressor import driven, driving
from forewarn_models.forecasters.rows import Driver, Rows
from forewarn_models.forecasters.seen import View
from forewarn_models.forecasters.thinning import (
    thickened,
    thinned,
)
from forewarn_models.forecasters.weighing import mixture
from forewarn_models.labels import Labels

FORMAT_VERSION = 1
_REGRESSOR = "regressor/"
_MOST_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class Learned:
    """Arrays of a mixture, one row a series.

    Args:
        values: (n, n_times) the history, moved by `centre` and divided by `size`.
        centre: (n,) medians.
        size: (n,) typical absolute deviations, never 0.
        floor: (n,) the least possible value; -inf = none.
        ceiling: (n,) the greatest possible value; inf = none.
        period: (n,) the season in slots; NaN = none.
        weights: (n, n_candidates)
        scale: (n, n_judged_steps) mean absolute errors by step, in units of `size`.
        table: (n, n_levels) standardised errors, see `bands`.
        detail: (n, slots of a day or 1) what thinning hides, see `thinning`.
        error: (n, n_candidates) mean absolute errors of the back-test in the units of the signal;
            NaN = could not forecast.
    """

    values: FloatArray
    centre: FloatArray
    size: FloatArray
    floor: FloatArray
    ceiling: FloatArray
    period: FloatArray
    weights: FloatArray
    scale: FloatArray
    table: FloatArray
    detail: FloatArray
    error: FloatArray


@dataclass(frozen=True, eq=False)
class FittedRegressor:
    """What drives the series of a mixture, and forecasts itself, on the same slots.

    Args:
        fitted: a mixture of the regressor's own history.
        place: (n_series,) its row that drives each series; -1 = none.
    """

    fitted: "FittedMixture"
    place: IntegerArray


class _Coarse(NamedTuple):
    """What candidates see of some series, and say together, on thinned slots."""

    known: FloatArray
    means: FloatArray
    holidays: Holidays


@dataclass(frozen=True, eq=False)
class FittedMixture:
    """A fitted mixture: the history, who forecasts it, and how wrong that was before.

    Args:
        kind: the catalogue name of the forecaster.
        candidates: the names of the candidates.
        series: the labels of the rows.
        end_milliseconds: the time of the first slot after the history.
        step_milliseconds: from one slot to the next.
        thinning: how many slots are one to the candidates.
        view: what candidates are not shown.
        learned: the arrays.
        regressor: what drives the series; None = nothing.
    """

    kind: str
    candidates: tuple[str, ...]
    series: tuple[Labels, ...]
    end_milliseconds: int
    step_milliseconds: int
    thinning: int
    view: View
    learned: Learned
    regressor: FittedRegressor | None = None

    def predict(self, n_steps: int, levels: Sequence[float]) -> Forecast:
        """Return quantiles of the `n_steps` slots after the history; NaN rows cannot be said."""
        wanted = quantile_levels(levels)
        check_steps(n_steps)
        quantiles = np.empty((len(self.series), n_steps, len(wanted)))
        n_ahead = -(-n_steps // self.thinning)
        for block in blocks_of(self._thinned_shape, n_ahead * len(self.candidates), n_origins=1):
            quantiles[block] = self._quantiles(block, n_steps, wanted)
        return Forecast(
            self.series,
            self.end_milliseconds,
            self.step_milliseconds,
            wanted,
            quantiles,
            self._models(),
        )

    def extremes(
        self, n_steps: int, side: Side, *, since_milliseconds: int | None = None
    ) -> Extremes:
        """Return the worst values that paths over the `n_steps` slots after the history reach."""
        check_steps(n_steps)
        return simulated_extremes(self, self, n_steps, side, since_milliseconds=since_milliseconds)

    def state(self) -> State:
        """Return what `fitted_of` restores."""
        manifest = {
            "candidates": list(self.candidates),
            "series": [dict(labels) for labels in self.series],
            "end_milliseconds": self.end_milliseconds,
            "step_milliseconds": self.step_milliseconds,
            "thinning": self.thinning,
            "calendar": {
                "offsets": [list(change) for change in self.view.calendar.offsets],
                "days_off": list(self.view.calendar.days_off),
            },
            "is_levelled": self.view.is_levelled,
        }
        arrays = {field.name: getattr(self.learned, field.name) for field in fields(Learned)}
        if self.regressor is not None:
            inside = self.regressor.fitted.state()
            manifest["regressor"] = dict(inside.manifest)
            arrays |= {_REGRESSOR + name: array for name, array in inside.arrays.items()}
            arrays["regressor_place"] = self.regressor.place
        return State(self.kind, FORMAT_VERSION, manifest, arrays)

    @property
    def _thinned_shape(self) -> tuple[int, int]:
        n_series, n_times = self.learned.values.shape
        return n_series, n_times // self.thinning

    def _quantiles(self, block: slice, n_steps: int, levels: tuple[float, ...]) -> FloatArray:
        own = _rows_of(self.learned, block)
        coarse = _coarse(self, block, -(-n_steps // self.thinning))
        point = thickened(coarse.means, coarse.known[:, -1], self.thinning, n_steps)
        point += own.detail[:, np.arange(n_steps) % own.detail.shape[1]]
        times = self.end_milliseconds + self.step_milliseconds * np.arange(n_steps)
        point -= coarse.holidays.at(times)
        spread = Spread(np.repeat(own.scale, self.thinning, axis=1), own.table)
        quantiles = quantiles_around(point, spread, levels)
        back = quantiles * own.size[:, None, None] + own.centre[:, None, None]
        return within(back, own)

    def _models(self) -> tuple[str, ...]:
        leading = self.learned.weights.argmax(axis=1)
        is_known = np.isfinite(self.learned.centre)
        return tuple(
            f"{self.kind}/{self.candidates[place]}" if known else "none"
            for place, known in zip(leading, is_known, strict=True)
        )


def _rows_of(learned: Learned, rows: slice | IntegerArray) -> Learned:
    return Learned(*(getattr(learned, field.name)[rows] for field in fields(Learned)))


def _coarse(fitted: FittedMixture, block: slice | IntegerArray, n_ahead: int) -> _Coarse:
    own, thinning = _rows_of(fitted.learned, block), fitted.thinning
    end, step = fitted.end_milliseconds, fitted.step_milliseconds
    seen, holidays = fitted.view.of(own.values, end, step)
    known = thinned(seen, thinning)
    now = np.zeros(1, dtype=np.int64)
    weekends = without_holidays(fitted.view.calendar)
    driver = _driver(fitted.regressor, block, n_ahead)
    rows = Rows(known, now, own.period / thinning, end, step * thinning, weekends, driver)
    forecasts = forecasts_of(rows, fitted.candidates, n_ahead)
    return _Coarse(known, mixture(forecasts, own.weights), holidays)


def _driver(
    regressor: FittedRegressor | None, block: slice | IntegerArray, n_ahead: int
) -> Driver | None:
    """Return what drives some series, and its own forecast; None = nothing."""
    if regressor is None:
        return None
    rows, which = driving(regressor.place[block])
    if not len(rows):
        return None
    coarse = _coarse(regressor.fitted, rows, n_ahead)
    return Driver(driven(coarse.known, which), driven(coarse.means, which)[:, None])


def fitted_mixture_of(state: State) -> FittedMixture:
    """Return the fitted mixture that a state holds; UnknownFormat for one of a newer version."""
    if state.format_version != FORMAT_VERSION:
        raise UnknownFormat(
            f"a {state.kind} of format {FORMAT_VERSION} is needed, got {state.format_version}: "
            "it was stored by a newer version of Forewarn"
        )
    manifest = state.manifest
    if unknown := [name for name in manifest["candidates"] if name not in CANDIDATES]:
        raise UnknownFormat(
            f"a {state.kind} must be of candidates that there are, got {unknown[0]!r}: it was "
            "stored by another version of Forewarn; train it again"
        )
    arrays = {**_before_they_were_stored(state), **state.arrays}
    return FittedMixture(
        state.kind,
        tuple(manifest["candidates"]),
        tuple(tuple(sorted(labels.items())) for labels in manifest["series"]),
        int(manifest["end_milliseconds"]),
        int(manifest["step_milliseconds"]),
        int(manifest.get("thinning", 1)),
        _view_of(manifest),
        Learned(*(arrays[field.name] for field in fields(Learned))),
        _regressor_of(state),
    )


def _regressor_of(state: State) -> FittedRegressor | None:
    if "regressor" not in state.manifest:
        return None
    arrays = {
        name.removeprefix(_REGRESSOR): array
        for name, array in state.arrays.items()
        if name.startswith(_REGRESSOR)
    }
    inside = State(state.kind, state.format_version, state.manifest["regressor"], arrays)
    place = np.asarray(state.arrays["regressor_place"])
    return FittedRegressor(fitted_mixture_of(inside), place)


def _view_of(manifest: Mapping[str, Any]) -> View:
    if "calendar" not in manifest:
        return View(UTC, is_levelled=False)
    stored = manifest["calendar"]
    offsets = tuple((int(since), int(ahead)) for since, ahead in stored["offsets"])
    calendar = Calendar(offsets, tuple(int(day) for day in stored["days_off"]))
    return View(calendar, is_levelled=bool(manifest.get("is_levelled", False)))


def _before_they_were_stored(state: State) -> dict[str, FloatArray]:
    """Return what stands for arrays that older mixtures lack."""
    weights = np.asarray(state.arrays["weights"])
    return {
        "ceiling": np.full(len(weights), np.inf),
        "detail": np.zeros((len(weights), 1)),
        "error": np.full(weights.shape, np.nan),
    }


def within(quantiles: FloatArray, learned: Learned) -> FloatArray:
    """Return (n_series, n_steps, n_levels) quantiles kept in the range of each series."""
    floor, ceiling = learned.floor[:, None, None], learned.ceiling[:, None, None]
    return np.clip(quantiles, floor, ceiling)


def check_steps(n_steps: int) -> None:
    """Raise ConfigError when a number of forecast steps cannot be meant."""
    if not 1 <= n_steps <= _MOST_STEPS:
        raise ConfigError(f"a forecast must have 1 to {_MOST_STEPS} steps, got {n_steps}")


def forecasts_of(rows: Rows, candidates: tuple[str, ...], n_steps: int) -> FloatArray:
    """Return (n_rows, n_candidates, n_steps) what each candidate says."""
    return np.stack([CANDIDATES[name](rows, n_steps) for name in candidates], axis=1)
