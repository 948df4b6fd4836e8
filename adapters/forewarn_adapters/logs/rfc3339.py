"""Times as servers write them, such as 2026-11-23T06:40:53.787840693Z, to the nanosecond."""

from collections.abc import Sequence

import numpy as np

from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import SourceUnavailable

_CHARACTERS = 30  # with nine digits after the point and Z
_SECOND_CHARACTERS = 19
_POWERS = 10 ** np.arange(8, -1, -1, dtype=np.int64)


def rfc3339(nanoseconds: int) -> str:
    """Return a time in UTC with all nine digits.

    >>> rfc3339(1_795_416_053_787_840_693)
    '2026-11-23T06:40:53.787840693Z'
    """
    return f"{np.datetime64(nanoseconds, 'ns')}Z"


def nanoseconds_of(texts: Sequence[str]) -> IntegerArray:
    """Return (n,) nanoseconds since the epoch of times in UTC.

    Raises SourceUnavailable when one is no such time: what came is not whole.
    """
    if not texts:
        return np.empty(0, dtype=np.int64)
    try:
        table = (
            np.array(list(map(_utc, texts)), dtype=f"S{_CHARACTERS}")
            .view(np.uint8)
            .reshape(-1, _CHARACTERS)
        )
        whole = table[:, :_SECOND_CHARACTERS].copy().view(f"S{_SECOND_CHARACTERS}").reshape(-1)
        seconds = whole.astype("datetime64[s]").astype(np.int64)
    except (ValueError, TypeError) as broken:
        raise SourceUnavailable(
            f"times must be in UTC as RFC 3339 writes them, got one like {str(texts[0])[:40]!r}"
        ) from broken
    fraction = table[:, _SECOND_CHARACTERS + 1 : -1].astype(np.int64) - ord("0")
    is_over = np.logical_or.accumulate((fraction < 0) | (fraction > 9), axis=1)
    nanoseconds: IntegerArray = np.where(is_over, 0, fraction) @ _POWERS
    return seconds * 1_000_000_000 + nanoseconds


def _utc(text: str) -> str:
    if text[-1:] != "Z" or len(text) > _CHARACTERS:
        raise ValueError("not in UTC")
    return text
