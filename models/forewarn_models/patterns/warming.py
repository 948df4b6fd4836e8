"""What mining compiles at its first call, compiled before somebody waits for that call."""

from collections.abc import Callable

import numpy as np

from forewarn_models.patterns.miner import Miner
from forewarn_models.patterns.scanning import line_places


def warm_patterns(progress: Callable[[str], None] = lambda _part: None) -> None:
    """Compile, or read, all that a miner calls. `progress` is told what is being compiled."""
    progress("patterns of logs")
    data = b"a 1\n"
    lines = np.empty((1, 2), dtype=np.int64)
    line_places(np.frombuffer(data, dtype=np.uint8), 0, lines)
    Miner().mine(data, lines)
