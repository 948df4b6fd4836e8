"""forewarn_models.lines.json_heads, json_table, json_times and json_values"""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pytest

from forewarn_models.lines import json_table, layout
from forewarn_models.lines.json_heads import (
    CONTAINED,
    CONTAINED_ESCAPED,
    LEFT,
    READ,
    READ_ESCAPED,
    read_json_heads,
)
from forewarn_models.lines.json_table import key_table
from forewarn_models.lines.json_times import time_of_number
from forewarn_models.lines.json_values import UNSURE, decoded, end_of_string
from forewarn_models.lines.severity import (
    DEBUG,
    ERROR,
    FATAL,
    INFO,
    TRACE,
    UNKNOWN,
    WARN,
    level_of_number,
)
from forewarn_models.lines.warming import warm_lines


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    warm_lines()


NOON = int(datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp())
NANOSECONDS = NOON * 10**9
ISO = "2026-11-27T12:00:00Z"
TABLE = key_table(
    [
        (json_table.MESSAGE, 0, ("message",)),
        (json_table.MESSAGE, 2, ("log",)),
        (json_table.LEVEL, 0, ("level",)),
        (json_table.LEVEL, 2, ("log.level",)),
        (json_table.LEVEL, 3, ("log", "level")),
        (json_table.LEVEL, 4, ("levelno",)),
        (json_table.TIME, 0, ("time",)),
        (json_table.TIME, 3, ("time", "$date")),
        (json_table.HOST, 0, ("host",)),
        (json_table.HOST, 3, ("host", "name")),
        (json_table.SERVICE, 0, ("service",)),
        (json_table.SERVICE, 2, ("k.a",)),
        (json_table.SERVICE, 3, ("k", "a")),
        (json_table.SERVICE, 1, ("app",)),
        (json_table.SERVICE, 9, ("app",)),
        (json_table.SERVICE, 11, ("",)),
    ]
)


class Said(NamedTuple):
    found: int
    message: str
    level: int = UNKNOWN
    nanoseconds: int = 0
    service: str = ""
    host: str = ""


def said(line: str | bytes, most_bytes: int = 1 << 12, before: int = 0) -> Said:
    text = line.encode() if isinstance(line, str) else line
    data = np.frombuffer(text, dtype=np.uint8)
    heads = np.zeros((1, layout.N_COLUMNS), dtype=np.int64)
    heads[0, layout.END], heads[0, layout.NANOSECONDS] = len(text), before
    (found,) = read_json_heads(data, heads, TABLE, (NANOSECONDS, 0), most_bytes)
    head = heads[0].tolist()

    def cut(begin: int) -> str:
        return text[head[begin] : head[begin + 1]].decode("utf-8", "replace")

    names = cut(layout.SERVICE_BEGIN), cut(layout.HOST_BEGIN)
    return Said(int(found), cut(layout.BEGIN), head[layout.LEVEL], head[layout.NANOSECONDS], *names)


KNOWN: list[tuple[dict[str, Any], Said]] = [
    ({"message": "it", "level": "warn"}, Said(READ, "it", WARN)),
    ({"a": [1, {"level": "no"}, []], "message": "it", "b": {}}, Said(READ, "it")),
    ({"message": "it", "log": {"level": "ERROR", "x": {"level": 1}}}, Said(READ, "it", ERROR)),
    ({"log.level": "info", "log": "it"}, Said(READ, "it", INFO)),
    ({"message": 'a "b"', "time": ISO}, Said(READ_ESCAPED, 'a \\"b\\"', 0, NANOSECONDS)),
    ({"log": "a", "stream": "o", "time": ISO}, Said(CONTAINED, "a", 0, NANOSECONDS)),
    ({"log": "a\n", "stream": 0, "time": NOON}, Said(CONTAINED_ESCAPED, "a\\n", 0, NANOSECONDS)),
    (
        {"log": 5, "stream": 0, "time": NOON, "app": "b", "message": "c"},
        Said(READ, "c", 0, NANOSECONDS, "b"),
    ),
    ({"time": str(NOON), "message": "b"}, Said(READ, "b", 0, NANOSECONDS)),
    ({"time": None, "level": "W", "message": "it"}, Said(READ, "it", WARN)),
    ({"level": "d2", "message": "it"}, Said(READ, "it", DEBUG)),
    ({"time": {"$date": ISO}, "message": "it"}, Said(READ, "it", 0, NANOSECONDS)),
    ({"level": 50, "message": "it"}, Said(READ, "it", ERROR)),
    ({"level": "3", "message": "it"}, Said(READ, "it", ERROR)),
    ({"levelno": 50, "message": "it"}, Said(READ, "it", FATAL)),
    ({"level": None, "levelno": 5, "message": "it"}, Said(READ, "it", TRACE)),
    ({"k": {"a": "s"}, "host": {"name": "h"}, "log": "it"}, Said(READ, "it", 0, 0, "s", "h")),
    ({"k": ["a"], "host": "h", "log": "it", "n": -0.25}, Said(READ, "it", 0, 0, "", "h")),
    (
        {"time": "never", "log": "\u00e4\u20ac\U0001f600\ufffd\ud7ff"},
        Said(READ, "\u00e4\u20ac\U0001f600\ufffd\ud7ff"),
    ),
]


@pytest.mark.parametrize(("record", "expected"), KNOWN)
def test_what_records_say(record: dict[str, Any], expected: Said) -> None:
    for separators in ((",", ":"), (" , ", "\t: ")):
        assert said(json.dumps(record, ensure_ascii=False, separators=separators)) == expected


def test_a_record_without_a_message_is_mined_whole() -> None:
    line = '{"a":1,"level":"info" } '
    assert said(line) == Said(READ, line, INFO)
    assert said("{}") == Said(READ, "{}")


def test_what_was_said_before_a_record_stays() -> None:
    assert said(f'{{"time":"{ISO}"}}', before=5).nanoseconds == 5


LEFT_LINES = [
    *("{", "{]", '{"a"', '{"a":', '{"a":}', '{"a" 1}', '{"a":1', '{"a":1,}', '{"a":1]', "{,}"),
    *('{"a":[1,]}', '{"a":[1}', '{"a":1}x', '{"a":trux}', '{"a":t', '{"a":nul1}', '{"a":falsy}'),
    *('{"a":-}', '{"a":01}', '{"a":1.}', '{"a":1e5}', f'{{"a":{"1" * 31}}}', '{"a":+1}', "{1:2}"),
    *(
        '{"a":"x}',
        '{"a":"x\\',
        '{"a":"\\x"}',
        '{"a":"\\u00g0"}',
        '{"a":"\\u00:0"}',
        '{"a":"\\u00/0"}',
    ),
    *('{"a":"\\ud800"}', '{"a":"\\u00"}', '{"a":"\t"}', '{"a\\u0062":1}', '{"":1}', '{"a'),
    *('{"level":"info","level":"info"}', '{"log":{"level":1},"log":{}}'),
    *(
        '{"level":"purple"}',
        '{"level":"d5"}',
        '{"level":"x"}',
        '{"level":99}',
        '{"level":9}',
        '{"level":100}',
        '{"level":"\\u0069nfo"}',
    ),
    *('{"message":""}', '{"host":""}', '{"service":"\\n"}'),
    *(f'{{"time":"{"x" * 64}"}}', '{"time":-5}', '{"time":1e9}', '{"time":"\\n"}'),
    '{"a":"\\u0',
    '{"time":"\\u0031"}',
    '{"a":' * 70 + "1" + "}" * 70,
]


@pytest.mark.parametrize("line", LEFT_LINES)
def test_what_is_not_sure_is_left_as_it_is(line: str) -> None:
    assert said(line) == Said(LEFT, line)


@pytest.mark.parametrize(
    "text",
    [
        *(
            b"\x80",
            b"\xc1\x80",
            b"\xf5\x80\x80\x80",
            b"\xc3",
            b"\xc3(",
            b"\xe0\x80\x80",
            b"\xe2\x82",
        ),
        *(b"\xed\xa0\x80", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xe2\x82("),
    ],
)
def test_what_is_not_utf_8_is_left(text: bytes) -> None:
    assert said(b'{"a":"' + text + b'"}').found == LEFT
    assert said(b'{"a":"' + text).found == LEFT


def test_long_records_are_left() -> None:
    line = '{"message":"it"}'
    assert said(line, len(line)).found == READ
    assert said(line, len(line) - 1).found == LEFT


def test_keys_are_told_apart_by_all_their_bytes() -> None:
    names = [f"key-{number}" for number in range(200)] + ["kay-7", "k", ""]
    table = key_table((json_table.HOST, number, (name,)) for number, name in enumerate(names))
    for number, name in enumerate(names):
        data = np.frombuffer(name.encode() or b"-", dtype=np.uint8)
        row = json_table.row_of_key(data, 0, len(name), 0, table.rows, table.names)
        assert table.rows[row, json_table.ORDER + json_table.HOST] == number
        assert json_table.row_of_key(data, 0, len(name), 1, table.rows, table.names) == -1


def times(text: str) -> int:
    return int(time_of_number(np.frombuffer(text.encode(), dtype=np.uint8), 0, len(text)))


def test_times_are_those_of_doubles() -> None:
    for text in ("1795780800.123456789", "1795780800.1", "2147483647.999999999999", "1073741824.5"):
        assert times(text) == int(float(text) * 1_000_000_000)
    # halfway between two doubles: the even one
    for text in ("1795780800.00000011920928955078125"[:23], "1795780800.000000357628"):
        assert times(text) == int(float(text) * 1_000_000_000)
    for digits, unit in ((10, 10**9), (13, 10**6), (16, 10**3), (18, 1)):
        text = str(NOON * 10**8)[:digits]
        assert times(text) == int(text) * unit


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        *(("0", 0), ("100000000", 0), ("100000001", 100_000_001 * 10**9)),
        *(("9223372036", 9_223_372_036 * 10**9), ("9223372037", 0), ("99999999999999", 0)),
        *(("-1", UNSURE), ("1" * 19, UNSURE), ("1073741823.5", UNSURE), ("2147483648.5", UNSURE)),
        *(("1795780800.1234567890123", UNSURE), ("1795780800e", UNSURE)),
    ],
)
def test_times_that_are_numbers(text: str, nanoseconds: int) -> None:
    assert times(text) == nanoseconds


def test_levels_that_are_numbers() -> None:
    of_tens = [level_of_number(number, False) for number in range(0, 90, 10)]
    assert of_tens == [FATAL, TRACE, DEBUG, INFO, WARN, ERROR, FATAL, UNKNOWN, UNKNOWN]
    of_python = [level_of_number(number, True) for number in (0, 5, 7, 10, 20, 30, 40, 50, 60, 70)]
    assert of_python == [UNKNOWN, TRACE, UNKNOWN, DEBUG, INFO, WARN, ERROR, FATAL, UNKNOWN, UNKNOWN]
    assert [level_of_number(number, False) for number in (3, 7, 8)] == [ERROR, DEBUG, UNKNOWN]


def test_escapes_are_written_out() -> None:
    texts = ['a"\\/\b\f\n\r\tz', "\u00e4\u07ff\u0800\u20ac", "plain", "", "\u0000"]
    lines = [json.dumps(text).encode()[1:-1] for text in texts]
    ends = np.cumsum([0, *map(len, lines)])
    places = np.column_stack((ends[:-1], ends[1:]))
    out, n_bytes = decoded(np.frombuffer(b"".join(lines), dtype=np.uint8), places)
    data = out[:n_bytes].tobytes()
    assert [data[begin:end].decode() for begin, end in places.tolist()] == texts


def test_where_a_text_ends() -> None:
    data = np.frombuffer(b'a\\"b" c', dtype=np.uint8)
    assert end_of_string(data, 0, len(data)) == (4, True)
    assert end_of_string(data, 0, 4)[0] == UNSURE
