import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_lines import texts

from forewarn_adapters.logs.receiving.syslog_framing import MOST_BYTES_OF_LINE, FrameCutter


def cut_all(data: bytes, sizes: list[int]) -> tuple[list[bytes], FrameCutter]:
    """The lines of data that comes in pieces of these sizes, the last of them for ever."""
    cutter = FrameCutter()
    found: list[bytes] = []
    begin, piece = 0, 0
    while begin < len(data):
        size = sizes[min(piece, len(sizes) - 1)]
        found += texts(cutter.cut(data[begin : begin + size]))
        begin, piece = begin + size, piece + 1
    return found, cutter


SIZES = st.lists(st.integers(1, 50), min_size=1, max_size=10)
CONTENT = st.binary(min_size=1, max_size=30).filter(lambda line: line.rstrip(b"\0\r\n"))


@settings(deadline=None)  # the first call compiles
@given(contents=st.lists(CONTENT, min_size=1), sizes=SIZES)
def test_frames_with_lengths_are_found_however_they_come(contents, sizes):
    contents = [b"<1>" + content for content in contents]
    data = b"".join(b"%d %s" % (len(content), content) for content in contents)
    found, cutter = cut_all(data, sizes)
    assert found == [content.rstrip(b"\0\r\n") for content in contents]
    assert not cutter.is_unfinished
    assert texts(cutter.end()) == []


@settings(deadline=None)
@given(contents=st.lists(st.binary(max_size=30)), sizes=SIZES, is_ended=st.booleans())
def test_lines_are_found_however_they_come(contents, sizes, is_ended):
    contents = [b"<1>" + content.replace(b"\n", b" ") for content in contents]
    data = b"\n".join(contents) + b"\n" * is_ended
    found, cutter = cut_all(data, sizes)
    found += texts(cutter.end())
    assert found == [content.rstrip(b"\0\r\n") for content in contents]


def test_a_line_feed_within_a_frame_does_not_make_two_lines():
    frame = b"<13>one\n<13>forged"
    assert cut_all(b"%d %s" % (len(frame), frame), [7])[0] == [frame]


@pytest.mark.parametrize("text", [b"2026-11-27 a line\n", b"12 monkeys\n", b"3\n", b"12345678 x\n"])
def test_lines_that_begin_with_a_number_are_lines(text):
    found, cutter = cut_all(text * 2, [3])
    assert found + texts(cutter.end()) == [text[:-1]] * 2


def test_what_cannot_be_told_yet_is_a_line_when_the_connection_ends():
    found, cutter = cut_all(b"123", [1])
    assert (found, cutter.is_unfinished) == ([], True)
    assert texts(cutter.end()) == [b"123"]


def test_an_unfinished_frame_is_no_line():
    found, cutter = cut_all(b"20 <13>half", [100])
    assert (found, cutter.is_unfinished, texts(cutter.end())) == ([], True, [])


@pytest.mark.parametrize("rest", [b"x", b" 3 abc", b"123456789 a", b"0 a"])
def test_a_length_that_is_none_breaks_the_connection_after_the_lines_before_it(rest):
    found, cutter = cut_all(b"4 <1>a" + rest, [100])
    assert (found, cutter.is_broken) == ([b"<1>a"], True)


@pytest.mark.parametrize("size", [100, 10_000, 1 << 18, 1 << 24])
@pytest.mark.parametrize("length", [MOST_BYTES_OF_LINE + 1, 200_000, 10_000_000])
@pytest.mark.parametrize("has_lengths", [True, False])
def test_long_lines_are_cut_and_those_around_them_kept(size, length, has_lengths):
    if size == 100 and length > 1_000_000:
        size = 1000
    long = b"<1>" + b"x" * (length - 3)
    parts = [b"<1>a", long, b"<1>b"]
    if has_lengths:
        data = b"".join(b"%d %s" % (len(part), part) for part in parts)
    else:
        data = b"\n".join(parts) + b"\n"
    found, cutter = cut_all(data, [size])
    assert found == [b"<1>a", long[:MOST_BYTES_OF_LINE], b"<1>b"]
    assert cutter.n_cut == 1
    assert not cutter.is_unfinished


def test_only_the_unfinished_line_is_kept():
    cutter = FrameCutter()
    for _ in range(50):
        cutter.cut(b"<1>" + b"x" * 100_000)
        assert len(cutter._rest) <= MOST_BYTES_OF_LINE
        assert cutter.is_unfinished
    assert texts(cutter.cut(b"end\nnext\n")) == [b"next"]
