"""Which keys of a JSON record say what, as a table that kernels look keys up in."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled

# What keys are for: in what order candidates count is a number for each of these.
MESSAGE, LEVEL, TIME, HOST, SERVICE, LOG = range(6)
N_ROLES = 6
# The columns of a table's rows: the record that the key is in, its bytes, what it is for.
_PARENT, _BEGIN, _END, NODE, HAS_CHILDREN, OF_CONTAINER, IS_OF_PYTHON, ORDER = range(8)
N_COLUMNS = ORDER + N_ROLES

ROOT, NONE = 0, -1
NO_ORDER = 1 << 40
# A name with dots may be a key, or keys in records: in the order of candidates, two in a row.
WAYS = 2
_OF_CONTAINER = {"log": 1, "stream": 2, "time": 4}
# All of these together, at the top: the keys of Docker's json-file.
IS_CONTAINER = 7


class KeyTable(NamedTuple):
    """Keys in records and in records in them.

    Args:
        rows: (n_slots, N_COLUMNS) open addressing; a slot without a key has node `NONE`.
        names: the bytes of the keys.
        n_nodes: how many keys there are, and the record itself.
    """

    rows: IntegerArray
    names: AnyArray
    n_nodes: int


def key_table(candidates: Iterable[tuple[int, int, Sequence[str]]]) -> KeyTable:
    """Return the table for role, order and path of each candidate, of which the lowest counts.

    Of candidates for a service, the order divided by `WAYS` is the rank of the name. The keys of
    Docker's json-file are there for the role `LOG` whatever else they are for.
    """
    nodes: dict[tuple[int, str], list[int]] = {}

    def node(parent: int, key: str) -> list[int]:
        empty = [parent, 0, 0, len(nodes) + 1, 0, 0, key == "levelno", *[NO_ORDER] * N_ROLES]
        return nodes.setdefault((parent, key), empty)

    for role, order, path in candidates:
        row = node(ROOT, path[0])
        for key in path[1:]:
            row[HAS_CHILDREN] = 1
            is_of_python = row[IS_OF_PYTHON]
            row = node(row[NODE], key)
            row[IS_OF_PYTHON] = is_of_python
        row[ORDER + role] = min(row[ORDER + role], order)
    for key, bit in _OF_CONTAINER.items():
        node(ROOT, key)[OF_CONTAINER] = bit
    node(ROOT, "log")[ORDER + LOG] = 0
    return _addressed(nodes)


def _addressed(nodes: dict[tuple[int, str], list[int]]) -> KeyTable:
    n_slots = 64
    while n_slots < 4 * len(nodes):
        n_slots *= 2
    rows = np.full((n_slots, N_COLUMNS), NONE, dtype=np.int64)
    names = b""
    for (parent, key), row in nodes.items():
        name = key.encode()
        row[_BEGIN], row[_END] = len(names), len(names) + len(name)
        slot = _slot(np.frombuffer(name or b"\0", dtype=np.uint8), 0, len(name), parent)
        while rows[slot & (n_slots - 1), NODE] != NONE:
            slot += 1
        rows[slot & (n_slots - 1)] = row
        names += name
    return KeyTable(rows, np.frombuffer(names, dtype=np.uint8), len(nodes) + 1)


@compiled
def _slot(data: AnyArray, begin: int, end: int, parent: int) -> int:
    """Return a number for a key by its length and three of its bytes."""
    n = end - begin
    if n == 0:
        return parent
    middle, last = int(data[begin + n // 2]), int(data[end - 1])
    code = int(data[begin]) * 7 + middle * 131 + last * 1031 + n * 8209 + parent * 65_537
    return code ^ (code >> 7)


@compiled
def row_of_key(
    data: AnyArray, begin: int, end: int, parent: int, rows: IntegerArray, names: AnyArray
) -> int:
    """Return the row of a key in the record that is `parent`, `NONE` where it is for nothing."""
    mask = len(rows) - 1
    slot = _slot(data, begin, end, parent) & mask
    while rows[slot, NODE] != NONE:
        first = rows[slot, _BEGIN]
        if rows[slot, _PARENT] == parent and rows[slot, _END] - first == end - begin:
            n_alike = 0
            while begin + n_alike < end and data[begin + n_alike] == names[first + n_alike]:
                n_alike += 1
            if begin + n_alike == end:
                return slot
        slot = (slot + 1) & mask
    return NONE
