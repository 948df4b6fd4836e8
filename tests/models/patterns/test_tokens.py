"""The kernels of forewarn_models.patterns that read a line, beside regular expressions."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_models.patterns import layout
from forewarn_models.patterns.scanning import tokens_of
from oracles_patterns import KINDS, tokens

HELD_BY_LOGS = """10.0.0.1
10.0.0.1:80 /var/log/x.log ./a ../b/c ~/d https://x.org/a?b=c,d; C:\\Temp\\a.txt
\\\\server\\share fe80::1 ::1 00:1A:2b:3c:4d:5e a:b:c:d 12:30:05 12:30:05,123 2026-01-02
2026/01/02 2026-01-02T03:04:05.678Z 0x1f deadbeef facade ffffffffff 1e-5 -1 +5 3.25 v1.2.3 eth0
ssh2 L1 jk2_init( core.2275 i-fetch......0 blk_-123 a@b.org a@33557fe4 host.example.com
a.b.co.uk mice.c java.io.E x.py user=root user="bob" host=web "user":"eve" rhost= tty=ssh for
user root invalid alice from by request User Mon Fri Jun Sep 17 2005 GMT PDT ( ) () (1) (x) [ ]
{ } , ; : = " ' < > | # @ % * ! ? ~ ^ & - + . _ $ true False null GET HTTP/1.1 HTTP / a/b a/b/c
1/2 1024 MB KB 5ms 99% INFO ok \x1b[31m \x1b[0m \x85 é 日本 \\ `"""
FRAGMENTS = re.split("[ \n]", HELD_BY_LOGS)
SEPARATORS = st.sampled_from([" ", " ", " ", "", "  ", "\t", ", ", "\n"])
LINES = st.lists(st.tuples(st.sampled_from(FRAGMENTS), SEPARATORS), max_size=14).map(
    lambda parts: "".join(f"{text}{blank}" for text, blank in parts).encode("utf-8")
)


def read(line: bytes) -> list[tuple[str, int, int]]:
    table = np.zeros((layout.MOST_TOKENS, layout.N_COLUMNS), dtype=np.int64)
    n = tokens_of(np.frombuffer(line, dtype=np.uint8), 0, len(line), table)
    return [
        (chr(line[begin]) if kind == layout.DELIMITER else KINDS[kind], begin, end)
        for kind, begin, end, *_ in table[:n].tolist()
    ]


def expected(line: bytes) -> list[tuple[str, int, int]]:
    return [(token.kind, token.begin, token.end) for token in tokens(line)]


def masked(text: str) -> str:
    line = text.encode()
    wildcards = dict.fromkeys("niph", "<*>") | {"r": "(<*>)", " ": " "}
    return "".join(
        wildcards.get(kind) or line[begin:end].decode() for kind, begin, end in read(line)
    )


@settings(max_examples=600, deadline=None)
@given(LINES)
def test_lines_made_of_what_logs_hold_are_read_as_by_the_plain_version(line: bytes) -> None:
    assert read(line) == expected(line)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_as_by_the_plain_version(line: bytes) -> None:
    assert read(line) == expected(line)


@pytest.mark.parametrize(
    ("line", "read_as"),
    [
        ("took 12 ms, -3.5 left of 1,024", "took <*> ms, <*> left of <*>,<*>"),
        ("at 0x7f00 and 003a90fc and deadbeefdead", "at <*> and <*> and <*>"),
        ("facade added", "facade added"),
        ("id 6e0a3f0e-1c3f-4d7e-9a53-1f1e0d0c0b0a gone", "id <*> gone"),
        ("from 10.1.2.3 to 10.1.2.3:8080", "from <*> to <*>"),
        ("from fe80::1:2 via 00:1b:44:11:3a:b7", "from <*> via <*>"),
        ("read /var/lib/a.db: no such file", "read <*>: no such file"),
        ("in ./src and ../lib and ~/x.y and a/b/c", "in <*> and <*> and <*> and <*>"),
        ("load/store and 1/2", "load/store and <*>/<*>"),
        ("C:\\Windows\\x.dll and \\\\nas\\share", "<*> and <*>"),
        ("see https://a.example/x?q=1,2&r=3.", "see <*>."),
        ('"GET /a?b=1 HTTP/1.1" 200 - "-"', '"GET <*>" <*> - "-"'),
        ("at 2026-03-01T03:12:30.123+01:00 up", "at <*> up"),
        ("at 2026-03-01 03:12:30,123 up", "at <*> up"),
        ("at Fri Jul 01 08:16:53 PDT 2005 up", "at <*> up"),
        ("on Jun 17, 2005 we may", "on <*> we may"),
        ("Mon is a word and Sun too", "Mon is a word and Sun too"),
        ("mail to a.b@mail.example.org now", "mail to <*> now"),
        ("host web-1.example.com:443 and db.local", "host <*> and <*>"),
        ("class org.example.Main in main.c", "class org.example.Main in main.c"),
        ("wrote core.2275 and libc.so.6", "wrote core.<*> and libc.so.<*>"),
        ("i-fetch.........0", "i-fetch.........<*>"),
        ("jk2_init() on eth0 by ssh2", "jk2_init() on eth0 by ssh2"),
        ("block blk_-160 of task_2026_01", "block <*> of <*>"),
        ("blocks blk_1 blk_2, blk_3 deleted", "blocks <*> deleted"),
        ("values 1 2 3", "values <*> <*> <*>"),
        ("is true, was False", "is <*>, was <*>"),
        ("by host (10.0.0.1) and ()", "by host (<*>) and (<*>)"),
        ("call() and f(x)", "call() and f(x)"),
        ("session for user cyrus by (uid=0)", "session for user <*> by (uid=<*>)"),
        ("invalid user alice [preauth]", "invalid user <*> [preauth]"),
        ("due to user request", "due to user request"),
        ("password for bob from 10.0.0.9 port 22", "password for <*> from <*> port <*>"),
        ("failures for root today", "failures for <*> today"),
        ("uid=0 user=bob tty=ssh ruser= rhost=gate", "uid=<*> user=<*> tty=ssh ruser= rhost=<*>"),
        ('{"user":"bob","level":"info","n":3}', '{"user":"<*>","level":"info","n":<*>}'),
        ("password = hunter and token=abc", "password = <*> and token=<*>"),
        ("\x1b[31mred\x1b[0m  text\t\x00 end \r", "red text end"),
        ("\u00e9t\u00e9 \u65e5\u672c", "\u00e9t\u00e9 \u65e5\u672c"),
        ("x" * 65, "<*>"),
        ("", ""),
    ],
)
def test_values_are_told_from_words(line: str, read_as: str) -> None:
    assert masked(line) == read_as


def test_what_lies_beyond_the_most_of_a_line_is_one_value() -> None:
    long = read(b"word " * 10_000)
    assert len(long) < layout.MOST_TOKENS
    assert long[-1][0] == "i"
    assert long[-1][2] == 50_000
    wide = read(b"x" * layout.MOST_BYTES + b"y" * 10)
    assert [token[0] for token in wide] == ["i", "i"]
