"""forewarn_adapters.process_memory"""

import os
from pathlib import Path

from forewarn_adapters.process_memory import give_back_memory

_PIECE_BYTES = 50_000  # small enough to be cut from the heap
_PIECES = 2_000


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def test_what_is_free_below_something_in_use_goes_back_to_the_system():
    give_back_memory()
    before = _resident_bytes()
    pieces = [bytearray(os.urandom(_PIECE_BYTES)) for _ in range(_PIECES)]
    last = bytearray(os.urandom(_PIECE_BYTES))
    held = _resident_bytes()
    assert held - before > 0.9 * _PIECE_BYTES * _PIECES
    pieces.clear()
    kept = _resident_bytes()
    give_back_memory()
    assert len(last) == _PIECE_BYTES
    assert kept - _resident_bytes() > 0.5 * _PIECE_BYTES * _PIECES
