"""JSON of servers that hand on what others sent them, however broken their texts are."""

import json
from typing import Any

import orjson

from forewarn_models.errors import SourceUnavailable


def parsed(body: bytes | bytearray, server: str) -> Any:
    """Return what an answer holds.

    Texts that are no UTF-8 or hold half a surrogate pair keep all else. Raises SourceUnavailable
    when it is no whole JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body.decode(errors="replace"))
    except (ValueError, RecursionError) as broken:
        raise SourceUnavailable(f"{server} must give whole JSON, got something else") from broken


def encoded(text: str) -> bytes:
    """Return a text in UTF-8, with `?` for what has no place in it."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace")


def dumped(value: Any) -> bytes:
    """Return what `parsed` gave, or part of it, as JSON in UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()
