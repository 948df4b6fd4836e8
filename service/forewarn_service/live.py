"""What is known right now of every signal: written by the scoring loop, read by all outputs."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple

from forewarn_models.arrays import FloatArray, SmallIntegerArray
from forewarn_models.contract import Forecast
from forewarn_models.labels import Labels
from forewarn_models.verdicts import Verdicts

# Why a row has no verdict; the index into this tuple is what `SignalSnapshot.cannot_say` holds.
#   gap        the newest sample is an explicit "no value", or a group lacks members in its slot
#   stale      no sample for longer than the signal's staleness (see `forewarn_service.timing`)
#   untrained  the champion does not know the series, or had too little history of it
#   source     the source of samples fails
#   no_model   nothing has been trained yet for the signal
CANNOT_SAY = ("", "gap", "stale", "untrained", "source", "no_model")
SAYS, GAP, STALE, UNTRAINED, SOURCE, NO_MODEL = range(len(CANNOT_SAY))


@dataclass(frozen=True, eq=False)
class ForecastSnapshot:
    """The newest forecast of a signal, and what it means for the signal's limit.

    Args:
        forecast: every step of it, all quantiles.
        horizons: the h distances from now at which it is written out as metrics.
        quantiles: (n_series, h, n_quantiles) at those horizons, in the units of the signal.
        time_to_limit_seconds: (n_series, n_quantiles) +Inf = beyond the horizon; NaN = no limit.
        breach_probability: (n_series, h) that the limit is reached by then; NaN = no limit.
        limits: (n_series,) what must not be crossed; NaN = not known.
        values: (n_series,) the newest sample; NaN = not known.
        champion_version: of the forecaster.
        made_milliseconds: when it was made.
    """

    forecast: Forecast
    horizons: tuple[timedelta, ...]
    quantiles: FloatArray
    time_to_limit_seconds: FloatArray
    breach_probability: FloatArray
    limits: FloatArray
    values: FloatArray
    champion_version: int
    made_milliseconds: int


class Missed(NamedTuple):
    """A row that should have samples and has none.

    Args:
        score: how rare its silence is, on the scale of all scores; above 0.
        since_milliseconds: the first slot without a sample.
    """

    score: float
    since_milliseconds: int


@dataclass(frozen=True, eq=False)
class SignalSnapshot:
    """The newest verdict of each output row of one signal.

    Args:
        signal: its name.
        published_milliseconds: the time of the tick that made it.
        newest: exactly one entry for each row, in row order, so entry i is row i: the
            champion's `output_series`, then series that it does not know. A row that never had a
            sample has the timestamp 0 and NaN everywhere.
        cannot_say: (n_rows,) index into CANNOT_SAY; 0 = it says. Where it is not 0, score, return
            period, expected and band of `newest` are to be ignored.
        champion_version: of the detector; None = there is none.
        forecast: the newest forecast; None = none is configured or made yet.
        missed: the rows whose silence is rare.
    """

    signal: str
    published_milliseconds: int
    newest: Verdicts
    cannot_say: SmallIntegerArray
    champion_version: int | None
    forecast: ForecastSnapshot | None = None
    missed: Mapping[int, Missed] = field(default_factory=dict)

    @property
    def series(self) -> tuple[Labels, ...]:
        """The labels of each row."""
        return self.newest.series


class Live:
    """Holds the newest snapshot of each signal; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshots: Mapping[str, SignalSnapshot] = MappingProxyType({})

    def publish(self, snapshot: SignalSnapshot) -> None:
        """Make `snapshot` the newest of its signal."""
        with self._lock:
            self._snapshots = MappingProxyType({**self._snapshots, snapshot.signal: snapshot})

    def snapshots(self) -> Mapping[str, SignalSnapshot]:
        """Return the newest snapshot of each signal that has one; it never changes afterwards."""
        return self._snapshots
