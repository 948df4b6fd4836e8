"""What every model is and promises. `tests/contract` holds each model of the catalogue to it.

Hyperparameters and learned state are different types: a `Detector` is a frozen dataclass of
hyperparameters, and fitting returns a new, immutable object that holds arrays, one row a series.

All models promise: the input is untouched; `score` is pure and causal; a tick scored alone
equals the same tick scored in a longer call (equal verdicts, values within 1e-9 relative,
identical where the shapes are the same); the same seed gives the same result; state survives the
way through bytes; gaps, constants, zeros, resets, NaN and infinities (read as gaps) give a
defined answer; too little history raises NotEnoughHistory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray, SmallIntegerArray
from forewarn_models.labels import Labels
from forewarn_models.panel import Panel


@dataclass(frozen=True, eq=False)
class Carry:
    """What a fold remembers from one call to the next: arrays, one row a series each.

    Args:
        arrays: by name; the first axis is the series. A model made of parts prefixes the names
            of each part's arrays with the part's name and a slash.
        next_milliseconds: the time of the first slot that has not been folded yet.
    """

    arrays: Mapping[str, AnyArray]
    next_milliseconds: int


@dataclass(frozen=True, eq=False)
class State:
    """The learned state of a model in a form that can be stored: data, never code.

    Args:
        kind: the catalogue name of the model, such as `rarity_detector`.
        format_version: of the arrays and the manifest; released ones are read for ever.
        manifest: what JSON can hold: hyperparameters, series labels, step.
        arrays: by name.
    """

    kind: str
    format_version: int
    manifest: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    arrays: Mapping[str, AnyArray] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, eq=False)
class Scores:
    """What a detector says of each slot. All arrays are (n_rows, n_times).

    The first rows are those of the panel, in its order; rows of groups follow, whose labels are
    the group's with `series="*"` and which have no expected value or band.

    Args:
        series: the labels of each row.
        expected: the value that the model expected, in the units of the signal.
        lower: bottom of the central 99 % predictive interval of the value.
        upper: its top. The band says what is ordinary; it is not the alarm threshold.
        return_period_seconds: how rare a deviation this large is on this row when healthy;
            higher is rarer. NaN means *cannot say* (gap, or a row that is not trained).
        direction: +1 above what was expected, -1 below, 0 neither (groups, cannot say).
        view: index into `views.VIEWS` of what is rarest about it; -1 for groups, cannot say.
    """

    series: tuple[Labels, ...]
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    return_period_seconds: FloatArray
    direction: SmallIntegerArray
    view: SmallIntegerArray


@dataclass(frozen=True, eq=False)
class Absence:
    """How rare it is that each series is silent for as long as it is now. Arrays are (n_series,).

    Args:
        return_period_seconds: how often a silence this long is to be expected; 0 where the series
            is not missed.
        since_milliseconds: the time of the first slot without a value after its newest one.
    """

    return_period_seconds: FloatArray
    since_milliseconds: IntegerArray


class FittedDetector(Protocol):
    """Learned state of a detector: arrays, one row a series; it never changes."""

    @property
    def series(self) -> tuple[Labels, ...]:
        """The series that `score` expects as rows, in this order."""
        ...

    @property
    def output_series(self) -> tuple[Labels, ...]:
        """The rows of `Scores`: `series`, then one row for each group."""
        ...

    @property
    def step_milliseconds(self) -> int: ...

    def initial_carry(self) -> Carry:
        """Return the carry at the end of the history that the model was fitted on."""
        ...

    def score(self, recent: Panel, carry: Carry) -> tuple[Scores, Carry]:
        """Return the scores of `recent`, which starts where `carry` ends, and the next carry.

        Raises ModelError when series, step or start do not fit.
        """
        ...

    def welcome(
        self, first_values: dict[Labels, float], carry: Carry
    ) -> tuple["FittedDetector", Carry]:
        """Return a model that also scores the unknown series that it can, and its carry.

        They come below the series that there are, new groups below the groups; what is said of
        the others stays the same. `first_values` are those of the unknown series.
        """
        ...

    def absence(self, carry: Carry, now_milliseconds: int) -> Absence:
        """Return how rare the silence of each series is at a time that was read up to."""
        ...

    def state(self) -> State: ...


class Detector(Protocol):
    """Hyperparameters of a detector: a frozen dataclass that only stores them."""

    def fit(self, history: Panel, earlier: FittedDetector | None = None) -> FittedDetector:
        """Return what was learned. Rows with too little history stay, and cannot say.

        A model `earlier` that ended within this history may hand down what it saw before it.
        Raises NotEnoughHistory when no row has enough.
        """
        ...


@dataclass(frozen=True, eq=False)
class Forecast:
    """Quantiles of the future, made at one instant.

    Args:
        series: the labels of each row.
        start_milliseconds: the time of the first forecast slot.
        step_milliseconds: from one forecast slot to the next.
        quantile_levels: sorted, each in (0, 1), 0.5 always among them.
        quantiles: (n_series, n_steps, n_quantiles) in the units of the signal, never crossing.
        model: for each row, the name of the model that made it.
    """

    series: tuple[Labels, ...]
    start_milliseconds: int
    step_milliseconds: int
    quantile_levels: tuple[float, ...]
    quantiles: FloatArray
    model: tuple[str, ...]


# On which side of a limit the trouble is: `above` when larger values are, `below` when smaller.
Side: TypeAlias = Literal["above", "below"]


@dataclass(frozen=True, eq=False)
class Extremes:
    """How far the future goes: quantiles of the worst value reached so far, over possible paths.

    They know no limit, so that any can be asked for later, also one that changes.

    Args:
        series: the labels of each row.
        side: `above` for the largest value reached, `below` for the smallest.
        times_milliseconds: (n_slots,) the instants, at most some dozens. The first is where the
            paths are first looked at, the last the end of the horizon.
        levels: (n_levels,) of the quantiles, sorted, each in (0, 1).
        reached: (n_series, n_slots, n_levels) quantiles of the largest (smallest) value from the
            first instant up to each, in the units of the signal. They grow with the level, and
            with time (fall with time for `below`). NaN rows cannot be said.
    """

    series: tuple[Labels, ...]
    side: Side
    times_milliseconds: IntegerArray
    levels: FloatArray
    reached: FloatArray


class FittedForecaster(Protocol):
    """Learned state of a forecaster: arrays, one row a series; it never changes."""

    @property
    def series(self) -> tuple[Labels, ...]: ...

    @property
    def step_milliseconds(self) -> int: ...

    def predict(self, n_steps: int, levels: Sequence[float]) -> Forecast:
        """Return the `n_steps` slots after the history, with central bands of `levels` percent."""
        ...

    def extremes(
        self, n_steps: int, side: Side, *, since_milliseconds: int | None = None
    ) -> Extremes:
        """Return the worst values that paths over the `n_steps` slots after the history reach.

        Only what comes at or after `since_milliseconds` counts; None = the end of the history.
        """
        ...

    def state(self) -> State: ...


class Forecaster(Protocol):
    """Hyperparameters of a forecaster: a frozen dataclass that only stores them."""

    def fit(self, history: Panel) -> FittedForecaster: ...
