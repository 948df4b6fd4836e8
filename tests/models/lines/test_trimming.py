import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_models.lines.trimming import trim


@settings(deadline=None)  # the first call compiles
@given(
    lines=st.lists(st.lists(st.sampled_from(b"ab\0\r\n"), max_size=8).map(bytes)),
    most_bytes=st.integers(1, 8),
)
def test_lines_are_trimmed_and_empty_ones_dropped(lines, most_bytes):
    ends = np.cumsum([len(line) for line in lines], dtype=np.int64)
    places = np.column_stack((ends - [len(line) for line in lines], ends)).astype(np.int64)
    data = b"".join(lines)
    n, n_cut = trim(np.frombuffer(data, dtype=np.uint8), places, most_bytes)
    stripped = [line.rstrip(b"\0\r\n") for line in lines]
    assert [data[begin:end] for begin, end in places[:n]] == [
        line[:most_bytes] for line in stripped if line
    ]
    assert n_cut == sum(len(line) > most_bytes for line in stripped)
