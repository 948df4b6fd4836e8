"""How large and how slow a request may be: no input may exhaust memory or hold a place for ever."""

from dataclasses import dataclass

MAX_SERIES = 1_000
MAX_SAMPLES = 200_000  # of one request, all series together
MAX_CELLS = 2_000_000  # series x slots of the grid that a request spans
MAX_REPEATS = 1_000  # samples in a slot that has one of their series already
MAX_HORIZON_STEPS = 20_000
MAX_FORECAST_VALUES = 5_000_000  # series x slots x quantiles of one answer
MAX_LEVELS = 10
MAX_SLOW_SERIES = 10  # of one request to a forecaster that takes seconds for each
MAX_LABELS = 64
MAX_PAGE = 1_000
MAX_PAGE_VALUES = 200_000  # quantiles of a page of a forecast that is there
MAX_HORIZONS = 20
MAX_SELECTOR = 500  # characters
MAX_MATCHERS = 10
MAX_CHANGES = 100  # patterns of an answer about logs
MAX_CHANGED_SERVICES = 20
MAX_WINDOWS = 24  # before the one that is looked at
MAX_WINDOW_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that a deployment's machine decides.

    Args:
        body_bytes: a longer body is refused with 413 before it is read whole.
        body_seconds: a body must have arrived whole in this time.
        workers: threads that score and forecast on demand.
        waiting: requests that may wait for one of them; more are refused with 503.
        deadline_seconds: an answer that takes longer is given up with 503.
        denied_per_minute: denied attempts that the audit records in a minute; the rest are
            counted in the next record, so that a flood cannot fill the store.
    """

    body_bytes: int = 8 * 2**20
    body_seconds: float = 15.0
    workers: int = 2
    waiting: int = 8
    deadline_seconds: float = 60.0
    denied_per_minute: int = 60


DEFAULT_LIMITS = Limits()
