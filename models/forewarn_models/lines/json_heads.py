"""Lines that are JSON records: what each says, found without making objects.

What is not sure is left to others: broken records, keys with escapes, keys that count and stand
there twice, deep nesting, values of another kind than that of most loggers.
"""

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled, lent
from forewarn_models.lines import layout
from forewarn_models.lines.json_table import (
    HAS_CHILDREN,
    HOST,
    IS_CONTAINER,
    IS_OF_PYTHON,
    LEVEL,
    LOG,
    MESSAGE,
    N_ROLES,
    NO_ORDER,
    NODE,
    NONE,
    OF_CONTAINER,
    ORDER,
    ROOT,
    SERVICE,
    TIME,
    WAYS,
    row_of_key,
)
from forewarn_models.lines.json_times import time_of_number
from forewarn_models.lines.json_values import (
    ESCAPED_STRING,
    NUMBER,
    OPENED,
    QUOTE,
    STRING,
    UNSURE,
    WORD,
    after_scalar,
    end_of_string,
)
from forewarn_models.lines.places import is_byte_at
from forewarn_models.lines.severity import level_of_letter, level_of_number, level_of_word
from forewarn_models.lines.times import epoch_at, time_at

# What was found of a line: nothing for sure, what its head has now, that with a message whose
# escapes are still to be written out, and the same of a line of a container.
LEFT, READ, READ_ESCAPED, CONTAINED, CONTAINED_ESCAPED = range(5)

_OBJECT, _OBJECT_END, _LIST, _LIST_END, _COMMA, _COLON = 123, 125, 91, 93, 44, 58
_MOST_DEPTH = 60
_MOST_TIME_BYTES = 64
# The columns of what was found for a role.
_FOUND_ORDER, _KIND, _BEGIN, _END, _ROW = range(5)
# By role, the last kind of value that can be one; another kind is as if the key were not there.
_LAST_KIND = (ESCAPED_STRING, NUMBER, NUMBER, ESCAPED_STRING, ESCAPED_STRING, OPENED)


@compiled
def read_json_heads(
    data: AnyArray,
    heads: IntegerArray,
    table: tuple[IntegerArray, AnyArray, int],
    clock: tuple[int, int],
    most_bytes: int,
) -> IntegerArray:
    """Return (n,) what was found of n lines, and write it to their heads.

    Args:
        data: bytes.
        heads: (n, N_COLUMNS) of lines whose messages begin with a brace.
        table: which keys count, a `KeyTable`.
        clock: now and the local zone, as `time_at` has them.
        most_bytes: longer records are left.
    """
    rows, names, n_nodes = table
    found = np.zeros(len(heads), dtype=np.int64)
    best = np.empty((N_ROLES, 5), dtype=np.int64)
    seen = np.full(n_nodes, NONE, dtype=np.int64)
    nodes = np.empty(_MOST_DEPTH + 1, dtype=np.int64)
    for line in range(len(heads)):
        begin, end = heads[line, layout.BEGIN], heads[line, layout.END]
        if end - begin > most_bytes:
            continue
        best[:, _FOUND_ORDER] = NO_ORDER
        seen[ROOT] = line
        state = (lent(best), lent(seen), lent(nodes))
        of_container = _walk(lent(data), begin, end, (lent(rows), lent(names)), state)
        if of_container != UNSURE:
            is_container = of_container == IS_CONTAINER and best[LOG, _FOUND_ORDER] == 0
            found[line] = _take(
                lent(data), lent(best), lent(rows), is_container, clock, lent(heads[line])
            )
    return found


@compiled
def _walk(
    data: AnyArray,
    begin: int,
    end: int,
    table: tuple[IntegerArray, AnyArray],
    state: tuple[IntegerArray, IntegerArray, IntegerArray],
) -> int:
    """Note the values that count, and return which keys of a container there are, or `UNSURE`."""
    best, seen, nodes = state
    place, depth, kinds, row, of_container = begin, 0, 0, NONE, 0
    while depth < _MOST_DEPTH:
        if kinds & 1:
            place, row = _after_key(data, place, end, nodes[depth], table)
            of_container |= _mark(table[0], row, seen)
            if place == UNSURE or of_container < 0:
                return UNSURE
        value = place
        place, kind = _after_value(data, place, end)
        if row != NONE:
            _note(table[0], row, (kind, value, place), best)
        if kind == OPENED:
            depth, kinds = depth + 1, kinds << 1 | (data[value] == _OBJECT)
            nodes[depth] = _node_in(table[0], row, depth)
            row = NONE
            place = _after_blanks(data, place, end)
            if not _is_end(data, place, end, kinds):
                continue
        place, depth, kinds = _after_ends(data, place, end, depth, kinds)
        row = NONE
        if depth == 0 or place == UNSURE:
            return of_container if place == end else UNSURE
    return UNSURE


@compiled
def _after_key(
    data: AnyArray, begin: int, end: int, node: int, table: tuple[IntegerArray, AnyArray]
) -> tuple[int, int]:
    """Return the place of the value after a key, and the row of the key."""
    place = begin
    if not is_byte_at(data, place, end, QUOTE):
        return UNSURE, NONE
    last, has_escapes = end_of_string(data, place + 1, end)
    if last == UNSURE or has_escapes or last == place + 1:
        return UNSURE, NONE
    row = row_of_key(data, place + 1, last, node, table[0], table[1]) if node != NONE else NONE
    place = _after_blanks(data, last + 1, end)
    if not is_byte_at(data, place, end, _COLON):
        return UNSURE, NONE
    return _after_blanks(data, place + 1, end), row


@compiled
def _mark(rows: IntegerArray, row: int, seen: IntegerArray) -> int:
    """Mark a key as seen; return which one of a container it is, `UNSURE` where it was seen."""
    if row == NONE:
        return 0
    node = rows[row, NODE]
    if seen[node] == seen[ROOT]:
        return UNSURE
    seen[node] = seen[ROOT]
    return int(rows[row, OF_CONTAINER])


@compiled
def _after_value(data: AnyArray, begin: int, end: int) -> tuple[int, int]:
    """Return the place after a value, or after the bracket that opens it, and what it is."""
    if begin >= end or begin < 0:
        return UNSURE, WORD
    if data[begin] in (_OBJECT, _LIST):
        return begin + 1, OPENED
    return after_scalar(data, begin, end)


@compiled
def _node_in(rows: IntegerArray, row: int, depth: int) -> int:
    """Return the number by which keys of a record are looked up, `NONE` where none counts."""
    if depth == 1:
        return ROOT
    return rows[row, NODE] if row != NONE and rows[row, HAS_CHILDREN] else NONE


@compiled
def _is_end(data: AnyArray, place: int, end: int, kinds: int) -> bool:
    return is_byte_at(data, place, end, _OBJECT_END if kinds & 1 else _LIST_END)


@compiled
def _after_ends(
    data: AnyArray, begin: int, end: int, depth: int, kinds: int
) -> tuple[int, int, int]:
    """Return the place of what follows a value, and how deep that lies, of which kinds."""
    place = begin
    while place != UNSURE and depth > 0:
        place = _after_blanks(data, place, end)
        if is_byte_at(data, place, end, _COMMA):
            return _after_blanks(data, place + 1, end), depth, kinds
        if not _is_end(data, place, end, kinds):
            return UNSURE, depth, kinds
        place, depth, kinds = place + 1, depth - 1, kinds >> 1
    return _after_blanks(data, place, end), depth, kinds


@compiled
def _after_blanks(data: AnyArray, begin: int, end: int) -> int:
    place = begin
    while 0 <= place < end and data[place] in (32, 9, 13, 10):
        place += 1
    return place


@compiled
def _note(rows: IntegerArray, row: int, value: tuple[int, int, int], best: IntegerArray) -> None:
    """Keep a value for the roles of its key where no better one was there."""
    for role in range(N_ROLES):
        order = rows[row, ORDER + role]
        if order < best[role, _FOUND_ORDER] and value[0] <= _LAST_KIND[role]:
            best[role, _FOUND_ORDER], best[role, _ROW] = order, row
            best[role, _KIND], best[role, _BEGIN], best[role, _END] = value


@compiled
def _take(
    data: AnyArray,
    best: IntegerArray,
    rows: IntegerArray,
    is_container: bool,
    clock: tuple[int, int],
    head: IntegerArray,
) -> int:
    """Write to a head what was found, unless one of it is not sure; say how much was found."""
    message = LOG if is_container and best[LOG, _KIND] in (STRING, ESCAPED_STRING) else MESSAGE
    is_found = best[message, _FOUND_ORDER] < NO_ORDER
    if is_found and not (best[message, _KIND] == ESCAPED_STRING or _is_text(best, message)):
        return LEFT
    level, nanoseconds = _level(data, best, rows), _time(data, best, clock)
    if level < 0 or nanoseconds < 0 or not (_is_sure(best, HOST) and _is_sure(best, SERVICE)):
        return LEFT
    head[layout.LEVEL] = level or head[layout.LEVEL]
    if head[layout.NANOSECONDS] <= 0:
        head[layout.NANOSECONDS] = nanoseconds
    _name(best, head)
    if not is_found:
        return READ
    head[layout.BEGIN], head[layout.END] = _span(best, message)
    is_escaped = int(best[message, _KIND] == ESCAPED_STRING)
    return (CONTAINED if message == LOG else READ) + is_escaped


@compiled
def _is_sure(best: IntegerArray, role: int) -> bool:
    return best[role, _FOUND_ORDER] == NO_ORDER or _is_text(best, role)


@compiled
def _name(best: IntegerArray, head: IntegerArray) -> None:
    """Write who wrote a line, as far as it was found."""
    if best[HOST, _FOUND_ORDER] < NO_ORDER:
        head[layout.HOST_BEGIN], head[layout.HOST_END] = _span(best, HOST)
    if best[SERVICE, _FOUND_ORDER] < NO_ORDER:
        head[layout.SERVICE_BEGIN], head[layout.SERVICE_END] = _span(best, SERVICE)
        head[layout.SERVICE_RANK] = best[SERVICE, _FOUND_ORDER] // WAYS


@compiled
def _is_text(best: IntegerArray, role: int) -> bool:
    """Say whether a value is a text without escapes that is not empty."""
    return bool(best[role, _KIND] == STRING and best[role, _END] - best[role, _BEGIN] > 2)


@compiled
def _span(best: IntegerArray, role: int) -> tuple[int, int]:
    return best[role, _BEGIN] + 1, best[role, _END] - 1


@compiled
def _level(data: AnyArray, best: IntegerArray, rows: IntegerArray) -> int:
    """Return the level, 0 where none is said, `UNSURE` where it is none that is known here."""
    if best[LEVEL, _FOUND_ORDER] == NO_ORDER:
        return 0
    kind, begin, end = best[LEVEL, _KIND], best[LEVEL, _BEGIN], best[LEVEL, _END]
    is_number = kind == NUMBER and end - begin <= 2
    if kind == STRING:
        begin, end = begin + 1, end - 1
        is_number = end - begin == 1
    elif not is_number:
        return UNSURE
    number = _small_number(data, begin, end)
    if is_number and number >= 0:
        level = level_of_number(number, bool(rows[best[LEVEL, _ROW], IS_OF_PYTHON]))
    else:
        level = level_of_word(data, begin, end) or level_of_letter(data, begin, end)
    return level or UNSURE


@compiled
def _small_number(data: AnyArray, begin: int, end: int) -> int:
    number = 0
    for place in range(begin, end):
        digit = int(data[place]) - 48
        if digit < 0 or digit > 9:
            return -1
        number = (number * 10 + digit) % 1000
    return number


@compiled
def _time(data: AnyArray, best: IntegerArray, clock: tuple[int, int]) -> int:
    """Return the time, 0 where none is said, `UNSURE` where it is none that is known here."""
    if best[TIME, _FOUND_ORDER] == NO_ORDER:
        return 0
    kind, begin, end = best[TIME, _KIND], best[TIME, _BEGIN], best[TIME, _END]
    if kind == NUMBER:
        return time_of_number(data, begin, end)
    if kind != STRING or end - begin - 2 >= _MOST_TIME_BYTES:
        return UNSURE
    begin, end = begin + 1, end - 1
    nanoseconds, after = time_at(data, begin, end, clock[0], clock[1])
    return nanoseconds if after > begin else epoch_at(data, begin, end)
