"""All fields of one line, on demand: for examples, and for rules that name fields."""

import re
from collections.abc import Callable, Mapping
from itertools import islice

import numpy as np
import orjson

from forewarn_adapters.config.log_sources import LogFormat
from forewarn_adapters.logs.batch import LEVELS
from forewarn_adapters.logs.formats.json_keys import TRACE_KEYS
from forewarn_adapters.logs.receiving.syslog_parsing import FACILITIES
from forewarn_models.lines import layout
from forewarn_models.lines.heads import read_heads

MOST_FIELDS = 200
MOST_CHARACTERS = 4096
_MOST_KEY_CHARACTERS = 200
_MOST_BYTES = 1 << 18
_MOST_DEPTH = 2
_MOST_PAIRS = 1_000

# No pattern here can try two ways through the same bytes: `++` and `*+` give nothing back.
_CONTAINER = re.compile(rb"([0-9T:.Z+-]{20,40}) (stdout|stderr) ([FP])[^ ]{0,40}+ ?(.*)", re.DOTALL)
_QUOTED = rb'"((?:[^"\\]|\\.)*+)"'
_WEB = re.compile(
    rb"(\S{1,255}+) (\S{1,255}+) ([^\[]{1,255}+)\[([^\]]{1,64}+)\] " + _QUOTED + rb" (\d{3}) (\S++)"
    rb"(?: " + _QUOTED + rb" " + _QUOTED + rb")?",
    re.DOTALL,
)
_PAIR = re.compile(
    rb'(?:^|(?<=\s))([A-Za-z0-9_.@/$-]{1,100}+)=(?:"((?:[^"\\]|\\.){0,16384}+)"|([^\s"]*+))',
    re.DOTALL,
)
_PROCESS = re.compile(rb"\[(\d{1,10}+)\]")
_PRIORITY = re.compile(rb"<(\d{1,3}+)>")
_TRACE = re.compile(
    rb"(?:trace[._-]?id[\"']?[=: ]{1,3}+[\"']?|traceparent[\"']?[=: ]{1,3}+[\"']?00-)"
    rb"([0-9a-f]{16,32}+)",
    re.IGNORECASE,
)
_NUMBER = re.compile(rb" (\d{1,10}+) ")  # of a process, in RFC 5424
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")

Fields = dict[str, str]


def fields_of(
    line: bytes,
    format: LogFormat = "auto",  # noqa: A002  its name in the configuration
) -> Mapping[str, str]:
    """Return the fields of a line: at most 200, each of at most 4,096 characters.

    Names are those of the line, nested ones with dots between. Access logs have W3C's names, as
    `cs-uri-stem` is; syslog has facility, severity, hostname, program, pid and message; text has
    level and message. Where a trace is named, its identifier is also `trace_id`.
    """
    line = line[:_MOST_BYTES]
    fields = _fields(line, format, 0)
    for name in TRACE_KEYS:
        if fields.get(name):
            fields["trace_id"] = fields[name]
            break
    else:
        if trace := _TRACE.search(line):
            fields["trace_id"] = trace[1].decode()
    return fields


def _fields(line: bytes, how: LogFormat, depth: int) -> Fields:
    if depth < _MOST_DEPTH and how in ("auto", "cri") and (part := _CONTAINER.match(line)):
        outer = {"time": _text(part[1]), "stream": _text(part[2])}
        return outer | _fields(part[4], "auto", depth + 1)
    if line.lstrip()[:1] == b"{" and how in ("auto", "json", "docker", "cri"):
        found = _of_json(line, depth)
        if found:
            return found
    readers: Mapping[str, Callable[[bytes, bool], Fields]] = {
        "combined": _of_web,
        "logfmt": _of_pairs,
        "syslog": _of_syslog,
    }
    for name, reader in readers.items():
        if how in (name, "auto", "json", "docker", "cri"):
            found = reader(line, how == name)
            if found:
                return found
    return {} if how == "line" else _of_text(line, how)


def _of_json(line: bytes, depth: int) -> Fields:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(record, dict):
        return {}
    if depth < _MOST_DEPTH and record.keys() >= {"log", "stream", "time"}:
        outer = {name: _shown(record[name]) for name in ("stream", "time")}
        if isinstance(record["log"], str):
            return outer | _fields(record["log"].rstrip("\n").encode(), "auto", depth + 1)
    return _flat(record)


def _flat(record: Mapping[str, object]) -> Fields:
    """Return the values of a record, those of records in it by their path."""
    fields: Fields = {}
    waiting: list[tuple[str, Mapping[str, object]]] = [("", record)]
    while waiting and len(fields) < MOST_FIELDS:
        prefix, inner = waiting.pop()
        for key, value in inner.items():
            if len(fields) == MOST_FIELDS or len(waiting) == MOST_FIELDS:
                break
            name = f"{prefix}{key}"[:_MOST_KEY_CHARACTERS]
            if isinstance(value, dict):
                waiting.append((f"{name}.", value))
            else:
                fields.setdefault(name, _shown(value))
    return fields


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value[:MOST_CHARACTERS]
    try:
        return orjson.dumps(value)[:MOST_CHARACTERS].decode("utf-8", "ignore")
    except orjson.JSONEncodeError:
        return ""  # nested deeper than it writes


def _of_pairs(line: bytes, is_asked: bool) -> Fields:
    if not is_asked and line.find(b"=", 0, _MOST_KEY_CHARACTERS) < 1:
        return {}
    fields: Fields = {}
    for pair in islice(_PAIR.finditer(line), _MOST_PAIRS):
        if pair.start() > 0 and not fields and not is_asked:
            return {}  # text before the first pair
        value = _ESCAPED.sub(rb"\1", pair[2]) if pair[2] is not None else pair[3]
        fields.setdefault(_text(pair[1]), _text(value))
        if len(fields) == MOST_FIELDS:
            break
    return fields


def _of_web(line: bytes, _is_asked: bool) -> Fields:
    found = _WEB.match(line)
    if found is None:
        return {}
    method, _, target = found[5].partition(b" ")
    target, _, version = target.rpartition(b" ")
    if not target:
        target, version = version, b""
    stem, _, query = target.partition(b"?")
    fields = {
        "c-ip": found[1],
        "cs-username": found[3].strip(),
        "time": found[4],
        "cs-method": method,
        "cs-uri": target,
        "cs-uri-stem": stem,
        "cs-uri-query": query,
        "cs-version": version,
        "sc-status": found[6],
        "sc-bytes": found[7],
        "cs-referer": found[8] or b"",
        "cs-user-agent": found[9] or b"",
    }
    return {name: _text(value) for name, value in fields.items()}


def _of_syslog(line: bytes, is_asked: bool) -> Fields:
    head = _head(line, layout.AS_SYSLOG if is_asked else layout.AUTO)
    if not head[layout.HOST_END]:
        return {}
    end = head[layout.SERVICE_END]
    fields = {
        "hostname": _text(line[head[layout.HOST_BEGIN] : head[layout.HOST_END]]),
        "program": _text(line[head[layout.SERVICE_BEGIN] : end]),
        "message": _text(line[head[layout.BEGIN] : head[layout.END]]),
    }
    if process := _PROCESS.search(line, end, head[layout.BEGIN]):
        fields["pid"] = _text(process[1])
    elif numbered := _NUMBER.match(line, end):
        fields["pid"] = _text(numbered[1])
    if (priority := _PRIORITY.match(line)) and int(priority[1]) < 8 * len(FACILITIES):
        facility, severity = divmod(int(priority[1]), 8)
        fields |= {"facility": FACILITIES[facility], "severity": _SEVERITIES[severity]}
    return fields


def _of_text(line: bytes, how: LogFormat) -> Fields:
    number = layout.FORMATS.index(how)
    head = _head(line, number if number in (layout.AS_PYTHON, layout.AS_JAVA) else layout.AUTO)
    fields = {"message": _text(line[head[layout.BEGIN] : head[layout.END]])}
    if head[layout.LEVEL]:
        fields["level"] = LEVELS[head[layout.LEVEL]]
    return fields


def _head(line: bytes, how: int) -> list[int]:
    numbers = np.frombuffer(line, dtype=np.uint8)
    places = np.array([(0, len(line))], dtype=np.int64)
    keys = np.zeros((0, 3), dtype=np.int64)
    head: list[int] = read_heads(numbers, places, how, (0, 0), keys)[0].tolist()
    return head


def _text(value: bytes) -> str:
    return value[: 4 * MOST_CHARACTERS].decode("utf-8", "replace")[:MOST_CHARACTERS]
