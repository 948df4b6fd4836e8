"""forewarn_adapters.logs.fields"""

import json
import time
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_adapters.config.log_sources import LogFormat
from forewarn_adapters.logs.fields import MOST_CHARACTERS, MOST_FIELDS, fields_of
from forewarn_models.lines.warming import warm_lines


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    warm_lines()


TRACE = "0123456789abcdef0123456789abcdef"
REQUEST = (
    '1.2.3.4 - bob [27/Nov/2026:12:00:00 +0000] "GET /a/b?x=1&y=2 HTTP/1.1" 404 23 '
    '"http://a/" "Mo\\"z"'
)
WEB = {
    "c-ip": "1.2.3.4",
    "cs-username": "bob",
    "time": "27/Nov/2026:12:00:00 +0000",
    "cs-method": "GET",
    "cs-uri": "/a/b?x=1&y=2",
    "cs-uri-stem": "/a/b",
    "cs-uri-query": "x=1&y=2",
    "cs-version": "HTTP/1.1",
    "sc-status": "404",
    "sc-bytes": "23",
    "cs-referer": "http://a/",
    "cs-user-agent": 'Mo\\"z',
}
CRI = "2026-11-27T12:00:00.000000000Z"


@pytest.mark.parametrize(
    ("line", "log_format", "expected"),
    [
        (REQUEST, "auto", WEB),
        (REQUEST, "combined", WEB),
        (
            '::1 - - [x] "GET /" 200 5',
            "combined",
            WEB
            | dict.fromkeys(["cs-uri-query", "cs-referer", "cs-user-agent", "cs-version"], "")
            | {"c-ip": "::1", "cs-username": "-", "time": "x", "cs-uri": "/", "cs-uri-stem": "/"}
            | {"sc-status": "200", "sc-bytes": "5"},
        ),
        (
            "<38>Nov 27 12:00:00 web sshd[123]: Failed password",
            "auto",
            {
                "hostname": "web",
                "program": "sshd",
                "pid": "123",
                "facility": "auth",
                "severity": "info",
                "message": "Failed password",
            },
        ),
        (
            '<165>1 2026-11-27T12:00:00Z h.x app 77 ID [e@1 k="v"] it',
            "syslog",
            {
                "hostname": "h.x",
                "program": "app",
                "pid": "77",
                "facility": "local4",
                "severity": "notice",
                "message": "it",
            },
        ),
        (
            "Nov 27 12:00:00 web no program",
            "syslog",
            {"hostname": "web", "program": "", "message": "no program"},
        ),
        ('level=info msg="a \\"b\\"" x=', "auto", {"level": "info", "msg": 'a "b"', "x": ""}),
        ("text level=info", "logfmt", {"level": "info"}),
        (
            "text level=ERROR",
            "auto",
            {"message": "text level=ERROR", "level": "error"},
        ),
        (
            f"{CRI} stdout F level=info a=b",
            "auto",
            {"time": CRI, "stream": "stdout", "level": "info", "a": "b"},
        ),
        (
            json.dumps({"log": "it broke\n", "stream": "stderr", "time": "now"}),
            "docker",
            {"stream": "stderr", "time": "now", "message": "it broke"},
        ),
        (
            json.dumps({"log": 5, "stream": "stderr", "time": "now"}),
            "auto",
            {"log": "5", "stream": "stderr", "time": "now"},
        ),
        (
            '{"a":{"b":[1,2],"c":{"d":true}},"n":1.5,"z":null,"s":"t"}',
            "json",
            {"a.b": "[1,2]", "a.c.d": "true", "n": "1.5", "z": "null", "s": "t"},
        ),
        ("{broken", "json", {"message": "{broken"}),
        ("[1]", "json", {"message": "[1]"}),
        ("2026-11-27 12:00:00 ERROR x: it", "python", {"message": "it", "level": "error"}),
        ("as it is", "line", {}),
        ("", "auto", {"message": ""}),
    ],
)
def test_fields(line: str, log_format: LogFormat, expected: dict[str, str]) -> None:
    assert fields_of(line.encode(), log_format) == expected


@pytest.mark.parametrize(
    "line",
    [
        f'{{"trace_id":"{TRACE}"}}',
        f'{{"trace":{{"id":"{TRACE}"}}}}',
        f"level=info traceID={TRACE}",
        f"it broke trace_id={TRACE} here",
        f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01",
        f"Nov 27 12:00:00 web app: traceId: {TRACE}",
    ],
)
def test_traces_are_named_alike(line: str) -> None:
    assert fields_of(line.encode())["trace_id"] == TRACE


def test_fields_are_bounded() -> None:
    many = {f"k{number}": number for number in range(1000)}
    assert len(fields_of(json.dumps(many).encode())) == MOST_FIELDS
    assert len(fields_of(json.dumps({"a": many, "b": many}).encode())) == MOST_FIELDS
    nested = json.dumps({f"k{number}": {"x": 1} for number in range(1000)}).encode()
    assert len(fields_of(nested)) == MOST_FIELDS
    pairs = " ".join(f"k{number}=1" for number in range(1000))
    assert len(fields_of(pairs.encode())) == MOST_FIELDS
    long = fields_of(json.dumps({"a": "x" * 10_000, "k" * 999: ["y" * 10_000]}).encode())
    assert {len(value) for value in long.values()} == {MOST_CHARACTERS}
    assert max(map(len, long)) == 200
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    assert len(fields_of(deep)) == 1
    assert fields_of(b'{"a":' + b"[" * 600 + b"]" * 600 + b"}") == {"a": ""}
    assert len(fields_of(b"x" * 10_000_000)["message"]) == MOST_CHARACTERS


@pytest.mark.parametrize(
    "hostile",
    [
        *(b'"', b"\\", b"a=", b'a="', b"[", b" ", b"1.1.1.1 - - [", b'x x x [x] "\\"', b"trace"),
        *(b"trace_id=", b"traceid: ", b"<1>", b"Nov 27 12:00:00 h p[", b"{", b'a="\\" ', b"a.b"),
    ],
)
def test_time_is_in_proportion_to_length(hostile: bytes) -> None:
    """Eight times the bytes take nothing like 64 times the time."""
    taken = []
    for n_bytes in (30_000, 240_000):
        line = (hostile * n_bytes)[:n_bytes]
        began = time.process_time()
        for log_format in get_args(LogFormat):
            fields_of(line, log_format)
        taken.append(time.process_time() - began)
    assert taken[1] < 24 * taken[0] + 0.3


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=100), st.sampled_from(get_args(LogFormat)))
def test_no_bytes_are_too_odd(line: bytes, log_format: LogFormat) -> None:
    for name, value in fields_of(line, log_format).items():
        assert isinstance(name, str)
        assert isinstance(value, str)


NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(lambda name: name != "log")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, st.text(max_size=20), min_size=1))
def test_records_and_pairs_come_back(fields: dict[str, str]) -> None:
    fields.pop("trace_id", None)
    found = fields_of(json.dumps(fields).encode(), "json")
    assert {name: found.get(name) for name in fields} == fields
    pairs = " ".join(
        '{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
        for name, value in fields.items()
    )
    pairs_found = fields_of(pairs.encode("utf-8", "replace"), "logfmt")
    assert {name: pairs_found.get(name) for name in fields} == fields
