"""forewarn_adapters.logs.enrichment, multiline, services, path_streams, and formats"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn.commands.logs import Format
from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.log_sources import LogFormat, LogSourceConfig, Loki
from forewarn_adapters.logs import multiline
from forewarn_adapters.logs.batch import LEVELS, LogBatch, LogStream
from forewarn_adapters.logs.enrichment import enrich, enriched
from forewarn_adapters.logs.files.path_streams import stream_of_path
from forewarn_adapters.logs.formats import json_lines, parts
from forewarn_adapters.logs.formats.json_lines import level_of_number, nanoseconds_of
from forewarn_adapters.logs.levels import level_of
from forewarn_models.lines import layout, severity
from forewarn_models.lines.warming import warm_lines

NOON = int(datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()) * 10**9
CLOCK = ManualClock(NOON // 1_000_000)
ISO = "2026-11-27T12:00:00Z"
FILE = LogStream("app", "here", (("filename", "/x/app.log"),))


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    warm_lines()


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def of_files(log_format: LogFormat = "auto", **more: Any) -> LogSourceConfig:
    return LogSourceConfig(name="x", files=(Path("/x/app.log"),), format=log_format, **more)


def of_loki(**more: Any) -> LogSourceConfig:
    return LogSourceConfig(name="x", loki=Loki(url="http://127.0.0.1", query="{a=~'.+'}"), **more)


def batch_of(
    *lines: bytes | str, streams: tuple[LogStream, ...] = (FILE,), stream: list[int] | None = None
) -> LogBatch:
    texts = [line.encode() if isinstance(line, str) else line for line in lines]
    ends = np.cumsum([len(line) + 1 for line in texts], dtype=np.int64) - 1
    places = np.column_stack((ends - [len(line) for line in texts], ends))
    both = b"".join(line + b"\n" for line in texts), places
    zeros = np.zeros(len(texts), dtype=np.int64)
    numbers = zeros if stream is None else np.array(stream, dtype=np.int64)
    return LogBatch(both, both, zeros.copy(), zeros.astype(np.int8), numbers, streams, {"at": 1})


def cut(texts: tuple[bytes, Any]) -> list[bytes]:
    data, places = texts
    return [data[begin:end] for begin, end in places.tolist()]


def said(
    *lines: bytes | str, settings: LogSourceConfig | None = None, **more: Any
) -> list[tuple[str, str, int, str, str]]:
    """Message, level, time, service and host of each line."""
    batch = enrich(batch_of(*lines, **more), settings or of_files(), clock=CLOCK)
    return [
        (
            message.decode("utf-8", "replace"),
            LEVELS[batch.level[row]],
            int(batch.timestamp_nanoseconds[row]),
            batch.streams[batch.stream[row]].service,
            batch.streams[batch.stream[row]].host,
        )
        for row, message in enumerate(cut(batch.messages))
    ]


def test_names_are_the_same_everywhere() -> None:
    assert get_args(LogFormat) == get_args(Format) == layout.FORMATS
    names = ("UNKNOWN", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
    assert [getattr(severity, name) for name in names] == list(range(len(LEVELS)))
    for level, words in severity._WORDS.items():
        assert {level_of(word) for word in words} == {level}


JSON = [
    ({"level": "error", "msg": "it", "ts": 1_795_780_800.5}, ("it", "error", NOON + 5 * 10**8)),
    ({"level": 30, "time": 1_795_780_800_123, "msg": "it"}, ("it", "info", NOON + 123_000_000)),
    ({"level": "debug", "event": "it", "timestamp": ISO}, ("it", "debug", NOON)),
    ({"@timestamp": ISO, "log.level": "WARN", "message": "it"}, ("it", "warn", NOON)),
    ({"@timestamp": ISO, "log": {"level": "WARN"}, "message": "it"}, ("it", "warn", NOON)),
    ({"@t": ISO, "@l": "Error", "@m": "it"}, ("it", "error", NOON)),
    ({"levelno": 40, "levelname": None, "message": "it"}, ("it", "error", 0)),
    ({"PRIORITY": "3", "MESSAGE": "it"}, ("it", "error", 0)),
    ({"level": "odd", "severity": "INFO", "message": {"no": 1}, "msg": "it"}, ("it", "info", 0)),
    ({"message": "first\nsecond", "level": None, "time": True}, ("first", "", 0)),
    ({"message": "\n\nit\x1b[31m is\x1b[0m\n", "time": "x" * 99}, ("it is", "", 0)),
    ({"message": "", "time": ISO}, ("", "", NOON)),
    ({"event": {"dataset": "x"}, "message": "it"}, ("it", "", 0)),
]


@pytest.mark.parametrize(("record", "expected"), JSON)
def test_records_of_loggers_are_read(
    record: dict[str, object], expected: tuple[str, str, int]
) -> None:
    assert said(json.dumps(record)) == [(*expected, "app", "here")]


def test_a_record_without_a_message_is_mined_whole() -> None:
    line = '{"a":1,"b":{"level":"x"},"level":"warn"}'
    assert said(line) == [(line, "warn", 0, "app", "here")]


def test_what_is_no_record_is_a_line() -> None:
    deep = '{"a":' * 3000 + "1" + "}" * 3000
    long = '{"message":"' + "x" * json_lines.MOST_BYTES + '"}'
    for line in ('{"a": ERROR', '{"a":1} x', "[1]", '"x"', "{}x", deep, long):
        assert said(line)[0][0] == line
    assert said('{"a": ERROR')[0][1] == "error"
    assert said("{", '  "a": 1', "}") == [("{", "", 0, "app", "here")]


def test_services_and_hosts_of_lines() -> None:
    assert said(
        json.dumps({"msg": "a", "service": "cart", "hostname": "h1"}),
        json.dumps({"msg": "b", "service": {"name": "cart"}, "host": {"name": "h2"}}),
        json.dumps({"msg": "c", "service.name": "cart", "app": "no"}),
        json.dumps({"msg": "d", "service": 5, "kubernetes": {"container_name": "box"}}),
        "level=info msg=e app=shop host=h3",
        "Nov 27 12:00:00 h4 sshd[1]: f",
    ) == [
        ("a", "", 0, "cart", "h1"),
        ("b", "", 0, "cart", "h2"),
        ("c", "", 0, "cart", "here"),
        ("d", "", 0, "box", "here"),
        ("e", "info", 0, "shop", "h3"),
        ("f", "", NOON, "sshd", "h4"),
    ]


def test_the_first_label_or_field_that_is_there_names_the_service() -> None:
    streams = (
        LogStream("", "pod-1", (("job", "all"),)),
        LogStream("", "", (("app", "web"),)),
        LogStream("known", "", ()),
        LogStream("", "", (("filename", "/var/log/x.log"),)),
    )
    lines = ['{"msg":"x","app":"field","host":"other"}'] * 4
    found = said(*lines, settings=of_loki(), streams=streams, stream=[0, 1, 2, 3])
    assert [(service, host) for *_, service, host in found] == [
        ("field", "pod-1"),
        ("web", "other"),
        ("known", "other"),
        ("field", "other"),
    ]
    plain = said("x", settings=of_loki(), streams=streams, stream=[3])
    assert plain[0][3] == "x"
    named = said(*lines, settings=of_loki(service="mine"), streams=streams, stream=[0, 1, 2, 3])
    assert {service for *_, service, _ in named} == {"mine"}
    chosen = said(lines[0], settings=of_files(service_labels=("host",)))
    assert chosen[0][3] == "other"


def test_what_the_source_says_stays() -> None:
    batch = batch_of("2026-11-27 13:00:00 ERROR it")
    batch.timestamp_nanoseconds[0], batch.level[0] = 5, 2
    read = enrich(batch, of_files(), clock=CLOCK)
    assert (read.timestamp_nanoseconds[0], read.level[0]) == (5, 2)
    assert read.cursor == {"at": 1}


def test_messages_that_a_source_gives_apart_are_what_is_read() -> None:
    batch = batch_of('{"whole": "record"}')
    text = b"2026-11-27 12:00:00 WARN it"
    apart = LogBatch(
        batch.lines,
        (text, np.array([(0, len(text))])),
        batch.timestamp_nanoseconds,
        batch.level,
        batch.stream,
        batch.streams,
        {},
    )
    read = enrich(apart, of_files(), clock=CLOCK)
    assert cut(read.messages) == [b"it"]
    assert cut(read.lines) == [b'{"whole": "record"}']
    assert LEVELS[read.level[0]] == "warn"


CRI = "2026-11-27T12:00:00.000000000Z"


def test_parts_of_kubernetes_are_put_together() -> None:
    lines = (
        f"{CRI} stdout P it ",
        f'{CRI} stderr F {{"msg":"between","level":"error","time":"{ISO}"}}',
        f"{CRI} stdout P is",
        f"{CRI} stdout F  one",
        f"{CRI} stdout F level=warn msg=next",
        f"{CRI} stdout P at the end",
    )
    assert said(*lines) == [
        ("it is one", "", NOON, "app", "here"),
        ("between", "error", NOON, "app", "here"),
        ("next", "warn", NOON, "app", "here"),
        ("at the end", "", NOON, "app", "here"),
    ]
    read, owner = enriched(batch_of(*lines), of_files("cri"), clock=CLOCK)
    assert owner.tolist() == [0, 1, 0, 0, 2, 3]
    assert cut(read.lines)[0].decode() == "\n".join((lines[0], lines[2], lines[3]))


def test_parts_without_end_are_bounded() -> None:
    line = f"{CRI} stdout P " + "x" * 16_000
    (message,) = said(*[line] * 40)
    assert len(message[0]) == parts.MOST_BYTES


def test_docker_s_files_are_read_twice() -> None:
    inner = json.dumps({"message": "it", "level": "fatal", "app": "shop"})
    twice = json.dumps({"log": inner, "stream": "stdout", "time": ISO})
    assert said(
        json.dumps({"log": "2026-01-01 00:00:00 ERROR it\n", "stream": "stderr", "time": ISO}),
        json.dumps({"log": inner + "\n", "stream": "stdout", "time": ISO}),
        json.dumps({"log": 5, "stream": "stdout", "time": ISO}),
        json.dumps({"log": twice, "stream": "stdout", "time": ISO}),
        settings=of_files("docker"),
    ) == [
        ("it", "error", NOON, "app", "here"),
        ("it", "fatal", NOON, "shop", "here"),
        (json.dumps({"log": 5, "stream": "stdout", "time": ISO}), "", NOON, "app", "here"),
        ("it", "fatal", NOON, "shop", "here"),
    ]


def test_records_behind_a_head_of_syslog() -> None:
    assert said(
        'Nov 27 12:00:00 h app[1]: {"msg":"it","level":"debug"}', "Nov 27 12:00:00 h a: {x"
    ) == [
        ("it", "debug", NOON, "app", "h"),
        ("{x", "", NOON, "a", "h"),
    ]


TRACE = (
    "2026-11-27 12:00:00 ERROR it broke",
    "Traceback (most recent call last):",
    '  File "x.py", line 1',
    "KeyError: 'x'",
    "2026-11-27 12:00:00 INFO goes on",
)


def test_a_stack_trace_is_evidence_of_its_line() -> None:
    read, owner = enriched(batch_of(*TRACE), of_files(), clock=CLOCK)
    assert cut(read.messages) == [b"it broke", b"goes on"]
    assert cut(read.lines) == ["\n".join(TRACE[:4]).encode(), TRACE[4].encode()]
    assert owner.tolist() == [0, 0, 0, 0, 1]
    assert read.n_lines == len(read.level) == len(read.stream) == 2


def test_a_trace_across_batches_is_counted_once() -> None:
    first, second = batch_of(*TRACE[:2]), batch_of(TRACE[2], TRACE[4])
    assert enrich(first, of_files(), clock=CLOCK).n_lines == 1
    read, owner = enriched(second, of_files(), clock=CLOCK)
    assert cut(read.messages) == [b"goes on"]
    assert owner.tolist() == [-1, 0]


def test_evidence_is_bounded() -> None:
    lines = ["it", *["  " + "x" * 2000] * 100]
    (evidence,) = cut(enrich(batch_of(*lines), of_files(), clock=CLOCK).lines)
    assert len(evidence) == multiline.MOST_BYTES


def test_lines_as_they_are() -> None:
    batch = batch_of(*TRACE, "\x1b[31mred", streams=(LogStream("", "", (("app", "web"),)),))
    read = enrich(batch, of_files("line"), clock=CLOCK)
    assert read.messages is batch.messages or cut(read.messages) == cut(batch.messages)
    assert read.n_lines == 6
    assert not read.level.any()
    assert read.streams[0].service == "web"


def test_escapes_are_no_part_of_a_message() -> None:
    assert said("\x1b[2m2026-11-27 12:00:00\x1b[0m \x1b[31mERROR\x1b[0m it \x1b[1mbroke") == [
        ("it broke", "error", NOON, "app", "here")
    ]


def test_a_line_feed_forges_no_line() -> None:
    entry = batch_of("first")
    text = b"first 1\n2026-11-27 12:00:00 FATAL forged"
    both = text, np.array([(0, len(text))])
    forged = LogBatch(
        both, both, *(entry.timestamp_nanoseconds, entry.level, entry.stream), entry.streams, {}
    )
    read = enrich(forged, of_files(), clock=CLOCK)
    assert (cut(read.messages), read.level.tolist()) == ([b"first 1"], [0])
    assert cut(read.lines) == [text]


def test_no_lines_and_empty_lines() -> None:
    assert enrich(batch_of(), of_files(), clock=CLOCK).n_lines == 0
    assert said("", "") == [("", "", 0, "app", "here")] * 2
    both = b"", np.zeros((1, 2), dtype=np.int64)
    zeros = np.zeros(1, dtype=np.int64)
    empty = LogBatch(both, both, zeros, zeros.astype(np.int8), zeros, (FILE,), {})
    assert cut(enrich(empty, of_files(), clock=CLOCK).messages) == [b""]


def test_local_time_is_that_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    assert said("2026-11-27 13:00:00 it")[0][2] == NOON


PIECES = st.sampled_from(
    [
        *(b"{", b"}", b'"', b":", b"[", b"]", b"\\", b"=", b" ", b"\t", b"\n", b"\x1b[", b"\xff"),
        *(b'{"msg":"a"}', b'"log":"x","stream":"y","time":"z"', b"level=", b"ERROR", b"<13>"),
        *(
            CRI.encode(),
            b" stdout F ",
            b" stderr P ",
            b"2026-11-27 12:00:00",
            b"Nov 27 12:00:00 h ",
        ),
        *(b"Traceback (most recent call last):", b"Caused by: ", b"panic: ", b"KeyError: x", b"\0"),
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(PIECES, max_size=6).map(b"".join), max_size=12),
    st.sampled_from(get_args(LogFormat)),
)
def test_no_bytes_are_too_odd(lines: list[bytes], log_format: LogFormat) -> None:
    batch = batch_of(*lines)
    read, owner = enriched(batch, of_files(log_format), clock=CLOCK)
    assert len(owner) == batch.n_lines
    assert set(owner.tolist()) - {-1} == set(range(read.n_lines))
    assert len(cut(read.messages)) == len(cut(read.lines)) == read.n_lines
    begins = [owner.tolist().index(row) for row in range(read.n_lines)]
    for row, begin in enumerate(begins):
        assert cut(read.lines)[row].startswith(lines[begin])


RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "message": st.text(max_size=20),
        "level": st.sampled_from(["info", "Error", 30, "x", None]),
        "time": st.sampled_from([ISO, 1_795_780_800, 1_795_780_800.0, "never", None]),
        "service": st.sampled_from(["cart", "", 5]),
        "host": st.sampled_from(["h1", {"name": "h1"}, None]),
        "other": st.recursive(
            st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=3)
        ),
    },
)


@settings(max_examples=100, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=10))
def test_records_come_back(records: list[dict[str, Any]]) -> None:
    lines = [json.dumps(record) for record in records]
    for record, line, found in zip(records, lines, said(*lines), strict=True):
        text = record.get("message", line)
        plain = text.lstrip("\n").split("\n")[0]
        assert found[0] == plain or "\x1b" in text
        assert found[1] == {"info": "info", "Error": "error", 30: "info"}.get(
            record.get("level"), ""
        )
        assert found[2] == (NOON if record.get("time") not in ("never", None) else 0)
        assert found[3] == ("cart" if record.get("service") == "cart" else "app")
        assert found[4] == ("h1" if record.get("host") else "here")


@pytest.mark.parametrize(
    ("number", "key", "level"),
    [
        *((10, "level", "trace"), (60, "level", "fatal"), (10, "levelno", "debug")),
        *((3, "level", "error"), (7, "level", "debug"), (99, "level", ""), (-1, "level", "")),
    ],
)
def test_numbers_of_levels(number: int, key: str, level: str) -> None:
    assert LEVELS[level_of_number(number, key)] == level


def test_numbers_of_times() -> None:
    units = (1.7e9, 1.7e12, 1.7e15, 17 * 10**17)
    assert [nanoseconds_of(number) for number in units] == [17 * 10**17] * 4
    assert [nanoseconds_of(number) for number in (5, -1, 1e30, float("nan"), True, [])] == [0] * 6


def test_a_million_keys_and_ten_megabytes_are_bounded() -> None:
    keys = "{" + ",".join(f'"k{number}":1' for number in range(1_000_000)) + "}"
    long = "word " * 2_000_000
    found = said(keys, long, "[" * 1_000_000, '{"a":' * 100_000)
    assert [len(message) for message, *_ in found] == [len(keys), len(long), 1_000_000, 500_000]


def test_more_shapes_of_records_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "_MOST_PLANS", 3)
    found = said(*(json.dumps({f"k{number}": 1, "msg": f"m{number}"}) for number in range(20)))
    assert [message for message, *_ in found] == [f"m{number}" for number in range(20)]


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/var/log/app.log", "app"),
        ("/var/log/syslog", "syslog"),
        ("/var/log/app.log.1", "app"),
        ("/var/log/app.log-20261127", "app"),
        (f"/var/log/containers/a-1_prod_api-{'0' * 64}.log", "api"),
        ("/var/log/pods/prod_a-1_77/api/0.log", "api"),
        ("/a/pods/x/y.log", "y"),
    ],
)
def test_paths_name_services(path: str, service: str) -> None:
    assert stream_of_path(path, "h").service == service
