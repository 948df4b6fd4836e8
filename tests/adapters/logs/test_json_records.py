"""forewarn_adapters.logs.formats.json_records: what kernels find is what objects say"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import LogBatch, LogStream
from forewarn_adapters.logs.enrichment import enrich
from forewarn_adapters.logs.formats import json_keys, json_records
from forewarn_models.lines import json_heads
from forewarn_models.lines.layout import BEGIN, END, N_COLUMNS
from forewarn_models.lines.warming import warm_lines

CLOCK = ManualClock(1_795_780_800_000)
SETTINGS = LogSourceConfig(
    name="x",
    files=(Path("/x/app.log"),),
    service_labels=("service", "service.name", "app", "k8s.a.b.c", "level"),
)
ISO = "2026-11-27T12:00:00.123Z"


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    warm_lines()


def said(lines: list[bytes]) -> list[tuple[bytes, int, int, str, str]]:
    ends = np.cumsum([len(line) + 1 for line in lines], dtype=np.int64) - 1
    places = np.column_stack((ends - [len(line) for line in lines], ends))
    both = b"".join(line + b"\n" for line in lines), places
    zeros = np.zeros(len(lines), dtype=np.int64)
    stream = LogStream("app", "here", (("filename", "/x/app.log"),))
    batch = LogBatch(both, both, zeros, zeros.astype(np.int8), zeros, (stream,), {})
    read = enrich(batch, SETTINGS, clock=CLOCK)
    data, spans = read.messages
    streams = [read.streams[number] for number in read.stream.tolist()]
    return [
        (data[begin:end], level, nanoseconds, stream.service, stream.host)
        for (begin, end), level, nanoseconds, stream in zip(
            spans.tolist(),
            read.level.tolist(),
            read.timestamp_nanoseconds.tolist(),
            streams,
            strict=True,
        )
    ]


def said_by_objects(lines: list[bytes]) -> list[tuple[bytes, int, int, str, str]]:
    """Return the same where no kernel finds anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            json_heads,
            "read_json_heads",
            lambda _data, heads, *_: np.full(len(heads), json_heads.LEFT),
        )
        return said(lines)


def found_of(data: bytes) -> int:
    """Return what the kernel found of a line."""
    heads = np.zeros((1, N_COLUMNS), dtype=np.int64)
    heads[0, BEGIN : END + 1] = 0, len(data)
    table = json_records._table(SETTINGS.service_labels)
    numbers = np.frombuffer(data, dtype=np.uint8)
    (found,) = json_heads.read_json_heads(numbers, heads, table, (0, 0), 1 << 18)
    return int(found)


NAMES = sorted(
    {
        part
        for names in (
            *(json_keys.MESSAGE_KEYS, json_keys.LEVEL_KEYS, json_keys.TIME_KEYS),
            *(json_keys.HOST_KEYS, json_keys.SERVICE_KEYS, SETTINGS.service_labels),
        )
        for name in names
        for part in (name, *name.split("."))
    }
    | {"stream", "other", "", "ä", "a\\b", "request id"}
)
KEYS = st.sampled_from(NAMES)
FEW_KEYS = st.sampled_from(
    ["message", "log", "level", "time", "stream", "service", "host", "name", "levelno", "ts"]
)
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            *(ISO, "info", "ERROR", "I", "INFO2", "fault", "3", "9", "30", "stdout", "cart", ""),
            *(
                "1795780800",
                "1795780800.25",
                "2026-11-27 12:00:00,5",
                "x" * 70,
                "\n\na\nb",
                "\x1b[1mx",
            ),
            *('{"message":"inner","level":"warn"}', "a\\b", "\U0001f600", "ä"),
        ]
    ),
)
NUMBERS = st.one_of(
    st.integers(-10, 80),
    st.sampled_from([10, 20, 30, 40, 50, 60]),
    st.integers(0, 1 << 70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(1.0e9, 2.3e9),
    st.floats(1.0e9, 2.3e9).map(lambda number: round(number, 3)),
    st.sampled_from([10**8, 10**8 + 1, 9_223_372_036, 9_223_372_037, 10**11 - 1, 10**11]),
)
VALUES = st.recursive(
    st.one_of(TEXTS, TEXTS, NUMBERS, st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(FEW_KEYS | KEYS, inner, max_size=4)
    ),
    max_leaves=6,
)
RECORDS = st.dictionaries(FEW_KEYS | KEYS, VALUES, max_size=7)


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """Return a record as one of several loggers would write it."""
    record = draw(RECORDS)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " :\r ")]))
    is_ascii = draw(st.booleans())
    return json.dumps(record, separators=separators, ensure_ascii=is_ascii).encode()


PIECES = st.sampled_from(
    [
        *(
            b'"',
            b"\\",
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b"0",
            b"-",
            b".",
            b"e",
            b"\xff",
            b"\xc3",
        ),
        *(b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\x00"),
        *(
            b"null",
            b"nul",
            b"\\u00",
            b"\\ud800",
            b"\\u000a",
            b"\\x",
            b'"level":"warn",',
            b"\t",
            b" ",
        ),
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    line = draw(written())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(line)))
        until = min(len(line), at + draw(st.integers(0, 3)))
        line = line[:at] + draw(PIECES | st.just(b"")) + line[until:]
    return line.replace(b"\n", b"")


@settings(max_examples=250, deadline=None)
@given(st.lists(st.one_of(written(), mutated()), min_size=1, max_size=8))
def test_kernels_find_what_objects_say(lines: list[bytes]) -> None:
    assert said(lines) == said_by_objects(lines)


@settings(max_examples=200, deadline=None)
@given(mutated())
def test_what_is_no_record_is_left(line: bytes) -> None:
    try:
        is_record = type(orjson.loads(line)) is dict
    except orjson.JSONDecodeError:
        is_record = False
    assert is_record or not line.startswith(b"{") or found_of(line) == json_heads.LEFT


ORDINARY: list[dict[str, Any]] = [
    {"level": "info", "ts": 1_795_780_800.123456, "caller": "a.go:1", "msg": "it", "n": -1.5},
    {"level": 30, "time": 1_795_780_800_123, "pid": 1, "hostname": "h", "msg": "it"},
    {"@timestamp": ISO, "log.level": "WARN", "message": "it", "ecs": {"version": "1"}, "a": []},
    {"@timestamp": ISO, "log": {"level": "WARN"}, "host": {"name": "h"}, "message": "it \u00e4"},
    {"time": ISO, "level": "INFO", "source": {"function": "f", "line": 5}, "msg": 'a "b"\n'},
    {"log": "it\n", "stream": "stdout", "time": ISO},
    {"asctime": "2026-11-27 12:00:00,5", "levelname": "ERROR", "levelno": 40, "message": "x"},
    {"PRIORITY": "3", "MESSAGE": "it", "_HOSTNAME": "h", "SYSLOG_IDENTIFIER": "x"},
    {"kubernetes": {"container": {"name": "box"}, "pod": {"name": "p"}}, "message": "it"},
    {"t": {"$date": ISO}, "s": "I", "c": "NETWORK", "id": 22943, "msg": "it", "attr": {"n": 1}},
    {"t": {"$date": ISO}, "s": "D2", "c": "STORAGE", "id": 1, "ctx": "main", "msg": "it"},
    {"status": True, "bytes": None},
]


@pytest.mark.parametrize("record", ORDINARY)
def test_records_of_common_loggers_make_no_objects(record: dict[str, Any]) -> None:
    for is_ascii in (False, True):
        line = json.dumps(record, ensure_ascii=is_ascii).encode()
        assert found_of(line) != json_heads.LEFT
        assert said([line]) == said_by_objects([line])


def test_times_that_no_machine_has_are_unknown() -> None:
    for number in (9_223_372_037, 99_999_999_999, 99_999_999_999_999, 9e10):
        (found,) = said([json.dumps({"ts": number, "msg": "it"}).encode()])
        assert found[2] == 0
