"""Series in blocks, so that a fleet needs no more memory at work than a part of it."""

# Numbers in a block: the forecasts of its series at all origins stay near the processor's caches.
_BLOCK_NUMBERS = 2_000_000


def blocks_of(shape: tuple[int, int], numbers_per_series: int, *, n_origins: int) -> list[slice]:
    """Return slices of rows.

    Args:
        shape: series and times.
        numbers_per_series: that are made of a series, beside its history, at an origin.
        n_origins: how many histories of a series there are at once.
    """
    rows = max(1, _BLOCK_NUMBERS // max(1, n_origins * (shape[1] + numbers_per_series)))
    return [slice(first, min(first + rows, shape[0])) for first in range(0, shape[0], rows)]
