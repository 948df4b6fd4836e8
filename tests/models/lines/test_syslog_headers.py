import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forewarn_models.lines.syslog_headers import (
    HOST_BEGIN,
    HOST_END,
    KEY,
    MESSAGE_BEGIN,
    MESSAGE_END,
    N_HEADER_COLUMNS,
    PRIORITY,
    PROGRAM_BEGIN,
    PROGRAM_END,
    read_headers,
)
from forewarn_models.lines.syslog_times import LOCAL_SECOND, NANOSECONDS, YEAR

EXAMPLES = 30 if os.environ.get("NUMBA_DISABLE_JIT") else 300
DAY = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Header:
    priority: int
    host: bytes
    program: bytes
    message: bytes
    nanoseconds: int
    year: int
    local_second: int
    key: int


def headers(*lines: bytes) -> list[Header]:
    data = b"\n".join(lines)
    ends = np.cumsum([len(line) + 1 for line in lines]) - 1
    begins = ends - [len(line) for line in lines]
    found = np.empty((len(lines), N_HEADER_COLUMNS), dtype=np.int64)
    read_headers(np.frombuffer(data, dtype=np.uint8), np.column_stack((begins, ends)), found)
    for row, (begin, end) in zip(found, zip(begins, ends, strict=True), strict=True):
        for first, last in ((HOST_BEGIN, HOST_END), (PROGRAM_BEGIN, PROGRAM_END)):
            assert begin <= row[first] <= row[last] <= end
        assert begin <= row[MESSAGE_BEGIN] <= row[MESSAGE_END] == end
    return [
        Header(
            int(row[PRIORITY]),
            data[row[HOST_BEGIN] : row[HOST_END]],
            data[row[PROGRAM_BEGIN] : row[PROGRAM_END]],
            data[row[MESSAGE_BEGIN] : row[MESSAGE_END]],
            int(row[NANOSECONDS]),
            int(row[YEAR]),
            int(row[LOCAL_SECOND]),
            int(row[KEY]),
        )
        for row in found
    ]


def header(line: bytes) -> Header:
    return headers(line)[0]


def parts(line: bytes) -> tuple[bytes, bytes, bytes]:
    found = header(line)
    return found.host, found.program, found.message


def nanoseconds(when: datetime) -> int:
    return (when - EPOCH) // timedelta(microseconds=1) * 1000


def utc(*fields: int) -> int:
    return nanoseconds(datetime(*fields, tzinfo=UTC))


def local_second(month: int, day: int, second: int) -> int:
    return ((month - 1) * 31 + day - 1) * DAY + second


WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30).filter(
    lambda text: text != "-"
)
ELEMENT = st.builds(
    lambda name, value: f'[{name} k="{value}"]',
    st.text("abc@123", min_size=1, max_size=8),
    st.text(st.characters(codec="utf-8"), max_size=10).map(
        lambda text: text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
    ),
)
WHEN = st.datetimes(datetime(1970, 1, 2), datetime(2261, 12, 30))  # noqa: DTZ001  zones come beside


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    priority=st.integers(0, 191),
    when=WHEN,
    ahead_minutes=st.integers(-14 * 60, 14 * 60),
    host=WORD,
    program=WORD,
    elements=st.lists(ELEMENT, max_size=3).map("".join),
    mark=st.sampled_from(["", "\ufeff"]),
    message=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(
        lambda text: not text.startswith("\ufeff")
    ),
)
def test_a_made_up_line_of_rfc_5424_is_read_back(
    priority, when, ahead_minutes, host, program, elements, mark, message
):
    zone = timezone(timedelta(minutes=ahead_minutes))
    when = when.replace(tzinfo=zone)
    time = when.isoformat()
    head = f"<{priority}>1 {time} {host} {program} 42 - {elements or '-'} "
    found = header((head + mark + message).encode())
    assert (found.priority, found.host.decode(), found.program.decode()) == (
        *(priority, host, program),
    )
    assert found.message.decode() == message
    assert (found.nanoseconds, found.local_second) == (nanoseconds(when), -1)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    priority=st.integers(0, 191),
    when=WHEN,
    host=st.text("abcxyz019.-:", min_size=1, max_size=20).filter(lambda text: text[-1] != ":"),
    program=st.text("abcxyz019./_-()", min_size=1, max_size=20),
    process=st.one_of(st.none(), st.integers(0, 99999)),
    message=st.text(st.characters(codec="utf-8"), max_size=40),
)
def test_a_made_up_line_of_rfc_3164_is_read_back(priority, when, host, program, process, message):
    tag = program if process is None else f"{program}[{process}]"
    time = f"{when:%b} {when.day:2} {when:%H:%M:%S}"
    found = header(f"<{priority}>{time} {host} {tag}: {message}".encode())
    assert (found.priority, found.host.decode(), found.program.decode()) == (
        *(priority, host, program),
    )
    assert found.message.decode() == message
    second = when.hour * 3600 + when.minute * 60 + when.second
    assert (found.year, found.nanoseconds) == (0, 0)
    assert found.local_second == local_second(when.month, when.day, second)


PIECES = st.sampled_from(
    [
        *(b"<13>", b"<13>1 ", b"<", b">", b"2003-10-11T22:14:15", b".5", b"Z", b"+02:00", b" "),
        *(b"Oct 11 22:14:15", b"Feb  3 ", b"12: ", b"*", b"su", b"[1]", b":", b'[a b="c"]', b'"'),
        *(b"\\", b"]", b"[", b"\xef\xbb\xbf", b"\xff", b"x" * 256, b"9", b"\x00", b"\x1b[31m"),
        b"- ",
    ]
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(lines=st.lists(st.lists(PIECES, max_size=12).map(b"".join), min_size=1, max_size=5))
@example([b""])
def test_any_bytes_are_read_within_their_line(lines):
    assert [found.key for found in headers(*lines)] == [header(line).key for line in lines]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"plain: text", (b"", b"", b"plain: text")),
        (b"", (b"", b"", b"")),
        (b"<13>", (b"", b"", b"")),
        (b"<192>x", (b"", b"", b"<192>x")),
        (b"<>x", (b"", b"", b"<>x")),
        (b"<1x>x", (b"", b"", b"<1x>x")),
        (b"<13>su: x", (b"", b"su", b"x")),
        (b"<13>no tag here", (b"", b"", b"no tag here")),
        (b"<13>Oct 11 22:14:15 su[12]: x", (b"", b"su", b"x")),
        (b"<13>Oct 11 22:14:15 su: x", (b"", b"su", b"x")),
        (b"<13>Oct 11 22:14:15 host", (b"", b"", b"host")),
        (b"<13>Oct 11 22:14:15", (b"", b"", b"")),
        (b"<13>Oct 11 22:14:15 host words without a tag", (b"host", b"", b"words without a tag")),
        (b"<13>Oct 11 22:14:15 host a:b c", (b"host", b"", b"a:b c")),
        (b"<13>Oct 11 22:14:15 host a[b c", (b"host", b"", b"a[b c")),
        (b"<13>Oct 11 22:14:15 host a[b]c d", (b"host", b"", b"a[b]c d")),
        (b"<13>Oct 11 22:14:15 host [b] d", (b"host", b"", b"[b] d")),
        (b"Oct 11 22:14:15 host su: x", (b"host", b"su", b"x")),
        (b"<13>Oct 11 25:14:15 host su: x", (b"", b"", b"Oct 11 25:14:15 host su: x")),
        (b"<13>Oct 41 22:14:15 host su: x", (b"", b"", b"Oct 41 22:14:15 host su: x")),
        (b"<13>Okt 11 22:14:15 host su: x", (b"", b"", b"Okt 11 22:14:15 host su: x")),
        (b"<13>Oct 11 22-14-15 host su: x", (b"", b"", b"Oct 11 22-14-15 host su: x")),
        (b"<189>77: *Mar  1 18:46:11.1: %SYS-5-C: x", (b"", b"%SYS-5-C", b"x")),
        (b"<13>1 - - - - - -", (b"", b"", b"")),
        (b"<13>1 - - - - - - ", (b"", b"", b"")),
        (b"<13>1 - h p - - -", (b"h", b"p", b"")),
        (b'<13>1 - h p - - [a b="c"]', (b"h", b"p", b'[a b="c"]')),
        (b'<13>1 - h p - - [a b="c" x', (b"h", b"p", b'[a b="c" x')),
        (b'<13>1 - h p - - [a b="]\\""] x', (b"h", b"p", b"x")),
        (b"<13>1 - h p - - -x", (b"h", b"p", b"-x")),
        (b"<13>1 - h p", (b"", b"", b"1 - h p")),
        (b"<13>1 x h p - - - m", (b"", b"", b"1 x h p - - - m")),
        (b"<13>1 - h  p - - - m", (b"", b"", b"1 - h  p - - - m")),
        (
            b"<13>1 - " + b"h" * 256 + b" p - - - m",
            (b"", b"", b"1 - " + b"h" * 256 + b" p - - - m"),
        ),
        (b"<13>1 - " + b"h" * 255 + b" p - - - m", (b"h" * 255, b"p", b"m")),
    ],
)
def test_what_is_no_header_is_message(line, expected):
    assert parts(line) == expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (b"2003-10-11T22:14:15.003Z", (utc(2003, 10, 11, 22, 14, 15, 3000), 0, -1)),
        (b"2003-10-11t22:14:15z", (utc(2003, 10, 11, 22, 14, 15, 0), 0, -1)),
        (b"2003-10-11T22:14:15.1234567891Z", (1065910455123456789, 0, -1)),
        (b"2003-10-11T22:14:60Z", (utc(2003, 10, 11, 22, 14, 59, 0), 0, -1)),
        (b"2003-10-11T22:14:15+0530", (utc(2003, 10, 11, 16, 44, 15, 0), 0, -1)),
        (b"2003-10-11T22:14:15.5", (500_000_000, 2003, local_second(10, 11, 80055))),
        (b"2003-10-11T22:14:15+99:00", (0, 2003, local_second(10, 11, 80055))),
        (b"Oct  1 2003 22:14:15", (0, 2003, local_second(10, 1, 80055))),
        (b"Oct 1 22:14:15,25", (250_000_000, 0, local_second(10, 1, 80055))),
        (b"1969-10-11T22:14:15Z", (0, 0, -1)),
        (b"2003/10-11T22:14:15Z", (0, 0, -1)),
        (b"2003-10/11T22:14:15Z", (0, 0, -1)),
        (b"2003-10-11 22:14:15Z", (0, 0, -1)),
        (b"2003-13-11T22:14:15Z", (0, 0, -1)),
    ],
)
def test_times_are_read_in_their_forms(time, expected):
    found = header(b"<13>" + time + b" host su: x")
    assert (found.nanoseconds, found.year, found.local_second) == expected


def test_the_key_tells_host_program_and_facility_apart():
    lines = [b"<13>Oct 11 22:14:15 %s %s: x" % pair for pair in [(b"a", b"bc"), (b"ab", b"c")]]
    lines += [b"<21>Oct 11 22:14:15 a bc: x", b"<12>Oct 12 22:14:15 a bc: another"]
    keys = [found.key for found in headers(*lines)]
    assert len(set(keys)) == 3
    assert keys[0] == keys[3]
