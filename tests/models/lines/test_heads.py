"""forewarn_models.lines.heads and the formats that it tells"""

import time
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_models.lines import layout
from forewarn_models.lines.heads import (
    IS_ERROR_OUTPUT,
    end_at_line_feed,
    read_container_heads,
    read_heads,
    write_messages,
)
from forewarn_models.lines.logfmt_heads import hash_of_key
from forewarn_models.lines.severity import DEBUG, ERROR, FATAL, INFO, TRACE, UNKNOWN, WARN
from forewarn_models.lines.warming import warm_lines


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    warm_lines()


NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
NANOSECONDS = int(NOON.timestamp()) * 10**9
CLOCK = (NANOSECONDS, 0)
ROLES = (
    (layout.MESSAGE_KEY, ("message", "msg")),
    (layout.LEVEL_KEY, ("level", "lvl")),
    (layout.TIME_KEY, ("time", "ts")),
    (layout.SERVICE_KEY, ("service", "app")),
    (layout.HOST_KEY, ("host",)),
)
KEYS = np.array(
    sorted(
        (hash_of_key(name), role, rank) for role, names in ROLES for rank, name in enumerate(names)
    ),
    dtype=np.int64,
)
TEXTS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_characters='"\\=\x7f'), min_size=1
)
WORDS = st.from_regex(r"[a-z][a-z0-9]{0,12}", fullmatch=True).filter(
    lambda word: word not in {"log", "config", "fine", "off"}
)
MESSAGES = st.lists(st.one_of(WORDS, st.integers(0, 99).map(str)), min_size=2, max_size=6).map(
    lambda words: f"it {' '.join(words)}"
)


class Head(NamedTuple):
    message: str
    level: int = UNKNOWN
    time: int = 0
    service: str = ""
    host: str = ""


def heads_of(text: bytes, how: str = "auto", n_lines: int = 1) -> list[Head]:
    data = np.frombuffer(text or b"-", dtype=np.uint8)
    lines = np.array([(0, len(text))] * n_lines, dtype=np.int64)
    heads = read_heads(data, lines, layout.FORMATS.index(how), CLOCK, KEYS)
    written, n_bytes = write_messages(data, heads, len(text))
    text += written[:n_bytes].tobytes()
    assert (heads[:, [layout.BEGIN, layout.SERVICE_BEGIN, layout.HOST_BEGIN]] >= 0).all()
    assert (heads[:, [layout.END, layout.SERVICE_END, layout.HOST_END]] <= len(text)).all()

    def cut(head: list[int], begin: int) -> str:
        return text[head[begin] : head[begin + 1]].decode("utf-8", "replace")

    return [
        Head(
            cut(head, layout.BEGIN),
            head[layout.LEVEL],
            head[layout.NANOSECONDS],
            cut(head, layout.SERVICE_BEGIN),
            cut(head, layout.HOST_BEGIN),
        )
        for head in heads.tolist()
    ]


def head_of(text: str, how: str = "auto") -> Head:
    return heads_of(text.encode(), how)[0]


HALF = NANOSECONDS + 500_000_000
KNOWN = [
    ("2026-11-27 12:00:00,500 - my.logger - ERROR - it broke", Head("it broke", ERROR, HALF)),
    ("2026-11-27 12:00:00,500 ERROR my.logger: it broke", Head("it broke", ERROR, HALF)),
    ("2026-11-27 12:00:00,500 ERROR it: broke", Head("it: broke", ERROR, HALF)),
    ("2026-11-27 12:00:00,500 [ERROR] it broke", Head("it broke", ERROR, HALF)),
    ("[2026-11-27 12:00:00,500] [WARNING] it - broke", Head("it - broke", WARN, HALF)),
    ("2026-11-27 12:00:00.500 [main] INFO  com.foo.Bar - up", Head("up", INFO, HALF)),
    ("2026-11-27T12:00:00.5Z  WARN 12 --- [  main] c.e.App : up", Head("up", WARN, HALF)),
    ("12:00:00.500 [main] DEBUG org.x.Y - up", Head("up", DEBUG)),
    ("2026-11-27 12:00:00.5 - WARN  [a[id=1]/0:A@7] - it", Head("it", WARN, HALF)),
    ("2026-11-27 12:00:00.5 INFO 5 - 3 = 2", Head("5 - 3 = 2", INFO, HALF)),
    ("2026-11-27 12:00:00.5 [a [b ERROR it", Head("[a [b ERROR it", ERROR, HALF)),
    ("2026-11-27 12:00:00.5 | TRACE | it was", Head("it was", TRACE, HALF)),
    ("2026-11-27 12:00:00 started - ready", Head("started - ready", UNKNOWN, NANOSECONDS)),
    ("2026-11-27 12:00:00 INFO started - ready", Head("started - ready", INFO, NANOSECONDS)),
    ("2026-11-27 12:00:00.5 UTC [9] LOG:  checkpoint: 1", Head("checkpoint: 1", INFO, HALF)),
    ("2026-11-27 12:00:00.5 UTC [9] FATAL:  no role", Head("no role", FATAL, HALF)),
    ("ERROR 2026-11-27 12:00:00,500 views 77 it broke", Head("views 77 it broke", ERROR, HALF)),
    ("ERROR [2026-11-27 12:00:00,500] it broke", Head("it broke", ERROR, HALF)),
    ("27-Nov-2026 12:00:00.5 SEVERE [main] a.b.C.d it", Head("a.b.C.d it", ERROR, HALF)),
    ("I1127 12:00:00.500000    1 file.go:12] up", Head("up", INFO, HALF)),
    ("W1127 12:00:00.500000    1 file.go:12] up", Head("up", WARN, HALF)),
    ("E1127 12:00:00.500000    1 file.go:12] up", Head("up", ERROR, HALF)),
    ("F1127 12:00:00.500000    1 file.go:12] up", Head("up", FATAL, HALF)),
    (
        "X1127 12:00:00.500000    1 file.go:12] up",
        Head("X1127 12:00:00.500000    1 file.go:12] up"),
    ),
    ("E1127 12:00:00.500000    1 file.go:12 no", Head("E1127 12:00:00.500000    1 file.go:12 no")),
    (
        "E1127-12:00:00.500000    1 file.go:12] no",
        Head("E1127-12:00:00.500000    1 file.go:12] no"),
    ),
    (
        "2026/11/27 12:00:00 [error] 12#0: *5 open() failed, client: 1.2.3.4",
        Head("open() failed, client: 1.2.3.4", ERROR, NANOSECONDS),
    ),
    (
        "[Fri Nov 27 12:00:00.500000 2026] [core:error] [pid 3:tid 4] [client ::1] no file",
        Head("no file", ERROR, HALF),
    ),
    ("[2026-11-27 12:00:00 no end", Head("no end", UNKNOWN, NANOSECONDS)),
    ("2026-11-27 12:00:00 [open ERROR x", Head("[open ERROR x", ERROR, NANOSECONDS)),
    ("ERROR:my.logger:it broke", Head("ERROR:my.logger:it broke", ERROR)),
    ("plain [warn] text", Head("plain [warn] text", WARN)),
    ("plain severity=error text", Head("plain severity=error text", ERROR)),
    ('plain "level":"error" text', Head('plain "level":"error" text', ERROR)),
    ("error: no such file", Head("error: no such file", ERROR)),
    ("no error: none", Head("no error: none")),
    ("no info here", Head("no info here")),
    ("in LOG mode, CONFIG file", Head("in LOG mode, CONFIG file")),
    ("an ERROR_CODE or ERROR2 or X-ERROR", Head("an ERROR_CODE or ERROR2 or X-ERROR")),
    ("  indented ERROR", Head("  indented ERROR")),
    ("", Head("")),
    ("first\nERROR forged", Head("first")),
    ("Nov 27 12:00:00 web sshd[12]: Failed", Head("Failed", UNKNOWN, NANOSECONDS, "sshd", "web")),
    ("<11>Nov 27 12:00:00 web app: x", Head("x", ERROR, NANOSECONDS, "app", "web")),
    ("<999>Nov 27 12:00:00 web app: x", Head("<999>Nov 27 12:00:00 web app: x")),
    ("<x>", Head("<x>")),
    ("Nov 27 12:00:00 web su(pam_unix)[3]: x", Head("x", UNKNOWN, NANOSECONDS, "su", "web")),
    ("2026-11-27T12:00:00.5+00:00 web cron[1]: x", Head("x", UNKNOWN, HALF, "cron", "web")),
    ("2026-11-27T12:00:00 INFO app: x", Head("app: x", INFO, NANOSECONDS)),
    ("2026-11-27T12:00:00 web ERROR: x", Head("x", ERROR, NANOSECONDS)),
    ("2026-11-27T12:00:00 web: app: x", Head("web: app: x", UNKNOWN, NANOSECONDS)),
    ("Nov 27 12:00:00 web 12: x", Head("web 12: x", UNKNOWN, NANOSECONDS)),
    (
        '<165>1 2026-11-27T12:00:00.5Z h.x app 7 ID [e@1 k="a\\"]"][f] \ufeffit',
        Head("it", INFO, HALF, "app", "h.x"),
    ),
    ("<165>1 - - - - - - it", Head("it", INFO)),
    ("<165>1 - - - - - [open", Head("<165>1 - - - - - [open")),
    ("<165>1 - - - - - x", Head("<165>1 - - - - - x")),
    ("<165>1 - - -", Head("<165>1 - - -")),
    ("<165>1 x - - - - - -", Head("<165>1 x - - - - - -")),
    (
        '::1 - bob [27/Nov/2026:12:00:00 +0000] "GET /api/users/42?x=1 HTTP/1.1" 404 9 "-" "Mo"',
        Head("GET api users 42 404 Not Found", WARN, NANOSECONDS),
    ),
    (
        '::1 - - [27/Nov/2026:12:00:00 +0000] "POST / HTTP/1.1" 500 9',
        Head("POST / 500 Internal Server Error", ERROR, NANOSECONDS),
    ),
    (
        '::1 - - [27/Nov/2026:12:00:00 +0000] "GET //a//b/c/d/e" 299 9',
        Head("GET a b c d 299", INFO, NANOSECONDS),
    ),
    (
        '::1 - - [27/Nov/2026:12:00:00 +0000] "\\x16\\"\\x03" 400 9',
        Head("- 400 Bad Request", WARN, NANOSECONDS),
    ),
    (
        '::1 - - [27/Nov/2026:12:00:00 +0000] "-" 408 9',
        Head("- 408 Request Timeout", WARN, NANOSECONDS),
    ),
    (
        '::1 - - [27/Nov/2026:12:00:00 +0000] "GET / x" 99 9',
        Head('::1 - - [27/Nov/2026:12:00:00 +0000] "GET / x" 99 9'),
    ),
    (
        '::1 - - [27/Nov/2026:12:00:00 +0000] "GET /',
        Head('::1 - - [27/Nov/2026:12:00:00 +0000] "GET /'),
    ),
    ("::1 - - [27/Nov/2026:12:00:00 +0000", Head("::1 - - [27/Nov/2026:12:00:00 +0000")),
    ("::1 - - [27/Nov/2026:12:00:00 +0000] x", Head("::1 - - [27/Nov/2026:12:00:00 +0000] x")),
    ("::1 - - [x] y", Head("::1 - - [x] y")),
    (
        (
            'time=2026-11-27T12:00:00.5Z level=warn msg="it \\"broke\\"\\n\\tx\\r\\q" '
            "app=b service=a host=h"
        ),
        Head('it "broke"\n\tx\rq', WARN, HALF, "a", "h"),
    ),
    ("ts=1795780800.5 lvl=error message=x msg=y", Head("x", ERROR, HALF)),
    ("level=info a=b loose words", Head("level=info a=b loose words", INFO)),
    ("a=b c=d", Head("a=b c=d")),
    ('msg="never ends', Head("never ends")),
    ("msg= level=error", Head("msg= level=error", ERROR)),
]


@pytest.mark.parametrize(("line", "expected"), KNOWN)
def test_what_lines_say(line: str, expected: Head) -> None:
    assert head_of(line) == expected


def test_json_is_only_told() -> None:
    data = np.frombuffer(b'{"a":1}', dtype=np.uint8)
    heads = read_heads(data, np.array([(0, 7)]), layout.AUTO, CLOCK, KEYS)
    assert heads[0, [layout.KIND, layout.BEGIN, layout.END]].tolist() == [layout.JSON, 0, 7]


@pytest.mark.parametrize(
    ("line", "how", "expected"),
    [
        ("ERROR:my.logger:it broke", "python", Head("it broke", ERROR)),
        ("WARNING: it broke", "python", Head("it broke", WARN)),
        ("2026-11-27 12:00:00 ERROR x: it", "python", Head("it", ERROR, NANOSECONDS)),
        ("INFO  [main] Logger: it", "java", Head("it", INFO)),
        ("nothing of that", "java", Head("nothing of that")),
        (
            "Nov 27 12:00:00 web no program",
            "syslog",
            Head("no program", UNKNOWN, NANOSECONDS, "", "web"),
        ),
        ("2026-11-27 12:00:00 web a: x", "syslog", Head("x", UNKNOWN, NANOSECONDS, "a", "web")),
        ("no syslog", "syslog", Head("no syslog")),
        ("a=b msg=x", "combined", Head("a=b msg=x")),
        ("msg=x level=info", "logfmt", Head("x", INFO)),
        ('{"a":1}', "logfmt", Head('{"a":1}')),
    ],
)
def test_a_format_that_is_asked_for(line: str, how: str, expected: Head) -> None:
    assert head_of(line, how) == expected


@settings(max_examples=30)
@given(MESSAGES, st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]), WORDS)
def test_records_of_loggers_come_back(message: str, level: str, name: str) -> None:
    expected = {"DEBUG": DEBUG, "INFO": INFO, "WARNING": WARN, "ERROR": ERROR, "CRITICAL": FATAL}
    head = Head(message, expected[level], NANOSECONDS)
    for line in (
        f"2026-11-27 12:00:00 - {name} - {level} - {message}",
        f"2026-11-27 12:00:00 {level} {name}.x: {message}",
        f"2026-11-27 12:00:00 {level} {message}",
        f"2026-11-27T12:00:00Z [{name}-1] {level} org.{name} - {message}",
    ):
        assert head_of(line) == head


@settings(max_examples=30)
@given(MESSAGES, WORDS, WORDS, st.integers(0, 191))
def test_records_of_syslog_come_back(message: str, host: str, name: str, priority: int) -> None:
    level = [FATAL, FATAL, FATAL, ERROR, WARN, INFO, INFO, DEBUG][priority % 8]
    head = Head(message, level, NANOSECONDS, f"{name}d", f"{host}1")
    assert head_of(f"<{priority}>Nov 27 12:00:00 {host}1 {name}d[12]: {message}") == head
    line = f'<{priority}>1 2026-11-27T12:00:00Z {host}1 {name}d 12 - [a b="c"] {message}'
    assert head_of(line) == head


@settings(max_examples=30)
@given(TEXTS, WORDS, WORDS, st.sampled_from(["info", "ERROR"]))
def test_pairs_come_back(message: str, service: str, host: str, level: str) -> None:
    escaped = message.replace("\\", "\\\\").replace('"', '\\"')
    line = f'ts=2026-11-27T12:00:00Z x.y=1 level={level} msg="{escaped}" app={service} host={host}'
    assert head_of(line) == Head(
        message, INFO if level == "info" else ERROR, NANOSECONDS, service, host
    )


@settings(max_examples=30)
@given(st.sampled_from(["GET", "POST"]), st.lists(WORDS, min_size=1, max_size=4), st.integers(2, 5))
def test_requests_come_back(method: str, path: list[str], status: int) -> None:
    line = f'1.2.3.4 - - [27/Nov/2026:12:00:00 +0000] "{method} /{"/".join(path)} H/1" {status}55 7'
    level = {4: WARN, 5: ERROR}.get(status, INFO)
    assert head_of(line) == Head(f"{method} {' '.join(path)} {status}55", level, NANOSECONDS)


@settings(max_examples=60)
@given(
    st.one_of(
        st.binary(max_size=120),
        st.text('[]<>:="\\-| \tERORINFO.a1/', max_size=80).map(str.encode),
        st.sampled_from(KNOWN).flatmap(
            lambda known: st.integers(0, len(known[0])).map(lambda n: known[0][:n].encode())
        ),
    ),
    st.sampled_from(["auto", "logfmt", "syslog", "combined", "python", "java"]),
)
def test_nothing_leads_beyond_a_line(text: bytes, how: str) -> None:
    first, second = heads_of(text, how, n_lines=2)
    assert first == second


def test_containers_say_time_and_part() -> None:
    lines = [
        b"2026-11-27T12:00:00.500000000Z stdout F it is",
        b"2026-11-27T12:00:00.500000000+00:00 stderr P part",
        b"2026-11-27T12:00:00.500000000Z stdout F:x tagged",
        b"2026-11-27T12:00:00.500000000Z stdout F ",
        b"2026-11-27T12:00:00.500000000Z stdout X no",
        b"2026-11-27T12:00:00.500000000Z stdxxx F no",
        b"2026-11-27T12:00:00.500000000Z stdout_F no",
        b"2026-11-27T12:00:00.500000000Z other F no",
        b"2026-11-27 12:00:00.500000000Z stdout F no",
        b"short",
    ]
    text = b"".join(lines)
    ends = np.cumsum([len(line) for line in lines])
    places = np.column_stack((ends - [len(line) for line in lines], ends))
    heads = read_container_heads(np.frombuffer(text, dtype=np.uint8), places, CLOCK)
    said = [
        (kind, text[begin:end].decode(), is_error)
        for kind, begin, end, is_error in heads[
            :, [layout.KIND, layout.BEGIN, layout.END, IS_ERROR_OUTPUT]
        ].tolist()
    ]
    whole, part = layout.WHOLE_PART, layout.OPEN_PART
    assert said[:4] == [
        (whole, "it is", 0),
        (part, "part", 1),
        (whole, "tagged", 0),
        (whole, "", 0),
    ]
    assert said[4:] == [(layout.PLAIN, line.decode(), 0) for line in lines[4:]]
    assert heads[:4, layout.NANOSECONDS].tolist() == [HALF] * 4


def test_texts_end_at_their_first_line_feed() -> None:
    data = np.frombuffer(b"\n\na\nb c", dtype=np.uint8)
    places = np.array([(0, 7), (4, 7), (0, 2)])
    end_at_line_feed(data, places)
    assert places.tolist() == [[2, 3], [4, 7], [2, 2]]


@pytest.mark.parametrize(
    "hostile", [b"[", b"a=", b'"\\', b"- ", b"<1>1 ", b"x[", b"(", b"\x00", b"12#", b"Nov "]
)
def test_time_is_in_proportion_to_length(hostile: bytes) -> None:
    """Ten times the bytes may take at most thirty times the time, not a hundred times."""
    taken = []
    for n_bytes in (3_000, 30_000):
        text = (hostile * n_bytes)[:n_bytes]
        began = time.process_time()
        for how in ("auto", "syslog", "python"):
            heads_of(text, how)
        taken.append(time.process_time() - began)
    assert taken[1] < 30 * taken[0] + 0.1
