"""Lines of loggers: a time, a level, the names of threads and loggers, then the message."""

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.digits import n_digits_at
from forewarn_models.lines.layout import (
    BEGIN,
    BYTE_CLASSES,
    HEADED,
    KIND,
    LETTER,
    LEVEL,
    MOST_HEAD_BYTES,
    NANOSECONDS,
    SPACE,
)
from forewarn_models.lines.places import (
    after_group,
    after_name,
    after_spaces,
    is_byte_at,
    next_byte,
)
from forewarn_models.lines.server_heads import is_note_of_mysql, postgres_head, server_head
from forewarn_models.lines.severity import (
    ERROR,
    FATAL,
    INFO,
    UNKNOWN,
    WARN,
    level_near,
    level_of_word,
)
from forewarn_models.lines.times import month_and_day_at, time_at

_OPEN, _CLOSE, _ROUND, _UNROUND, _COLON, _DASH, _BAR, _SPACE, _DOT, _STAR = (
    *(91, 93, 40, 41, 58, 45, 124, 32, 46, 42),
)
_HASH, _COMMA = 35, 44
_MOST_BEFORE_LEVEL = 4
_MOST_AFTER_LEVEL = 6
_GLOG_BYTES = 21


@compiled
def logger_head(
    data: AnyArray,
    begin: int,
    end: int,
    clock: tuple[int, int],
    is_asked: bool,
    head: IntegerArray,
) -> None:
    """Write what a line of a logger says: its time, its level, where its message begins.

    Where loggers were not asked for (`is_asked`), a name before a colon belongs to the message
    unless it has a dot.
    """
    if _glog(data, begin, end, clock, head) or server_head(data, begin, end, clock, head):
        return
    limit = min(end, begin + MOST_HEAD_BYTES)
    message = begin
    is_bracketed = is_byte_at(data, begin, limit, _OPEN)
    nanoseconds, after = time_at(data, begin + is_bracketed, limit, clock[0], clock[1])
    has_time = after > begin + is_bracketed
    if has_time:
        head[KIND], head[NANOSECONDS] = HEADED, nanoseconds
        message = _after_marks(data, after, limit)
    place, level = _after_level(data, message, limit, _MOST_BEFORE_LEVEL if has_time else 1)
    if level:
        head[LEVEL] = level
        place += int(is_bracketed and is_byte_at(data, place, limit, _CLOSE))  # [15:00:00 INF]
        if not has_time:
            place = _after_late_time(data, place, limit, clock, head)
        named = _after_logger(data, place, limit, is_asked)
        if has_time or head[NANOSECONDS] or is_asked:
            head[KIND] = HEADED
            message = named
    elif has_time and postgres_head(data, message, end, head):
        return
    else:
        head[LEVEL] = level_near(data, message, end)
    head[BEGIN] = message


@compiled
def _glog(data: AnyArray, begin: int, end: int, clock: tuple[int, int], head: IntegerArray) -> bool:
    """Read `E1127 15:00:00.123456    1 file.go:12] message`."""
    if end - begin < _GLOG_BYTES or n_digits_at(data, begin + 1, end, 5) != 4:
        return False
    if data[begin + 5] != _SPACE or data[begin + 8] != _COLON:
        return False
    level = 0
    if data[begin] == 73:
        level = INFO
    elif data[begin] == 87:
        level = WARN
    elif data[begin] == 69:
        level = ERROR
    elif data[begin] == 70:
        level = FATAL
    close = next_byte(data, begin, min(end, begin + MOST_HEAD_BYTES), _CLOSE)
    if not level or not is_byte_at(data, close, end, _CLOSE):
        return False
    head[KIND], head[LEVEL] = HEADED, level
    head[NANOSECONDS], _ = month_and_day_at(data, begin + 1, end, clock[0], clock[1])
    head[BEGIN] = after_spaces(data, close + 1, end)
    return True


@compiled
def _after_late_time(
    data: AnyArray, begin: int, end: int, clock: tuple[int, int], head: IntegerArray
) -> int:
    """Write the time that follows a level, `ERROR 2026-11-27 15:00:00,123`; return its end."""
    place = after_spaces(data, begin, end)
    place += is_byte_at(data, place, end, _OPEN)
    nanoseconds, after = time_at(data, place, end, clock[0], clock[1])
    if after == place:
        return begin
    head[NANOSECONDS] = nanoseconds
    return _after_marks(data, after, end)


@compiled
def _after_marks(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after what ends a time: `]`, `:`, `-`, `|`, and blanks."""
    place = begin
    while place < end and data[place] in (_CLOSE, _COLON, _BAR, _SPACE, 9, _COMMA):
        place += 1
    if is_byte_at(data, place, end, _DASH) and is_byte_at(data, place + 1, end, _SPACE):
        place = after_spaces(data, place + 1, end)
    return place


@compiled
def _after_level(data: AnyArray, begin: int, end: int, most_fields: int) -> tuple[int, int]:
    """Return the place after a level that is among the first fields, and it, 0 where none."""
    place = begin
    for _ in range(most_fields):
        place = _after_separators(data, place, end)
        if place >= end:
            break
        if data[place] == _OPEN or data[place] == _ROUND:
            closing = _CLOSE if data[place] == _OPEN else _UNROUND
            after = after_group(data, place, end, closing)
            level = _level_in(data, place + 1, after - 1)
            if level:
                return after, level
            if after == place:
                break
        else:
            after = after_name(data, place, end)
            level = _level_of_field(data, place, after, end)
            if level:
                return after, level
            after = _after_process(data, after, end)
            if after == place or not (after == end or BYTE_CLASSES[data[after]] & SPACE):
                break
        place = after
    return begin, 0


@compiled
def _level_of_field(data: AnyArray, begin: int, after: int, end: int) -> int:
    """Return the level that is a word in capitals, also behind a channel: `production.ERROR:`."""
    level = level_of_word(data, begin, after) if _is_capital(data, begin, after) else 0
    if level or not is_byte_at(data, after, end, _COLON):
        return level
    dot = after
    while dot > begin and data[dot - 1] != _DOT:
        dot -= 1
    is_channel = begin < dot and _is_capital(data, dot, after)
    return level_of_word(data, dot, after) if is_channel else 0


@compiled
def _level_in(data: AnyArray, begin: int, end: int) -> int:
    """Return the level between brackets, also after a module's name: `[core:error]`."""
    begin = after_spaces(data, begin, end)
    while end > begin and BYTE_CLASSES[data[end - 1]] & SPACE:
        end -= 1
    colon = next_byte(data, begin, end, _COLON)
    level = level_of_word(data, colon + 1 if colon < end else begin, end)
    return level or (INFO if is_note_of_mysql(data, begin, end) else UNKNOWN)


@compiled
def _is_capital(data: AnyArray, begin: int, end: int) -> bool:
    return (
        begin < end
        and BYTE_CLASSES[data[begin]] & LETTER != 0
        and data[begin] < 97
        and (data[end - 1] < 97)
    )


@compiled
def _after_process(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after nginx's `12#34:`."""
    if not is_byte_at(data, begin, end, _HASH):
        return begin
    n = n_digits_at(data, begin + 1, end, 12)
    after = begin + 1 + n
    return after + 1 if n and is_byte_at(data, after, end, _COLON) else begin


@compiled
def _after_separators(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after blanks, and after a dash or a bar that stands alone."""
    place = after_spaces(data, begin, end)
    while (
        place + 1 < end and data[place] in (_DASH, _BAR) and BYTE_CLASSES[data[place + 1]] & SPACE
    ):
        place = after_spaces(data, place + 1, end)
    return place


@compiled
def _after_logger(data: AnyArray, begin: int, end: int, is_asked: bool) -> int:
    """Return where the message begins after the level: behind groups, numbers, a logger's name."""
    if is_byte_at(data, begin, end, _COLON):
        after = after_name(data, begin + 1, end)
        if after > begin + 1 and is_byte_at(data, after, end, _COLON):
            return after_spaces(data, after + 1, end)  # LEVEL:name:message
        return after_spaces(data, begin + 1, end)
    message = _after_separators(data, begin, end)
    if _has_mark(data, begin, message):
        return message
    after = _after_name_of_logger(data, message, end, is_asked)
    return after if after > message else _after_groups(data, message, end)


@compiled
def _after_name_of_logger(data: AnyArray, begin: int, end: int, is_asked: bool) -> int:
    """Return the place after `[thread] 12 --- logger :` or the like, `begin` where none is."""
    place, n_names, is_sure = begin, 0, is_asked
    for _ in range(_MOST_AFTER_LEVEL):
        after = _after_field(data, place, end)
        is_name = after > place and BYTE_CLASSES[data[place]] & LETTER != 0
        is_group = is_byte_at(data, place, end, _OPEN)
        n_names += is_name
        if after == place or n_names > 1:
            break
        is_sure = is_sure or not is_name or _is_dotted(data, place, after)
        if is_name and is_sure and is_byte_at(data, after, end, _COLON):
            return _after_line_number(data, after + 1, end)
        place = after_spaces(data, after, end)
        if place == after:
            break
        if (is_name or is_group) and is_sure and _is_mark(data, place, end):
            return after_spaces(data, place + 1, end)
        if is_name and is_sure and _is_request(data, place, end):
            return after_spaces(data, after_group(data, place, end, _CLOSE), end)
    return begin


@compiled
def _after_line_number(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after blanks, and after the number of a line that a file's name has."""
    after = begin + n_digits_at(data, begin, end, 6)
    is_number = after > begin and after < end and BYTE_CLASSES[data[after]] & SPACE
    return after_spaces(data, after if is_number else begin, end)


@compiled
def _is_request(data: AnyArray, begin: int, end: int) -> bool:
    """Say whether `[req-...]` or `[-]` is there, as OpenStack writes whose request it is."""
    if not is_byte_at(data, begin, end, _OPEN) or begin + 4 >= end:
        return False
    if data[begin + 1] == _DASH:
        return bool(data[begin + 2] == _CLOSE)
    is_named = data[begin + 1] == 114 and data[begin + 2] == 101 and data[begin + 3] == 113
    return bool(is_named and data[begin + 4] == _DASH)


@compiled
def _after_field(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after `[group]`, a name, a number or `---`; `begin` where none is."""
    if is_byte_at(data, begin, end, _OPEN):
        return after_group(data, begin, end, _CLOSE)
    after = after_name(data, begin, end)
    processed = _after_process(data, after, end)
    if is_byte_at(data, after, end, _OPEN):
        return after_group(data, after, end, _CLOSE)
    return processed


@compiled
def _is_dotted(data: AnyArray, begin: int, end: int) -> bool:
    """Say whether a name looks like one of a class: a dot in it."""
    dot = next_byte(data, begin, end, _DOT)
    return begin < dot < end - 1


@compiled
def _is_mark(data: AnyArray, place: int, end: int) -> bool:
    """Say whether a dash, a colon or a bar stands alone."""
    if place + 1 >= end or not BYTE_CLASSES[data[place + 1]] & SPACE:
        return False
    return data[place] in (_DASH, _COLON, _BAR)


@compiled
def _has_mark(data: AnyArray, begin: int, end: int) -> bool:
    while begin < end and data[begin] not in (_DASH, _BAR):
        begin += 1
    return begin < end


@compiled
def _after_groups(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after Apache's `[pid 1:tid 2] [client ::1]` and nginx's `12#34: *5 `."""
    place = begin
    while is_byte_at(data, place, end, _OPEN):
        after = after_group(data, place, end, _CLOSE)
        if after == place:
            break
        place = after_spaces(data, after, end)
    number = n_digits_at(data, place, end, 12)
    after = _after_process(data, place + number, end)
    if after > place + number:
        place = after_spaces(data, after, end)
        if is_byte_at(data, place, end, _STAR):
            digits = n_digits_at(data, place + 1, end, 18)
            place = after_spaces(data, place + 1 + digits, end)
    return place
