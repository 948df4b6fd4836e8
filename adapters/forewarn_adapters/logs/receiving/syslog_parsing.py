"""What syslog lines say of themselves: level, time, and who wrote them."""

import time
from datetime import date

import numpy as np

from forewarn_adapters.logs.batch import LEVELS, Cursor, LogBatch, LogStream
from forewarn_adapters.logs.receiving.syslog_blocks import Received
from forewarn_models.arrays import IntegerArray, SmallIntegerArray
from forewarn_models.lines import syslog_headers as headers
from forewarn_models.lines import syslog_times as times

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron"),
    *("authpriv", "ftp", "ntp", "security", "console", "solaris-cron"),
    *(f"local{number}" for number in range(8)),
)
# By severity; the last is of lines that say none.
_LEVELS = np.array(
    [
        LEVELS.index(level)
        for level in ("fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug", "")
    ],
    dtype=np.int8,
)
_HOURS_OF_YEAR = 12 * 31 * 24
_HOUR_SECONDS, _DAY_SECONDS, _BILLION = 3600, 86_400, 1_000_000_000
# A sender's clock may be ahead, or its zone another one.
_AHEAD_SECONDS = 2 * _DAY_SECONDS
_YEARS_TO_LEAP_DAY = 8
_SENDER_PRIME = 0x1000193


def batch_of(received: Received, cursor: Cursor) -> LogBatch:
    """Return the lines with level, time, service, host and message, as far as they say it.

    A time without a zone is taken as this machine's civil time, one without a year as the last time
    that it was so late. Where no host is said, it is the address that sent the line.
    """
    data, lines = received.lines
    found = np.empty((len(lines), headers.N_HEADER_COLUMNS), dtype=np.int64)
    headers.read_headers(np.frombuffer(data, dtype=np.uint8), lines, found)
    stream, streams = _streams(data, found, received)
    messages = found[:, [headers.MESSAGE_BEGIN, headers.MESSAGE_END]]
    return LogBatch(
        lines=received.lines,
        messages=(data, np.ascontiguousarray(messages)),
        timestamp_nanoseconds=_timestamps(found, received.received_nanoseconds),
        level=_levels(found[:, headers.PRIORITY]),
        stream=stream,
        streams=streams,
        cursor=cursor,
    )


def _levels(priority: IntegerArray) -> SmallIntegerArray:
    return np.asarray(_LEVELS[np.where(priority < 0, 8, priority & 7)], dtype=np.int8)


def _streams(
    data: bytes, found: IntegerArray, received: Received
) -> tuple[IntegerArray, tuple[LogStream, ...]]:
    has_no_host = found[:, headers.HOST_BEGIN] == found[:, headers.HOST_END]
    key = found[:, headers.KEY] ^ (has_no_host * (received.sender + 1) * _SENDER_PRIME)
    _, first, stream = np.unique(key, return_index=True, return_inverse=True)
    return stream, tuple(
        _stream(data, row, received.senders[sender])
        for row, sender in zip(found[first].tolist(), received.sender[first], strict=True)
    )


def _stream(data: bytes, row: list[int], sender: str) -> LogStream:
    host = _text(data[row[headers.HOST_BEGIN] : row[headers.HOST_END]])
    service = _text(data[row[headers.PROGRAM_BEGIN] : row[headers.PROGRAM_END]])
    priority = row[headers.PRIORITY]
    labels = () if priority < 0 else (("facility", FACILITIES[priority >> 3]),)
    return LogStream(service=service, host=host or sender, labels=labels)


def _text(name: bytes) -> str:
    text = name.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def _timestamps(found: IntegerArray, received_nanoseconds: IntegerArray) -> IntegerArray:
    nanoseconds = found[:, times.NANOSECONDS].copy()
    is_local = found[:, times.LOCAL_SECOND] >= 0
    if is_local.any():
        nanoseconds[is_local] = _from_civil(
            found[is_local], int(received_nanoseconds[0]) // _BILLION
        )
    return nanoseconds


def _from_civil(found: IntegerArray, received_seconds: int) -> IntegerArray:
    """Return the time since the epoch of civil times; 0 where there is no such day."""
    hour, second = np.divmod(found[:, times.LOCAL_SECOND], _HOUR_SECONDS)
    hours, place = np.unique(found[:, times.YEAR] * _HOURS_OF_YEAR + hour, return_inverse=True)
    begins = np.array(
        [_hour_begin(hour, received_seconds) for hour in hours.tolist()], dtype=np.int64
    )[place]
    nanoseconds = (begins + second) * _BILLION + found[:, times.NANOSECONDS]
    return np.where(begins > 0, nanoseconds, 0)


def _hour_begin(hours: int, received_seconds: int) -> int:
    """Return the second at which an hour of a year began, 0 where no year has it."""
    year, hour_of_year = divmod(hours, _HOURS_OF_YEAR)
    day_of_year, hour = divmod(hour_of_year, 24)
    month, day = divmod(day_of_year, 31)
    newest = time.localtime(received_seconds).tm_year + 1
    for one in [year] if year else range(newest, newest - _YEARS_TO_LEAP_DAY - 2, -1):
        try:
            date(one, month + 1, day + 1)
        except ValueError:
            continue
        begin = int(time.mktime((one, month + 1, day + 1, hour, 0, 0, 0, 0, -1)))
        if year or begin <= received_seconds + _AHEAD_SECONDS:
            return begin
    return 0
