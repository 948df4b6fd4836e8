"""What the recording `demo` holds: two simulated weeks with faults on the last day.

It is simulated, not recorded, and says so wherever it is shown: two weeks of a real system do not
fit into a small file or into the time that a recording may take. `data/record/simulate.py` writes
it; a test makes it again and compares.
"""

import numpy as np

from forewarn_data.faults import Fault, FaultKind
from forewarn_data.generator import DAY_MILLISECONDS, demo_series, simulate
from forewarn_models.arrays import FloatArray
from forewarn_models.panel import Panel

STEP_MILLISECONDS = 300_000
# Wednesday, 2026-10-07, 00:00 UTC; the last of the fourteen days is a Tuesday.
START_MILLISECONDS = 1_791_331_200_000
END_MILLISECONDS = START_MILLISECONDS + 14 * DAY_MILLISECONDS
LAST_DAY_MILLISECONDS = END_MILLISECONDS - DAY_MILLISECONDS

# More digits than a person can use make the file larger and nothing better.
_SIGNIFICANT_DIGITS = 4


def _fault(kind: FaultKind, series: str, hour: float, *, minutes: int, factor: float) -> Fault:
    start = LAST_DAY_MILLISECONDS + round(hour * 3_600_000)
    return Fault(kind, series, start, start + minutes * 60_000, factor)


DEMO_FAULTS = (
    _fault("level_shift", 'demo_latency_seconds{service="checkout"}', 10.0, minutes=60, factor=2.5),
    _fault("spike", 'demo_error_ratio{service="search"}', 13.0, minutes=40, factor=12.0),
    _fault("dropout", 'demo_requests_per_second{service="login"}', 15.0, minutes=45, factor=1.0),
    _fault("drift", "demo_queue_length", 17.0, minutes=120, factor=8.0),
    _fault(
        "level_shift", 'demo_requests_per_second{service="search"}', 20.5, minutes=60, factor=0.3
    ),
)


def demo_panel() -> Panel:
    """Return the two weeks, rounded to four significant digits; NaN where samples drop out."""
    times = np.arange(START_MILLISECONDS, END_MILLISECONDS, STEP_MILLISECONDS, dtype=np.int64)
    panel = simulate(
        demo_series(), times, faults=DEMO_FAULTS, origin_milliseconds=START_MILLISECONDS
    )
    return Panel(_rounded(panel.values), panel.series, START_MILLISECONDS, STEP_MILLISECONDS)


def _rounded(values: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log10(np.abs(values)))
    unit = 10.0 ** (np.where(np.isfinite(exponent), exponent, 0.0) - _SIGNIFICANT_DIGITS + 1)
    # Through text: dividing and multiplying would leave digits in the last places again.
    rounded = np.round(values / unit) * unit
    return np.array([[float(f"{value:.10g}") for value in row] for row in rounded.tolist()])
