"""Durations with units, as people write them in configuration: `30s`, `1h30m`, `28d`."""

import re
from datetime import timedelta

from forewarn_models.errors import ConfigError

_MILLISECONDS = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "y": 31_536_000_000,
}
_PART = re.compile(r"(\d{1,12})(ms|[smhdwy])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_LONGEST = timedelta(days=36_500)


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` names: whole numbers with units, largest first or not.

    Raises ConfigError when the text is not of that form, is zero, or exceeds a hundred years.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if not _WHOLE.fullmatch(text):
        raise ConfigError(
            f"a duration must be whole numbers with units ms, s, m, h, d, w or y, such as 30s, "
            f"1h30m or 28d, got {text!r}"
        )
    milliseconds = sum(int(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(text))
    if not 0 < milliseconds <= _LONGEST / timedelta(milliseconds=1):
        raise ConfigError(
            f"a duration must be longer than zero and at most a hundred years, got {text!r}"
        )
    return timedelta(milliseconds=milliseconds)


def format_duration(duration: timedelta) -> str:
    """Return a duration as configuration writes it; `parse_duration` reads it back.

    >>> format_duration(timedelta(minutes=90))
    '1h30m'
    """
    left = milliseconds_of(duration)
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):  # 28d and 1/30d, as people write them
        count, left = divmod(left, _MILLISECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def milliseconds_of(duration: timedelta) -> int:
    """Return a duration in whole milliseconds, the resolution of Prometheus.

    >>> milliseconds_of(timedelta(seconds=1.5))
    1500
    """
    return duration // timedelta(milliseconds=1)
