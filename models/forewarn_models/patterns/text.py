"""Bytes of a log as text that is safe to show on a terminal and on a page."""

import re

_SEQUENCE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]?")
# Control characters and those that turn the direction of what follows, which can hide what is said.
_CONTROL = re.compile("[\x00-\x20\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


def readable(line: bytes) -> str:
    r"""Return a line as text: without control characters, what is not UTF-8 replaced.

    >>> readable(b"\x1b[31mred\x1b[0m\ttext \xff")
    'red text \ufffd'
    """
    text = _SEQUENCE.sub(b" ", line).decode("utf-8", "replace")
    return _CONTROL.sub(" ", text).strip()
