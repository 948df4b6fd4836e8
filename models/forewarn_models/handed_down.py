"""What a model of earlier training hands down: what it saw before the history of the next one."""

import numpy as np

from forewarn_models.contract import FittedDetector
from forewarn_models.layout import LEVEL, LEVEL_RUN, SEEN
from forewarn_models.panel import Panel
from forewarn_models.walk import Memory


def meets(earlier: FittedDetector, history: Panel) -> bool:
    """Return whether `earlier` ended within `history`, on its grid."""
    ahead = earlier.initial_carry().next_milliseconds - history.start_milliseconds
    is_within = 0 <= ahead <= history.n_times * history.step_milliseconds
    is_on_grid = ahead % history.step_milliseconds == 0
    return is_within and is_on_grid and earlier.step_milliseconds == history.step_milliseconds


def go_on(memory: Memory, history: Panel, earlier: FittedDetector) -> None:
    """Put what `earlier` remembers, led on to the end of the history, in place of shorter memory.

    `earlier` remembers as `memory` does, and meets `history`. Levels stay: they belong to the new
    profiles.
    """
    carry = earlier.initial_carry()
    first = (carry.next_milliseconds - history.start_milliseconds) // history.step_milliseconds
    rest = history.columns(first, history.n_times).rows(earlier.series)
    _, carry = earlier.score(rest, carry)
    place = {labels: row for row, labels in enumerate(history.series)}
    pairs = [(place[s], row) for row, s in enumerate(earlier.series) if s in place]
    new, old = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    is_longer = carry.arrays["exact"][old, SEEN] > memory.exact[new, SEEN]
    new, old = new[is_longer], old[is_longer]
    levels = memory.exact[new][:, [LEVEL, LEVEL_RUN]]
    memory.exact[new], memory.rough[new] = carry.arrays["exact"][old], carry.arrays["rough"][old]
    memory.exact[new[:, None], [LEVEL, LEVEL_RUN]] = levels
