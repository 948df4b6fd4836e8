"""What a capacity report holds: the outlook of each signal, and its series in ranked rows."""

import math
from dataclasses import dataclass
from typing import Literal

from forewarn_models.contract import Forecast
from forewarn_models.labels import Labels, label_text
from forewarn_models.outlook import Outlook, ranked

Standing = Literal["at_limit", "likely", "possible", "unlikely", "unknown"]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How forecasts of a signal turned out; NaN = not known.

    Args:
        error_ratio: error over that of the seasonal naive forecast; below 1 is better.
        coverage_80_ratio: share of the values that the central 80 % band held.
        coverage_95_ratio: the same of the 95 % band.
    """

    error_ratio: float
    coverage_80_ratio: float
    coverage_95_ratio: float


@dataclass(frozen=True, slots=True)
class Record:
    """How right a champion was so far.

    Args:
        back_test: at earlier instants of its history.
        n_origins: how many of them were tried.
        live: what the service issued against what came, by the distance in seconds.
    """

    back_test: Accuracy
    n_origins: int
    live: tuple[tuple[float, Accuracy], ...] = ()


@dataclass(frozen=True, eq=False)
class SignalCapacity:
    """One signal of a report.

    Args:
        name: of the signal.
        outlook: its series; row i is that of `forecast`.
        forecast: from the instant of the report on, up to the horizon.
        record: of its champion.
        version: of the champion.
        trained_milliseconds: when it was trained.
    """

    name: str
    outlook: Outlook
    forecast: Forecast
    record: Record
    version: int
    trained_milliseconds: int


@dataclass(frozen=True, eq=False)
class CapacityReport:
    """All that a report is made of.

    Args:
        made_milliseconds: the instant from which it looks ahead.
        signals: those that can be reported.
        problems: what is missing from it, a sentence each.
        assumption: of a what-if, a sentence; empty = it is of the load of today.
    """

    made_milliseconds: int
    signals: tuple[SignalCapacity, ...]
    problems: tuple[str, ...] = ()
    assumption: str = ""


@dataclass(frozen=True, slots=True)
class CapacityRow:
    """One series of a report; times and chances as in `Outlook`.

    Args:
        rank: from 1 on; what runs out first has the lowest.
        signal: its name.
        labels: of the series.
        row: its row in the outlook and the forecast of the signal.
        value: the newest sample.
        limit: what must not be crossed.
        side: `above` or `below`.
        growth_per_day: of the median forecast.
        early_seconds: the time by which the chance is 1 in 10.
        middle_seconds: the time by which it is as likely as not.
        late_seconds: the time by which the chance is 9 in 10.
        chances: pairs of a distance in seconds and the chance of a breach by then.
    """

    rank: int
    signal: str
    labels: Labels
    row: int
    value: float
    limit: float
    side: Literal["above", "below"]
    growth_per_day: float
    early_seconds: float
    middle_seconds: float
    late_seconds: float
    chances: tuple[tuple[float, float], ...]

    @property
    def name(self) -> str:
        """The signal, and what tells its series apart."""
        return f"{self.signal}{label_text(self.labels)}" if self.labels else self.signal

    @property
    def horizon_seconds(self) -> float:
        return self.chances[-1][0]

    @property
    def standing(self) -> Standing:
        """How near the limit is: as likely as not within the horizon, possible (1 in 10), or not.

        A series beyond its limit is at it, whatever its forecast says. One whose value is not
        known is at it when its forecast all but begins there.
        """
        is_beyond = self.value >= self.limit if self.side == "above" else self.value <= self.limit
        if is_beyond or self.late_seconds == 0:
            return "at_limit"
        if math.isnan(self.middle_seconds):
            return "unknown"
        if math.isfinite(self.middle_seconds):
            return "likely"
        return "possible" if math.isfinite(self.early_seconds) else "unlikely"


def rows_of(report: CapacityReport) -> tuple[CapacityRow, ...]:
    """Return the series of all signals, what runs out first first."""
    order = ranked([signal.outlook for signal in report.signals]).tolist()
    return tuple(
        _row(report.signals[which], row, rank=rank)
        for rank, (which, row) in enumerate(order, start=1)
    )


def _row(signal: SignalCapacity, row: int, *, rank: int) -> CapacityRow:
    outlook = signal.outlook
    early, middle, late = outlook.time_to_limit_seconds[row].tolist()
    probabilities = outlook.breach_probability[row].tolist()
    return CapacityRow(
        rank=rank,
        signal=signal.name,
        labels=outlook.series[row],
        row=row,
        value=float(outlook.value[row]),
        limit=float(outlook.limit[row]),
        side=outlook.side,
        growth_per_day=float(outlook.growth_per_day[row]),
        early_seconds=early,
        middle_seconds=middle,
        late_seconds=late,
        chances=tuple(zip(outlook.horizons_seconds, probabilities, strict=True)),
    )
