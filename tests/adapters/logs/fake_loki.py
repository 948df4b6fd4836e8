"""A Loki on a real socket: its limits, its order, its labels and its faults, all in memory.

As the real one it drops a line that a stream has at that time already, refuses what is an hour
behind the newest of its stream or far in the future, adds `service_name` and `detected_level`,
and answers with the first lines of all streams. Of lines of one timestamp that do not all fit, it
gives some, others each time.
"""

import base64
import bisect
import contextlib
import gzip
import hashlib
import json
import queue
import random
import re
import select
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import fake_logql
import orjson

SECOND = 10**9
HOUR = 3_600 * SECOND
_MOST_ENTRIES_OF_A_FRAME = 100
_TOO_NEW_NANOSECONDS = 600 * SECOND
_WORD_OF_LEVEL = re.compile(r"\b(trace|debug|info|warn|error|fatal|critical)", re.IGNORECASE)
_SERVICE_LABELS = ("service", "app", "application", "name", "app_kubernetes_io_name", "container")
_KEY_OF_WEBSOCKETS = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True)
class Fault:
    """What is wrong with an answer: a status and body in place of it, or a cut in its middle."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cut: bool = False


class Entry(NamedTuple):
    nanoseconds: int
    line: str
    stream: Mapping[str, str]
    labels: Mapping[str, str]
    place: int
    text: bytes


@dataclass(eq=False)
class _Tail:
    query: fake_logql.Query
    entries: "queue.SimpleQueue[Entry | None]" = field(default_factory=queue.SimpleQueue)
    is_cut: bool = False


class FakeLoki:
    """Serves until it is closed. Everything may be changed while it does.

    `fault` says of each request for lines what is wrong with its answer. `required` are headers
    without which nothing is answered. Of what is tailed, `leave_out` drops the next entries, and
    says so unless `leaves_out_silently`.
    """

    def __init__(
        self,
        *,
        most_entries: int = 5_000,
        longest_nanoseconds: int = 721 * HOUR,
        now: Callable[[], int] = time.time_ns,
        tls: ssl.SSLContext | None = None,
        seed: int = 0,
    ) -> None:
        self.most_entries = most_entries
        self.longest_nanoseconds = longest_nanoseconds
        self.now = now
        self.fault: Callable[[Mapping[str, str]], Fault | None] = lambda _: None
        self.required: Mapping[str, str] = {}
        self.leave_out = 0
        self.leaves_out_silently = False
        self.n_pings = 0
        self.n_connections = 0
        self.asked: list[Mapping[str, str]] = []
        self.headers: list[Mapping[str, str]] = []
        self._random = random.Random(seed)
        self._lock = threading.RLock()
        self._times: list[int] = []
        self._entries: list[Entry] = []
        self._seen: set[tuple[str, int, str]] = set()
        self._newest: dict[str, int] = {}
        self._labels: dict[str, tuple[Mapping[str, str], int]] = {}
        self._texts_of_labels: list[bytes] = []
        self._tails: list[_Tail] = []
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.loki = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def n_tails(self) -> int:
        with self._lock:
            return len(self._tails)

    def push(
        self,
        labels: Mapping[str, str],
        values: Iterable[tuple[int, str]],
        metadata: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Take lines of one stream; returns what was refused, as Loki says it."""
        stream = {"service_name": _service_of(labels), **labels}
        key = _text_of(stream)
        refused = []
        taken = []
        now = self.now()
        with self._lock:
            newest = self._newest.get(key, 0)
            for nanoseconds, line in values:
                why = self._refusal(key, nanoseconds, newest, now)
                if why:
                    refused.append(why)
                    continue
                newest = max(newest, nanoseconds)
                if (entry := self._entry(key, stream, nanoseconds, line, metadata)) is not None:
                    taken.append(entry)
            self._newest[key] = newest
            self._take(taken)
            for tail in self._tails:
                self._send(tail, taken)
        return refused

    def cut_tails(self) -> None:
        """Break the connections of those who tail."""
        with self._lock:
            for tail in self._tails:
                tail.is_cut = True
                tail.entries.put(None)

    def close(self) -> None:
        self.closing.set()
        self.cut_tails()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, asked: Mapping[str, str]) -> tuple[int, bytes]:
        """Return the status and the body for a request for lines."""
        try:
            limit = int(asked.get("limit", "100"))
            start, end = int(asked["start"]), int(asked["end"])
            query = fake_logql.parse(asked["query"])
        except fake_logql.ParseError as broken:
            return 400, str(broken).encode()
        except (KeyError, ValueError) as broken:
            return 400, f"could not parse parameter: {broken}".encode()
        if limit > self.most_entries:
            numbers = f"({limit} > {self.most_entries})"
            said = "max entries limit per query exceeded, limit > max_entries_limit_per_query"
            return 400, f"{said} {numbers}".encode()
        if end - start > self.longest_nanoseconds:
            lengths = f"query length: {_go(end - start)}, limit: {_go(self.longest_nanoseconds)}"
            return 400, f"the query time range exceeds the limit ({lengths})".encode()
        if end <= start:
            return 400, b"end timestamp must not be before or equal to start time"
        with self._lock:
            entries = self._first(query, start, end, limit)
        return 200, self._body(entries)

    def start_tail(self, asked: Mapping[str, str]) -> _Tail:
        tail = _Tail(fake_logql.parse(asked["query"]))
        with self._lock:
            begin = bisect.bisect_left(self._times, int(asked["start"]))
            self._send(tail, self._entries[begin:][: int(asked.get("limit", "100"))])
            self._tails.append(tail)
            self.n_connections += 1
        return tail

    def end_tail(self, tail: _Tail) -> None:
        with self._lock:
            self._tails.remove(tail)

    def frame(self, tail: _Tail, entries: Sequence[Entry]) -> bytes:
        """Return a message of /tail. Without a stage labels of single lines are left out."""
        streams = []
        dropped = []
        for entry in entries:
            labels = entry.labels if tail.query.has_stages else entry.stream
            if self.leave_out > 0:
                self.leave_out -= 1
                if not self.leaves_out_silently:
                    dropped.append({"labels": dict(labels), "timestamp": str(entry.nanoseconds)})
                continue
            values = [[str(entry.nanoseconds), entry.line]]
            streams.append({"stream": dict(labels), "values": values})
        return orjson.dumps(
            {"streams": streams, **({"dropped_entries": dropped} if dropped else {})}
        )

    def _refusal(self, key: str, nanoseconds: int, newest: int, now: int) -> str:
        if nanoseconds > now + _TOO_NEW_NANOSECONDS:
            return f"entry for stream '{key}' has timestamp too new: {_said(nanoseconds)}\n"
        if nanoseconds < newest - HOUR:
            said = _said(nanoseconds)
            return f"entry with timestamp {said} ignored, reason: 'entry too far behind'\n"
        return ""

    def _entry(
        self,
        key: str,
        stream: Mapping[str, str],
        nanoseconds: int,
        line: str,
        metadata: Mapping[str, str] | None,
    ) -> Entry | None:
        level = _level_of(stream, line)
        text = key if metadata is None else key + _text_of(metadata)
        seen = (text, nanoseconds, line)
        if seen in self._seen:
            return None
        self._seen.add(seen)
        labels, place = self._labels_of(text + level, {**stream, "detected_level": level}, metadata)
        text_of_value = orjson.dumps([str(nanoseconds), line])
        return Entry(nanoseconds, line, stream, labels, place, text_of_value)

    def _labels_of(
        self, text: str, labels: Mapping[str, str], metadata: Mapping[str, str] | None
    ) -> tuple[Mapping[str, str], int]:
        known = self._labels.get(text)
        if known is None:
            known = self._labels[text] = {**labels, **(metadata or {})}, len(self._labels)
            self._texts_of_labels.append(orjson.dumps({"stream": known[0]})[:-1])
        return known

    def _take(self, entries: Sequence[Entry]) -> None:
        ordered = sorted(entries, key=lambda entry: entry.nanoseconds)
        if not ordered:
            return
        if not self._times or ordered[0].nanoseconds >= self._times[-1]:
            self._times += [entry.nanoseconds for entry in ordered]
            self._entries += ordered
            return
        self._entries = sorted([*self._entries, *ordered], key=lambda entry: entry.nanoseconds)
        self._times = [entry.nanoseconds for entry in self._entries]

    def _send(self, tail: _Tail, entries: Iterable[Entry]) -> None:
        for entry in _passing(tail.query, entries):
            tail.entries.put(entry)

    def _first(self, query: fake_logql.Query, start: int, end: int, limit: int) -> Sequence[Entry]:
        begin, over = bisect.bisect_left(self._times, start), bisect.bisect_left(self._times, end)
        found: list[Entry] = []
        for entry in _passing(query, (self._entries[place] for place in range(begin, over))):
            if len(found) >= limit and entry.nanoseconds != found[-1].nanoseconds:
                break
            found.append(entry)
        if len(found) > limit:
            last = bisect.bisect_left(found, found[-1].nanoseconds, key=lambda e: e.nanoseconds)
            tied = found[last:]
            self._random.shuffle(tied)
            found[last:] = tied[: limit - last]
        return found

    def _body(self, entries: Sequence[Entry]) -> bytes:
        groups: dict[int, list[bytes]] = {}
        for entry in entries:
            groups.setdefault(entry.place, []).append(entry.text)
        streams = [
            self._texts_of_labels[place] + b',"values":[' + b",".join(texts) + b"]}"
            for place, texts in groups.items()
        ]
        head = b'{"status":"success","data":{"resultType":"streams","result":['
        return head + b",".join(streams) + b'],"stats":{"summary":{"execTime":0.001}}}}'


def _passing(query: fake_logql.Query, entries: Iterable[Entry]) -> Iterator[Entry]:
    selected: dict[int, bool] = {}
    for entry in entries:
        is_selected = selected.get(entry.place)
        if is_selected is None:
            is_selected = query.selects(entry.stream) and all(
                stage(entry.labels) for stage in query.label_stages
            )
            selected[entry.place] = is_selected
        if is_selected and all(stage(entry.line) for stage in query.line_stages):
            yield entry


def _service_of(labels: Mapping[str, str]) -> str:
    return next((labels[name] for name in _SERVICE_LABELS if name in labels), "unknown_service")


def _level_of(stream: Mapping[str, str], line: str) -> str:
    if "level" in stream:
        return stream["level"]
    found = _WORD_OF_LEVEL.search(line)
    return found[1].lower() if found else "unknown"


def _text_of(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}={json.dumps(labels[name])}" for name in sorted(labels)) + "}"


def _said(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _go(nanoseconds: int) -> str:
    hours, rest = divmod(nanoseconds // SECOND, 3_600)
    return f"{hours}h{rest // 60}m{rest % 60}s"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    loki: FakeLoki


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.server.loki.headers.append(dict(self.headers))
        with contextlib.suppress(OSError):  # the client may be gone before the answer is out
            if not self._is_allowed():
                self._answer(401, b"no org id")
            elif url.path == "/loki/api/v1/query_range":
                self._answer_lines(asked)
            elif url.path == "/loki/api/v1/tail":
                self._tail(asked)
            elif url.path == "/ready":
                self._answer(200, b"ready\n")
            else:
                self._answer(404, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if not self._is_allowed() or self.path != "/loki/api/v1/push":
            self._answer(404, b"")
            return
        refused: list[str] = []
        for stream in orjson.loads(body)["streams"]:
            for when, line, *metadata in stream["values"]:
                extra = metadata[0] if metadata else None
                refused += self.server.loki.push(stream["stream"], [(int(when), line)], extra)
        self._answer(400 if refused else 204, "".join(refused).encode())

    def log_message(self, *_: object) -> None:
        """Keep the terminal quiet."""

    def _is_allowed(self) -> bool:
        return all(
            self.headers.get(name) == value for name, value in self.server.loki.required.items()
        )

    def _answer_lines(self, asked: Mapping[str, str]) -> None:
        self.server.loki.asked.append(asked)
        fault = self.server.loki.fault(asked)
        if fault is None:
            self._answer(*self.server.loki.answer(asked))
        elif fault.is_cut:
            _, body = self.server.loki.answer(asked)
            self.wfile.write(_head(200, len(body), {}) + body[: len(body) // 2])
            self.close_connection = True
        else:
            self._answer(fault.status, fault.body, fault.headers)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.wfile.write(_head(status, len(body), headers or {}) + body)

    def _tail(self, asked: Mapping[str, str]) -> None:
        key = self.headers["Sec-WebSocket-Key"].encode() + _KEY_OF_WEBSOCKETS
        accept = base64.b64encode(hashlib.sha1(key).digest()).decode()
        tail = self.server.loki.start_tail(asked)
        self.close_connection = True
        try:
            self.wfile.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
            )
            while not (self.server.loki.closing.is_set() or tail.is_cut or self._is_closed()):
                entries = _waiting(tail)
                if entries and not tail.is_cut:
                    self.wfile.write(_text_frame(self.server.loki.frame(tail, entries)))
        finally:
            self.server.loki.end_tail(tail)

    def _is_closed(self) -> bool:
        if not select.select([self.connection], [], [], 0)[0]:
            return False
        sent = self.connection.recv(4096)
        if sent and sent[0] & 0x0F == 9:  # a ping: masked, of a few bytes
            mask, data = sent[2:6], sent[6 : 6 + (sent[1] & 0x7F)]
            self.server.loki.n_pings += 1
            plain = bytes(octet ^ mask[place % 4] for place, octet in enumerate(data))
            self.wfile.write(bytes((0x8A, len(plain))) + plain)
        return not sent or sent[0] & 0x0F == 8  # a frame that closes


def _waiting(tail: _Tail) -> list[Entry]:
    entries: list[Entry] = []
    with contextlib.suppress(queue.Empty):
        first = tail.entries.get(timeout=0.05)
        while first is not None and len(entries) < _MOST_ENTRIES_OF_A_FRAME:
            entries.append(first)
            first = tail.entries.get_nowait()
    return entries


def _text_frame(data: bytes) -> bytes:
    if len(data) < 126:
        return bytes((0x81, len(data))) + data
    if len(data) < 1 << 16:
        return b"\x81\x7e" + struct.pack(">H", len(data)) + data
    return b"\x81\x7f" + struct.pack(">Q", len(data)) + data


def _head(status: int, length: int, headers: Mapping[str, str]) -> bytes:
    lines = {"Content-Type": "application/json; charset=UTF-8", **headers}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n{text}\r\n".encode()
