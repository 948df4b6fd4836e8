"""Syslog as it stands in files: RFC 3164, RFC 5424, and both with other times."""

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.layout import (
    BEGIN,
    BYTE_CLASSES,
    HEADED,
    HOST_BEGIN,
    HOST_END,
    KIND,
    LETTER,
    LEVEL,
    NANOSECONDS,
    PROGRAM_RANK,
    SERVICE_BEGIN,
    SERVICE_END,
    SERVICE_RANK,
)
from forewarn_models.lines.places import after_name, after_spaces, is_byte_at, next_byte, next_space
from forewarn_models.lines.server_heads import postgres_head
from forewarn_models.lines.severity import OF_SYSLOG, level_near, level_of_word
from forewarn_models.lines.syslog_parts import (
    after_byte_order_mark,
    after_structured_data,
    priority_at,
)
from forewarn_models.lines.times import time_at

_OPEN, _CLOSE, _COLON, _DASH, _SPACE = 91, 93, 58, 45, 32
_T = 84
_POSTGRES = tuple(b"postgres")
_MOST_NAME_BYTES = 64
_MOST_HOST_BYTES = 255
_DATE_BYTES = 10
_N_FIELDS = 5  # of RFC 5424 after the version: time, host, program, process, message's name


@compiled
def syslog_head(
    data: AnyArray,
    begin: int,
    end: int,
    clock: tuple[int, int],
    is_asked: bool,
    head: IntegerArray,
) -> bool:
    """Write what syslog says of a line, and say whether it is of syslog.

    `clock` is now and the local zone as `time_at` has them. Where syslog was not asked for
    (`is_asked`), a line must have a time as in RFC 3164 or ISO 8601 with a T, a host and a program.
    """
    place, priority = priority_at(data, begin, end)
    has_version = is_byte_at(data, place, end, 49) and is_byte_at(data, place + 1, end, _SPACE)
    if priority >= 0 and has_version and _rfc_5424(data, place + 2, end, clock, head):
        head[LEVEL] = OF_SYSLOG[priority & 7]
        return True
    nanoseconds, after = time_at(data, place, end, clock[0], clock[1])
    if after == place or not is_byte_at(data, after, end, _SPACE):
        return False
    is_iso = after - place > _DATE_BYTES and data[place + 4] == _DASH
    if is_iso and data[place + _DATE_BYTES] != _T and not is_asked:
        return False
    if not _host_and_program(data, after + 1, end, is_asked, head):
        return False
    head[KIND], head[NANOSECONDS] = HEADED, nanoseconds
    if _is_postgres(data, head) and postgres_head(data, head[BEGIN], end, head):
        return True
    head[LEVEL] = level_near(data, head[BEGIN], end) if priority < 0 else OF_SYSLOG[priority & 7]
    return True


@compiled
def _is_postgres(data: AnyArray, head: IntegerArray) -> bool:
    begin, end = head[SERVICE_BEGIN], head[SERVICE_END]
    is_as_long = end - begin >= len(_POSTGRES)
    for number in range(len(_POSTGRES)):
        is_as_long = is_as_long and data[begin + number] == _POSTGRES[number]
    return bool(is_as_long)


@compiled
def _host_and_program(
    data: AnyArray, begin: int, end: int, is_asked: bool, head: IntegerArray
) -> bool:
    """Write host, program and message of RFC 3164: `host program[pid]: message`."""
    begin = after_spaces(data, begin, end)
    host_end = next_space(data, begin, end)
    if host_end == begin or host_end - begin > _MOST_HOST_BYTES or data[begin] == _OPEN:
        return False
    if level_of_word(data, begin, host_end) or data[host_end - 1] == _COLON:
        return False
    program = after_spaces(data, host_end, end)
    program_end = after_name(data, program, end)
    after = _after_process(data, program_end, end)
    is_program = (
        is_byte_at(data, after, end, _COLON)
        and 0 < program_end - program <= _MOST_NAME_BYTES
        and not level_of_word(data, program, program_end)
        and _has_letter(data, program, program_end)
    )
    if not is_program and not is_asked:
        return False
    head[HOST_BEGIN], head[HOST_END] = begin, host_end
    if is_program:
        head[SERVICE_RANK] = PROGRAM_RANK
        head[SERVICE_BEGIN], head[SERVICE_END] = program, program_end
        after += 1 + is_byte_at(data, after + 1, end, _SPACE)
    head[BEGIN] = after if is_program else program
    return True


@compiled
def _after_process(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after `[pid]` or `(what)`, `begin` where there is none."""
    if is_byte_at(data, begin, end, 40):  # cron's and PAM's programs: su(pam_unix)[12]
        begin = min(next_byte(data, begin, end, 41) + 1, end)
    if is_byte_at(data, begin, end, _OPEN):
        return min(next_byte(data, begin, end, _CLOSE) + 1, end)
    return begin


@compiled
def _has_letter(data: AnyArray, begin: int, end: int) -> bool:
    while begin < end and not BYTE_CLASSES[data[begin]] & LETTER:
        begin += 1
    return begin < end


@compiled
def _rfc_5424(
    data: AnyArray, begin: int, end: int, clock: tuple[int, int], head: IntegerArray
) -> bool:
    place = begin
    nanoseconds, after = time_at(data, place, end, clock[0], clock[1])
    if after == place and not is_byte_at(data, place, end, _DASH):
        return False
    for field in range(_N_FIELDS):
        field_end = next_space(data, place, end)
        if field_end == end:
            return False
        is_given = not (field_end == place + 1 and data[place] == _DASH)
        if field == 1 and is_given:
            head[HOST_BEGIN], head[HOST_END] = place, field_end
        if field == 2 and is_given:
            head[SERVICE_RANK] = PROGRAM_RANK
            head[SERVICE_BEGIN], head[SERVICE_END] = place, field_end
        place = field_end + 1
    after = after_structured_data(data, place, end)
    if after == place:
        return False
    message = after_byte_order_mark(data, after + is_byte_at(data, after, end, _SPACE), end)
    head[KIND], head[NANOSECONDS], head[BEGIN] = HEADED, nanoseconds, message
    return True
