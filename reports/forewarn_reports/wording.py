"""Numbers in the words that people use."""

import math
from datetime import UTC, datetime, timedelta

_UNITS = (
    ("years", 365.25 * 86400.0),
    ("days", 86400.0),
    ("hours", 3600.0),
    ("minutes", 60.0),
    ("seconds", 1.0),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_YEARS = 1000.0
_COMMON_SECONDS = 60.0


def rarity_text(return_period_seconds: float) -> str:
    """Return how often a deviation is to be expected, in words; NaN = it cannot be said.

    >>> rarity_text(214 * 86400.0)
    'once in 214 days'
    """
    if math.isnan(return_period_seconds):
        return "cannot say"
    if return_period_seconds < _COMMON_SECONDS:
        return "all the time"
    if return_period_seconds >= _LONGEST_YEARS * _UNITS[0][1]:
        return f"rarer than once in {_LONGEST_YEARS:,.0f} years"
    return f"once in {duration_text(return_period_seconds)}"


def duration_text(seconds: float) -> str:
    """Return a duration in its largest unit that is at least two; infinite = `never`.

    >>> duration_text(7200.0), duration_text(5400.0), duration_text(float("inf"))
    ('2 hours', '90 minutes', 'never')
    """
    if math.isinf(seconds):
        return "never"
    name, size = next(
        ((name, size) for name, size in _UNITS if seconds >= 2 * size), ("seconds", 1.0)
    )
    return f"{seconds / size:,.0f} {name}"


def number_text(value: float) -> str:
    """Return a value with four digits that count, and the prefix of its magnitude.

    >>> number_text(12_345_678.0), number_text(0.1234), number_text(math.nan)
    ('12.35M', '0.1234', '-')
    """
    if not math.isfinite(value):
        return "-" if math.isnan(value) else str(value)
    for prefix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            return f"{value / (size if prefix != 'k' else 1e3):.4g}{prefix}"
    return f"{value:.4g}"


def time_text(milliseconds: int) -> str:
    """Return an instant in UTC as ISO-8601 writes it, with milliseconds where there are some.

    >>> time_text(1_767_225_600_000), time_text(1_767_225_600_250)
    ('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.250Z')
    """
    unit = "milliseconds" if milliseconds % 1000 else "seconds"
    instant = _EPOCH + timedelta(milliseconds=milliseconds)
    return instant.isoformat(timespec=unit).replace("+00:00", "Z")
