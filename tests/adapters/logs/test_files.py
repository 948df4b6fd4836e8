"""forewarn_adapters.logs.files.cutting"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_adapters.logs.files.cutting import (
    MOST_BYTES_OF_LINE,
    LineCutter,
    LogFile,
    compressed_by,
)
from forewarn_models.errors import DataError


def cut_all(blocks: list[bytes]) -> list[bytes]:
    cutter = LineCutter()
    found = []
    for data, places in [*map(cutter.cut, blocks), cutter.end()]:
        found += [data[begin:end] for begin, end in places.tolist()]
    return found


@given(st.lists(st.binary(max_size=8), max_size=12))
def test_lines_are_the_same_however_they_come(blocks: list[bytes]) -> None:
    text = b"".join(blocks)
    lines = [line.removesuffix(b"\r") for line in text.split(b"\n")]
    last = text.split(b"\n")[-1:]
    assert cut_all(blocks) == (lines[:-1] if last == [b""] else lines)


@pytest.mark.parametrize("block_bytes", [1000, MOST_BYTES_OF_LINE, 1 << 20])
def test_long_lines_are_cut_however_they_come(block_bytes: int) -> None:
    n_bytes = MOST_BYTES_OF_LINE
    text = b"a" * n_bytes + b"\n" + b"b" * (3 * n_bytes) + b"\nc\n" + b"d" * (n_bytes + 1)
    blocks = [text[at : at + block_bytes] for at in range(0, len(text), block_bytes)]
    assert cut_all(blocks) == [b"a" * n_bytes, b"b" * n_bytes, b"c", b"d" * n_bytes]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.log: cannot be read: No such file"):
        LogFile(tmp_path / "none.log")
    with pytest.raises(DataError, match="got folder"):
        LogFile(tmp_path)


def test_compressed_files_are_told_by_their_first_bytes() -> None:
    assert [compressed_by(head) for head in (b"\x1f\x8b\x08", b"BZh9", b"text", b"")] == [
        *("zcat", "bzcat", "", ""),
    ]
