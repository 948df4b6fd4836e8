"""forewarn_models.lines.server_heads, and what else lines of well-known programs look like"""

from datetime import UTC, datetime

import numpy as np
import pytest

from forewarn_models.lines import layout
from forewarn_models.lines.continuing import continued
from forewarn_models.lines.heads import read_heads
from forewarn_models.lines.severity import DEBUG, ERROR, FATAL, INFO, TRACE, UNKNOWN, WARN
from forewarn_models.lines.warming import warm_lines


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    warm_lines()


NOON = int(datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()) * 10**9
HALF = NOON + 500_000_000
NO_KEYS = np.zeros((0, 3), dtype=np.int64)
Said = tuple[str, int, int]


def said(*lines: str) -> list[Said | None]:
    """Return message, level and time of each line, None of those that go on with one before."""
    text = "\n".join(lines).encode()
    ends = np.cumsum([len(line.encode()) + 1 for line in lines], dtype=np.int64) - 1
    places = np.column_stack((ends - [len(line.encode()) for line in lines], ends))
    data = np.frombuffer(text, dtype=np.uint8)
    heads = read_heads(data, places, layout.AUTO, (NOON, 0), NO_KEYS)
    owner = continued(data, heads, np.zeros(len(lines), dtype=np.int64), 1)
    return [
        (
            text[head[layout.BEGIN] : head[layout.END]].decode(),
            head[layout.LEVEL],
            head[layout.NANOSECONDS],
        )
        if owner[row] == row
        else None
        for row, head in enumerate(heads.tolist())
    ]


PID = "2026-11-27 12:00:00.5 UTC [10]"
KNOWN: list[tuple[str, Said]] = [
    # PostgreSQL, with the prefixes of the default, Debian, pgBadger and RDS, and through syslog
    (f"{PID} LOG:  it", ("it", INFO, HALF)),
    (f"{PID} [unknown]@[unknown] LOG:  it", ("it", INFO, HALF)),
    (f"{PID} web@shop ERROR:  it", ("it", ERROR, HALF)),
    (f"{PID} web@shop DEBUG2:  it", ("it", DEBUG, HALF)),
    (f"{PID}: [3-1] user=a,db=b,app=c,client=::1 WARNING:  it", ("it", WARN, HALF)),
    ("2026-11-27 12:00:00 UTC:10.0.0.1(4):a@b:[10]:FATAL:  it", ("it", FATAL, NOON)),
    ("Nov 27 12:00:00 h postgres[10]: [3-1] a@b PANIC:  it", ("it", FATAL, NOON)),
    ("Nov 27 12:00:00 h postgres[10]: [3-1] it", ("[3-1] it", UNKNOWN, NOON)),
    ("Nov 27 12:00:00 h post[10]: [3-1] ERROR:  it", ("[3-1] ERROR:  it", ERROR, NOON)),
    (f"{PID} web@shop: it", ("[10] web@shop: it", UNKNOWN, HALF)),
    (f"{PID} web@shop NEWS:  it", ("[10] web@shop NEWS:  it", UNKNOWN, HALF)),
    (f"{PID} web@shop details:  it", ("[10] web@shop details:  it", UNKNOWN, HALF)),
    (f"{PID} web@shop DETAILED_AND_MORE:  it", ("[10] web@shop DETAILED_AND_MORE:  it", 0, HALF)),
    (f"{PID} x={'a' * 200} LOG:  it", (f"[10] x={'a' * 200} LOG:  it", 0, HALF)),
    # MySQL and MariaDB
    ("2026-11-27T12:00:00.5Z 0 [System] [MY-010116] [Server] it", ("it", INFO, HALF)),
    ("2026-11-27T12:00:00.5Z 8 [Warning] [MY-1] [Server] it", ("it", WARN, HALF)),
    ("2026-11-27 12:00:00 0 [Note] InnoDB: it", ("InnoDB: it", INFO, NOON)),
    # Redis
    ("1:M 27 Nov 2026 12:00:00.500 * it", ("it", INFO, HALF)),
    ("12:C 27 Nov 2026 12:00:00.500 # it", ("it", WARN, HALF)),
    ("12:S 27 Nov 2026 12:00:00.500 - it", ("it", DEBUG, HALF)),
    ("12:X 27 Nov 2026 12:00:00.500 . it", ("it", DEBUG, HALF)),
    ("12:X 27 Nov 2026 12:00:00.500 + it", ("12:X 27 Nov 2026 12:00:00.500 + it", 0, 0)),
    ("12:X 27 Nov 2026 12:00:00.500", ("12:X 27 Nov 2026 12:00:00.500", 0, 0)),
    ("12:X is no time at all", ("12:X is no time at all", 0, 0)),
    ("12:Y 27 Nov 2026 12:00:00.500 * it", ("12:Y 27 Nov 2026 12:00:00.500 * it", 0, 0)),
    ("12:X-27 Nov 2026 12:00:00.500 * it", ("12:X-27 Nov 2026 12:00:00.500 * it", 0, 0)),
    # Ruby and Rails
    ("I, [2026-11-27T12:00:00.500000 #12]  INFO -- : it", ("it", INFO, HALF)),
    ("E, [2026-11-27T12:00:00.500000 #12] ERROR -- app: it", ("it", ERROR, HALF)),
    ("A, [2026-11-27T12:00:00.500000 #12]   ANY -- app: it", ("it", UNKNOWN, HALF)),
    ("A, [no time here] ANY -- app: it", ("A, [no time here] ANY -- app: it", 0, 0)),
    (
        "A, [2026-11-27T12:00:00 #12] ANY - it: x",
        ("A, [2026-11-27T12:00:00 #12] ANY - it: x", 0, 0),
    ),
    ("A, B, and C came", ("A, B, and C came", 0, 0)),
    ("A, [2026-11-27T12:00:00", ("A, [2026-11-27T12:00:00", 0, 0)),
    # .NET
    ("trce: My.App[0] it", ("it", TRACE, 0)),
    ("crit: My.App[0]", ("My.App[0]", FATAL, 0)),
    ("fail: My.App", ("fail: My.App", 0, 0)),
    ("fail:-My.App[0]", ("fail:-My.App[0]", 0, 0)),
    ("fail: My.App[0", ("fail: My.App[0", 0, 0)),
    ("fail: My.App(0)", ("fail: My.App(0)", 0, 0)),
    ("blue: My.App[0]", ("blue: My.App[0]", 0, 0)),
    ("[12:00:00 INF] it", ("it", INFO, 0)),
    # Linux
    ("[12345.678901] usb 1-1: it", ("usb 1-1: it", UNKNOWN, 0)),
    ("[    0.000000] ERROR: it", ("ERROR: it", ERROR, 0)),
    ("[12345.6789] it", ("[12345.6789] it", 0, 0)),
    ("[12345] it is here", ("[12345] it is here", 0, 0)),
    ("Fri 2026-11-27 12:00:00 UTC h sshd[1]: it", ("it", UNKNOWN, NOON)),
    ("Fri, 27 Nov 2026", ("Fri, 27 Nov 2026", 0, 0)),
    ("Fri 2026-11-27 it is", ("Fri 2026-11-27 it is", 0, 0)),
    # Elasticsearch, HDFS, OpenStack, zap, Monolog
    ("[2026-11-27T12:00:00,500][INFO ][o.e.n.Node     ] [node-1] it", ("it", INFO, HALF)),
    ("261127 120000 148 INFO dfs.DataNode$PacketResponder: it", ("it", INFO, NOON)),
    ("261327 120000 148 it", ("261327 120000 148 it", 0, 0)),
    ("261127 126000 148 it", ("261127 126000 148 it", 0, 0)),
    ("261127 1200001 148 it", ("261127 1200001 148 it", 0, 0)),
    ("2026-11-27 12:00:00.5 25 INFO nova.api [req-1 a - -] it", ("it", INFO, HALF)),
    ("2026-11-27 12:00:00.5 25 INFO nova.api [-] it", ("it", INFO, HALF)),
    ("2026-11-27 12:00:00.5 25 INFO nova.api [res] it", ("nova.api [res] it", INFO, HALF)),
    ("2026-11-27 12:00:00.5 25 INFO nova.api [-", ("nova.api [-", INFO, HALF)),
    ("2026-11-27T12:00:00.5Z\tINFO\ta/b.go:12\tit", ("it", INFO, HALF)),
    ("2026-11-27T12:00:00.5Z INFO a/b.go: 12 it", ("12 it", INFO, HALF)),
    ("[2026-11-27 12:00:00] production.ERROR: it", ("it", ERROR, NOON)),
    ("[2026-11-27 12:00:00] production.error: it", ("production.error: it", 0, NOON)),
]


@pytest.mark.parametrize(("line", "expected"), KNOWN)
def test_lines_of_well_known_programs(line: str, expected: Said) -> None:
    assert said(line) == [expected]


def test_what_postgresql_adds_to_a_line_goes_on_with_it() -> None:
    words = ("DETAIL", "HINT", "STATEMENT", "CONTEXT", "QUERY", "LOCATION", "BACKTRACE")
    added = [f"{PID} web@shop {word}:  it" for word in words]
    first, *others = said(f"{PID} web@shop ERROR:  deadlock", *added[:1], "\tmore", *added[1:])
    assert first == ("deadlock", ERROR, HALF)
    assert others == [None] * 8
    assert said(added[0], f"{PID} LOG:  next") == [None, ("next", INFO, HALF)]


def test_a_line_of_net_says_what_stands_under_it() -> None:
    assert said(
        *("info: My.App[14]", "      Now listening", "      and more"),
        *("fail: My.App[0]", "info: My.App[1]", "      third"),
    ) == [
        *(("Now listening", INFO, 0), None, None),
        *(("My.App[0]", ERROR, 0), ("third", INFO, 0), None),
    ]
