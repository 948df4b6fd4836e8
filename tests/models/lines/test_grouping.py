"""forewarn_models.lines.grouping and escapes"""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_models.lines import layout
from forewarn_models.lines.escapes import strip_escapes
from forewarn_models.lines.grouping import MOST_NAME_BYTES, grouped
from forewarn_models.lines.warming import warm_lines

NAMES = st.sampled_from(["", "a", "b", "ab", "x" * MOST_NAME_BYTES, "x" * (MOST_NAME_BYTES + 1)])
WRITERS = st.lists(st.tuples(NAMES, NAMES, st.integers(0, 2)), max_size=30)


@settings(max_examples=50)
@given(WRITERS)
def test_lines_of_one_group_have_the_same_names(writers: list[tuple[str, str, int]]) -> None:
    text = "".join(service + host for service, host, _ in writers).encode()
    heads = np.zeros((len(writers), layout.N_COLUMNS), dtype=np.int64)
    place = 0
    for row, (service, host, _) in enumerate(writers):
        middle = place + len(service)
        heads[row, [layout.SERVICE_BEGIN, layout.SERVICE_END]] = place, middle
        heads[row, [layout.HOST_BEGIN, layout.HOST_END]] = middle, middle + len(host)
        place = middle + len(host)
    stream = np.array([stream for _, _, stream in writers], dtype=np.int64)
    data = np.frombuffer(text or b"-", dtype=np.uint8)
    group, first = grouped(data, heads, stream)
    cut = [(s[:MOST_NAME_BYTES], h[:MOST_NAME_BYTES], n) for s, h, n in writers]
    numbers = {writer: number for number, writer in enumerate(dict.fromkeys(cut))}
    assert group.tolist() == [numbers[writer] for writer in cut]
    assert first.tolist() == [cut.index(writer) for writer in numbers]


def stripped(*lines: bytes) -> list[bytes]:
    text = b"".join(lines)
    ends = np.cumsum([len(line) for line in lines], dtype=np.int64)
    places = np.column_stack((ends - [len(line) for line in lines], ends))
    written, n_bytes = strip_escapes(np.frombuffer(text, dtype=np.uint8), places, len(text))
    text += written[:n_bytes].tobytes()
    return [text[begin:end] for begin, end in places.tolist()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"\x1b[1;31mred\x1b[0m text", b"red text"),
        (b"\x1b[?25lhidden", b"hidden"),
        (b"\x1b]0;title\x07text", b"text"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", b"link"),
        (b"\x1b]never ends", b""),
        (b"\x1bMup", b"up"),
        (b"\x1b", b""),
        (b"a\x1b[", b"a"),
        (b"a\x1b[3", b"a"),
        (b"a\x1b[3\x01b", b"a\x01b"),
        (b"a\x1b\x01", b"a\x01"),
    ],
)
def test_escape_sequences_are_left_out(line: bytes, expected: bytes) -> None:
    assert stripped(b"plain", line, b"") == [b"plain", expected, b""]


@settings(max_examples=50)
@given(st.binary(max_size=60))
def test_colours_go_wherever_they_are(text: bytes) -> None:
    assert b"\x1b" not in stripped(b"-" + text)[0]
    coloured = re.sub(rb"\x1b", b"", text)
    assert stripped(b"\x1b[31m" + coloured + b"\x1b[0m!") == [coloured + b"!"]


def test_warming_says_what_it_does() -> None:
    parts: list[str] = []
    warm_lines(parts.append)
    assert parts == ["heads of lines"]
