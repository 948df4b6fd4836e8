"""What reading heads compiles at its first call, compiled before somebody waits for that call."""

from collections.abc import Callable

import numpy as np

from forewarn_models.lines.continuing import continued
from forewarn_models.lines.escapes import strip_escapes
from forewarn_models.lines.grouping import grouped
from forewarn_models.lines.heads import (
    end_at_line_feed,
    read_container_heads,
    read_heads,
    read_times,
    write_messages,
)
from forewarn_models.lines.json_heads import read_json_heads
from forewarn_models.lines.json_table import MESSAGE, key_table
from forewarn_models.lines.json_values import decoded
from forewarn_models.lines.layout import AUTO


def warm_lines(progress: Callable[[str], None] = lambda _part: None) -> None:
    """Compile, or read, all that is called of this package. `progress` is told what comes."""
    progress("heads of lines")
    data = np.frombuffer(b"a\n", dtype=np.uint8)
    lines = np.array([(0, 1)], dtype=np.int64)
    clock, keys = (0, 0), np.zeros((0, 3), dtype=np.int64)
    strip_escapes(data, lines, len(data))
    read_container_heads(data, lines, clock)
    read_times(data, lines, clock)
    end_at_line_feed(data, lines)
    heads = read_heads(data, lines, AUTO, clock, keys)
    write_messages(data, heads, len(data))
    read_json_heads(data, heads, key_table([(MESSAGE, 0, ("message",))]), clock, 0)
    decoded(data, lines)
    group, first = grouped(data, heads, np.zeros(1, dtype=np.int64))
    continued(data, heads, group, len(first))
