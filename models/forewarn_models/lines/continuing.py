"""Which lines go on with the line before them: stack traces, and lines that are indented."""

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled, lent
from forewarn_models.lines.layout import (
    BEGIN,
    BYTE_CLASSES,
    END,
    EXPLAINING,
    HEADED,
    KIND,
    LETTER,
    LEVEL,
    NAME,
    PLAIN,
    SERVICE_END,
    SPACE,
    TITLED,
)
from forewarn_models.lines.places import after_spaces
from forewarn_models.lines.severity import ERROR, FATAL, WARN

# What is known of a trace: none, inside one of Python, after its last line, inside one of Go.
_NONE, _PYTHON, _PYTHON_END, _GO = range(4)
_COLON, _DOT, _ROUND_CLOSE = 58, 46, 41
_BEFORE = -1


def _bytes(text: bytes) -> AnyArray:
    return np.frombuffer(text, dtype=np.uint8)


_TRACEBACK = _bytes(b"Traceback (most recent call last):")
_DURING = _bytes(b"During handling of the above exception")
_ABOVE = _bytes(b"The above exception was the direct cause")
_CAUSED_BY = _bytes(b"Caused by: ")
_SUPPRESSED = _bytes(b"Suppressed: ")
_MORE = _bytes(b"... ")
_AT = _bytes(b"at ")
_FILE = _bytes(b'File "')
_FROM = _bytes(b"from ")
_TAB_OF_RSYSLOG = _bytes(b"#011")
_GOROUTINE = _bytes(b"goroutine ")
_PANIC = _bytes(b"panic: ")
_SIGNAL = _bytes(b"[signal ")
_CREATED_BY = _bytes(b"created by ")
_EXIT = _bytes(b"exit status ")
_EXCEPTION, _ERROR, _THROWABLE = _bytes(b"Exception"), _bytes(b"Error"), _bytes(b"Throwable")


@compiled
def continued(
    data: AnyArray, heads: IntegerArray, group: IntegerArray, n_groups: int
) -> IntegerArray:
    """Return (n,) the line that each of n lines goes on with, itself where it begins something.

    -1 goes on with a line of the same group that came before all of these. Where a trace of Python
    begins without a line of a logger, its head is given the message of its last line, which says
    what was raised.

    Args:
        data: bytes.
        heads: (n, N_COLUMNS) what lines say of themselves; messages and levels are written to.
        group: (n,) who wrote each line: only lines of one group go on with one another.
        n_groups: how many there are.
    """
    owner = np.empty(len(heads), dtype=np.int64)
    last = np.full(n_groups, _BEFORE, dtype=np.int64)
    state = np.zeros(n_groups, dtype=np.int64)
    for line in range(len(heads)):
        who = group[line]
        before = last[who]
        level = heads[before, LEVEL] if before >= 0 else 0
        goes_on, state[who] = _goes_on(
            lent(data), lent(heads[line]), state[who], level, before >= 0
        )
        if goes_on:
            owner[line] = before
            if before >= 0:
                _name(lent(data), lent(heads), before, line, state[who] == _PYTHON_END)
        else:
            owner[line] = last[who] = line
    _begin_groups_without_head(data, heads, group, (owner, last))
    return owner


@compiled
def _goes_on(
    data: AnyArray, head: IntegerArray, state: int, level: int, has_head: bool
) -> tuple[bool, int]:
    """Say whether a line goes on with the one before it, whose level is known; the next state."""
    begin, end, kind = head[BEGIN], head[END], head[KIND]
    if kind == EXPLAINING:
        return True, state
    is_indented = _is_indented(data, begin, end)
    if kind == HEADED and head[SERVICE_END] > 0 and is_indented:
        return _is_frame(data, begin, end), state  # a trace through syslog
    if kind != PLAIN:
        return False, _NONE
    if begin == end:
        return state != _NONE, state
    if is_indented:
        return True, state
    if _begins(data, begin, end, _PANIC):
        head[LEVEL] = FATAL
    return _goes_on_at_margin(data, begin, end, (state, level, int(has_head)))


@compiled
def _goes_on_at_margin(
    data: AnyArray, begin: int, end: int, before: tuple[int, int, int]
) -> tuple[bool, int]:
    """Say the same of a line that is not indented: what traces of Python and Go have there."""
    state, level, has_head = before
    goes_on, after = False, _NONE
    if _begins(data, begin, end, _TRACEBACK):
        goes_on = (state == _PYTHON_END or level in (ERROR, FATAL)) and has_head != 0
        after = _PYTHON
    elif _is_of_python(data, begin, end, state):
        goes_on, after = True, _PYTHON_END
    elif _begins(data, begin, end, _PANIC):
        after = _GO
    elif _begins(data, begin, end, _GOROUTINE) and data[end - 1] == _COLON:
        goes_on, after = has_head != 0, _GO
    elif state == _GO and _is_of_go(data, begin, end):
        goes_on, after = True, _GO
    elif state != _PYTHON:
        goes_on = _is_of_trace(data, begin, end, level)
    return goes_on, after


@compiled
def _is_of_python(data: AnyArray, begin: int, end: int, state: int) -> bool:
    """Say whether a line ends a trace of Python, or leads from one to the next."""
    if state == _PYTHON:
        return _is_raised(data, begin, end)
    is_between = _begins(data, begin, end, _DURING) or _begins(data, begin, end, _ABOVE)
    return state == _PYTHON_END and is_between


@compiled
def _is_of_trace(data: AnyArray, begin: int, end: int, level: int) -> bool:
    """Say whether a line that is not indented can only be of a trace."""
    if _begins(data, begin, end, _CAUSED_BY) or _begins(data, begin, end, _SUPPRESSED):
        return True
    if end - begin <= 2 and data[begin] in (125, 93):  # what Node ends an object with
        return True
    return level in (WARN, ERROR, FATAL) and _is_exception(data, begin, end)


@compiled
def _is_indented(data: AnyArray, begin: int, end: int) -> bool:
    if begin >= end:
        return False
    return BYTE_CLASSES[data[begin]] & SPACE != 0 or _begins(data, begin, end, _TAB_OF_RSYSLOG)


@compiled
def _begins(data: AnyArray, begin: int, end: int, what: AnyArray) -> bool:
    if end - begin < len(what):
        return False
    n_alike = 0
    while n_alike < len(what) and data[begin + n_alike] == what[n_alike]:
        n_alike += 1
    return n_alike == len(what)


@compiled
def _is_raised(data: AnyArray, begin: int, end: int) -> bool:
    """Say whether a line names an exception as Python does: `package.Name: what`, or no more."""
    if not BYTE_CLASSES[data[begin]] & LETTER:
        return False
    place = begin
    while place < end and BYTE_CLASSES[data[place]] & NAME:
        place += 1
    return place == end or data[place] == _COLON


@compiled
def _is_exception(data: AnyArray, begin: int, end: int) -> bool:
    """Say whether a line names a class with dots that is an exception of Java or .NET."""
    place, dots = begin, 0
    while place < end and BYTE_CLASSES[data[place]] & NAME:
        dots += data[place] == _DOT
        place += 1
    if dots == 0 or not (place == end or data[place] == _COLON):
        return False
    return (
        _ends(data, begin, place, _EXCEPTION)
        or _ends(data, begin, place, _ERROR)
        or (_ends(data, begin, place, _THROWABLE))
    )


@compiled
def _ends(data: AnyArray, begin: int, end: int, what: AnyArray) -> bool:
    return _begins(data, max(begin, end - len(what)), end, what)


@compiled
def _is_of_go(data: AnyArray, begin: int, end: int) -> bool:
    if data[end - 1] == _ROUND_CLOSE or _begins(data, begin, end, _SIGNAL):
        return True
    return _begins(data, begin, end, _CREATED_BY) or _begins(data, begin, end, _EXIT)


@compiled
def _name(data: AnyArray, heads: IntegerArray, head: int, line: int, is_raised: bool) -> None:
    """Give a line the message that another one of it has, where it has none of its own."""
    if heads[head, KIND] == TITLED:
        heads[head, KIND] = HEADED
        heads[head, BEGIN] = after_spaces(data, heads[line, BEGIN], heads[line, END])
        heads[head, END] = heads[line, END]
    elif is_raised:
        _name_trace(data, heads, head, line)


@compiled
def _name_trace(data: AnyArray, heads: IntegerArray, head: int, line: int) -> None:
    """Let a trace that has no line of a logger say what was raised."""
    if _begins(data, heads[head, BEGIN], heads[head, END], _TRACEBACK):
        heads[head, BEGIN], heads[head, END] = heads[line, BEGIN], heads[line, END]
        if not heads[head, LEVEL]:
            heads[head, LEVEL] = ERROR


@compiled
def _begin_groups_without_head(
    data: AnyArray,
    heads: IntegerArray,
    group: IntegerArray,
    found: tuple[IntegerArray, IntegerArray],
) -> None:
    """Let lines of a group in which none begins something stand alone, but for those of a trace.

    What writes nothing but indented lines is not lost.
    """
    owner, last = found
    for line in range(len(heads)):
        who = group[line]
        if owner[line] != _BEFORE or last[who] >= 0:
            continue
        begin, end = after_spaces(data, heads[line, BEGIN], heads[line, END]), heads[line, END]
        if begin < end and not _is_frame(data, begin, end):
            owner[line] = line


@compiled
def _is_frame(data: AnyArray, begin: int, end: int) -> bool:
    """Say whether a line is of a trace, with blanks before it or without."""
    if _begins(data, begin, end, _TAB_OF_RSYSLOG):
        return True
    begin = after_spaces(data, begin, end)
    if _begins(data, begin, end, _AT) or _begins(data, begin, end, _MORE):
        return True
    if _begins(data, begin, end, _FILE) or _begins(data, begin, end, _FROM):
        return True
    return _begins(data, begin, end, _CAUSED_BY)
