"""Lines in the JSON of Loki, as arrays in order of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from forewarn_adapters.http import Answer, shown
from forewarn_adapters.logs.answer_lines import AnswerLines
from forewarn_adapters.logs.loki.streams import KnownStream, StreamCache
from forewarn_models.errors import SourceRejected, SourceUnavailable


@dataclass(frozen=True, slots=True)
class Message:
    """What Loki sends while tailed: streams in JSON's own types, and whether it left lines out."""

    streams: Sequence[Any]
    has_gap: bool


def page_of(answer: Answer, cache: StreamCache) -> AnswerLines:
    """Return the lines that an answer of /query_range with status 200 holds.

    Raises SourceRejected where the query asks for numbers, and SourceUnavailable for anything
    that is not a whole answer.
    """
    try:
        reply = orjson.loads(answer.body)
        data = reply["data"]
        kind = data["resultType"]
        if kind == "streams" and reply["status"] == "success":
            return page_of_streams(data["result"], cache)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, OverflowError) as broken:
        raise _not_an_answer(answer.text()) from broken
    if kind in {"matrix", "vector", "scalar"}:
        raise SourceRejected(
            "the query must select lines, it computes numbers: leave out functions such as "
            "`rate` and `count_over_time`"
        )
    raise _not_an_answer(answer.text())


def page_of_messages(messages: Sequence[Message], cache: StreamCache) -> AnswerLines:
    """Return the lines of what was tailed. Raises SourceUnavailable where they are none."""
    try:
        streams = [stream for message in messages for stream in message.streams]
        return page_of_streams(streams, cache)
    except (KeyError, TypeError, ValueError, OverflowError) as broken:
        raise _not_an_answer("something else while tailing") from broken


def message_of(frame: bytes | str) -> Message:
    """Return what one frame of /tail says. Raises SourceUnavailable for what is no such frame."""
    try:
        content = orjson.loads(frame)
        return Message(list(content.get("streams") or ()), bool(content.get("dropped_entries")))
    except (orjson.JSONDecodeError, AttributeError, TypeError) as broken:
        raise _not_an_answer(shown(str(frame[:300]))) from broken


def page_of_streams(streams: Sequence[Any], cache: StreamCache) -> AnswerLines:
    """Return the lines of streams in JSON's own types.

    Raises KeyError, TypeError, ValueError or OverflowError where they are not as Loki says them.
    """
    known: list[KnownStream] = []
    counts: list[int] = []
    times: list[str] = []
    texts: list[str] = []
    for stream in streams:
        values = stream["values"]
        if not values:
            continue
        # Where a third column comes, it says of each line what stands among the labels already.
        stamps, lines, *_ = zip(*values, strict=False)
        known.append(cache.stream(stream["stream"]))
        counts.append(len(values))
        times += stamps
        texts += lines
    encoded = list(map(str.encode, texts))
    timestamp = np.fromiter(map(int, times), np.int64, len(times))
    place = np.repeat(np.arange(len(known)), counts)
    key, level = np.array([(of.key, of.level) for of in known], np.int64).reshape(-1, 2)[place].T
    who = tuple(of.stream for of in known)
    page = AnswerLines(encoded, encoded, key, timestamp, level.astype(np.int8), place, who)
    return page.in_order()


def _not_an_answer(got: str) -> SourceUnavailable:
    return SourceUnavailable(f"Loki must answer with whole streams in JSON, got {got}")
