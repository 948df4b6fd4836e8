"""A small capacity report: one series of each standing, on a straight forecast of 40 days."""

from dataclasses import replace

import numpy as np

from forewarn_models.contract import Forecast
from forewarn_models.outlook import Outlook
from forewarn_models.panel import Panel
from forewarn_reports.capacity import Accuracy, CapacityReport, Record, SignalCapacity

DAY = 86_400.0
MADE = 1_767_225_600_000  # 1 January 2026
NEVER, UNKNOWN = np.inf, np.nan
NAMES = ("possible", "at-limit", "likely", "later", "unknown", "unlikely")
SERIES = tuple((("mount", f"/{name}"),) for name in NAMES)
TIMES = (
    (30 * DAY, NEVER, NEVER),
    (0.0, 0.0, 0.0),
    (21 * DAY, 27 * DAY, 34 * DAY),
    (25 * DAY, 36 * DAY, NEVER),
    (UNKNOWN,) * 3,
    (NEVER,) * 3,
)
CHANCES = (
    (0.0, 0.02, 0.3),
    (1.0, 1.0, 1.0),
    (0.0, 0.05, 0.97),
    (0.0, 0.04, 0.6),
    (UNKNOWN,) * 3,
    (0.0, 0.0, 0.004),
)
GOOD = Accuracy(error_ratio=0.6, coverage_80_ratio=0.79, coverage_95_ratio=0.94)
RECORD = Record(GOOD, n_origins=4, live=((10 * DAY, replace(GOOD, error_ratio=0.7)),))


def outlook() -> Outlook:
    return Outlook(
        series=SERIES,
        value=np.array([60.0, 101.0, 75.0, 70.0, UNKNOWN, 10.0]),
        limit=np.full(6, 100.0),
        side="above",
        growth_per_day=np.array([0.5, 0.0, 0.9, 0.8, UNKNOWN, -0.1]),
        time_to_limit_seconds=np.array(TIMES),
        horizons_seconds=(10 * DAY, 20 * DAY, 40 * DAY),
        breach_probability=np.array(CHANCES),
    )


def capacity(name: str = "disk", **changes) -> SignalCapacity:
    """Return a signal; changes are those of its outlook."""
    seen = replace(outlook(), **changes)
    n_series = len(seen.series)
    median = seen.value[:, None] + seen.growth_per_day[:, None] * np.arange(1, 161) / 4
    quantiles = median[:, :, None] + np.array([-4.0, -2.0, 0.0, 2.0, 4.0])
    levels = (0.025, 0.1, 0.5, 0.9, 0.975)
    step = 21_600_000
    forecast = Forecast(seen.series, MADE + step, step, levels, quantiles, ("hybrid",) * n_series)
    return SignalCapacity(name, seen, forecast, RECORD, 7, MADE - 86_400_000)


def report(*signals: SignalCapacity, problems: tuple[str, ...] = ()) -> CapacityReport:
    return CapacityReport(MADE, signals or (capacity(),), problems)


def history() -> Panel:
    step = 21_600_000
    values = np.full((6, 320), 50.0) + np.arange(320) / 16
    return Panel(values, SERIES, MADE - 320 * step, step)
