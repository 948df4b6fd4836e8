"""Lines by who wrote them."""

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled, lent
from forewarn_models.lines.layout import HOST_BEGIN, HOST_END, SERVICE_BEGIN, SERVICE_END

_PRIME, _MASK = 0x01000193, (1 << 36) - 1
# Longer names are cut, here and where they are made text.
MOST_NAME_BYTES = 200


@compiled
def grouped(
    data: AnyArray, heads: IntegerArray, stream: IntegerArray
) -> tuple[IntegerArray, IntegerArray]:
    """Return (n,) the group of each of n lines, and (n_groups,) the first line of each group.

    Lines of one group have the same stream, the same service and the same host.
    """
    n = len(heads)
    group = np.zeros(n, dtype=np.int64)
    first = np.empty(n, dtype=np.int64)
    n_slots = 16
    while n_slots < 2 * n:
        n_slots *= 2
    slots = np.full(n_slots, -1, dtype=np.int64)
    n_groups = 0
    for line in range(n):
        if line and _are_alike(lent(data), lent(heads), stream, line, line - 1):
            group[line] = group[line - 1]
            continue
        slot = _hash(lent(data), lent(heads), stream, line) & (n_slots - 1)
        while slots[slot] >= 0 and not _are_alike(
            lent(data), lent(heads), stream, line, first[slots[slot]]
        ):
            slot = (slot + 1) & (n_slots - 1)
        if slots[slot] < 0:
            slots[slot], first[n_groups] = n_groups, line
            n_groups += 1
        group[line] = slots[slot]
    return group, first[:n_groups].copy()


@compiled
def _are_alike(
    data: AnyArray, heads: IntegerArray, stream: IntegerArray, line: int, other: int
) -> bool:
    if stream[line] != stream[other]:
        return False
    return _are_same_bytes(
        data,
        heads[line, SERVICE_BEGIN],
        heads[line, SERVICE_END],
        heads[other, SERVICE_BEGIN],
        heads[other, SERVICE_END],
    ) and _are_same_bytes(
        data,
        heads[line, HOST_BEGIN],
        heads[line, HOST_END],
        heads[other, HOST_BEGIN],
        heads[other, HOST_END],
    )


@compiled
def _are_same_bytes(data: AnyArray, begin: int, end: int, other: int, other_end: int) -> bool:
    n_bytes = min(end - begin, MOST_NAME_BYTES)
    if n_bytes != min(other_end - other, MOST_NAME_BYTES):
        return False
    n_alike = 0
    while n_alike < n_bytes and data[begin + n_alike] == data[other + n_alike]:
        n_alike += 1
    return n_alike == n_bytes


@compiled
def _hash(data: AnyArray, heads: IntegerArray, stream: IntegerArray, line: int) -> int:
    code = stream[line] + 1
    for column in (SERVICE_BEGIN, HOST_BEGIN):
        begin = heads[line, column]
        end = min(heads[line, column + 1], begin + MOST_NAME_BYTES)
        code = ((code ^ (end - begin)) * _PRIME) & _MASK
        for place in range(begin, end):
            code = ((code ^ int(data[place])) * _PRIME) & _MASK
    return int(code ^ (code >> 17))
