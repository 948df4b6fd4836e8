import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_models.lines.octet_frames import frame_length, frame_places


def cut(data: bytes, most: int = 100) -> tuple[list[bytes], bytes]:
    frames = np.empty((most, 2), dtype=np.int64)
    n, rest = frame_places(np.frombuffer(data, dtype=np.uint8), frames)
    return [data[begin:end] for begin, end in frames[:n].tolist()], data[rest:]


@settings(deadline=None)  # the first call compiles
@given(
    contents=st.lists(st.binary(min_size=1, max_size=40), max_size=20), cut_bytes=st.integers(0, 60)
)
def test_whole_frames_are_found_and_the_rest_is_left(contents, cut_bytes):
    data = b"".join(b"%d %s" % (len(content), content) for content in contents)
    frames, rest = cut(data[: max(len(data) - cut_bytes, 0)])
    assert frames == contents[: len(frames)]
    again, end = cut(rest + data[max(len(data) - cut_bytes, 0) :])
    assert (frames + again, end) == (contents, b"")


def test_no_more_frames_are_found_than_there_is_room_for():
    assert cut(b"1 a1 b1 c", most=2) == ([b"a", b"b"], b"1 c")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"12 abc", (12, 3)),
        (b"", (-1, 0)),
        (b"12345678", (-1, 0)),
        (b"12345678 ", (12345678, 9)),
        (b"123456789", (-2, 0)),
        (b"012 a", (-2, 0)),
        (b" a", (-2, 0)),
        (b"1x", (-2, 0)),
    ],
)
def test_a_length_has_at_most_eight_digits(data, expected):
    assert frame_length(np.frombuffer(data, dtype=np.uint8), 0) == expected
