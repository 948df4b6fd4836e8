"""How many lines of each pattern came between instants, from counters that were read at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_service.logs.names import Identifiers


@dataclass(frozen=True, eq=False)
class Counted:
    """Counters at one instant, n of them, no two of the same service and pattern.

    Args:
        seconds: the instant.
        service: (n,) who says it, by number.
        pattern: (n,) what is said, by number.
        count: (n,) lines so far.
        first_seconds: (n,) when this service said the pattern first; NaN = not known.
    """

    seconds: float
    service: IntegerArray
    pattern: Identifiers
    count: FloatArray
    first_seconds: FloatArray


class Increases(NamedTuple):
    """Lines of n patterns of services: `lines` is (n, windows), between one instant and the next.

    `first_seconds` is (n,), NaN where it is not known.
    """

    service: IntegerArray
    pattern: Identifiers
    lines: FloatArray
    first_seconds: FloatArray


def increases(instants: Sequence[Counted]) -> Increases:
    """Return the lines between instants, two or more in order of time.

    They are those of the counters that are there at the last instant: others have ended, as when
    patterns become one. A counter that falls has begun anew. One that is missing for a while stood
    still. One that was missing before and is there has counted from zero where its pattern was
    first said since then; else nobody knows from where, and nothing is counted.
    """
    service, pattern, places = _joined(instants)
    shape = (len(service), len(instants))
    counts, first = np.full(shape, np.nan), np.full(len(service), np.nan)
    for column, (instant, rows) in enumerate(zip(instants, places, strict=True)):
        counts[rows, column] = instant.count
        first[rows] = np.fmin(first[rows], instant.first_seconds)
    lines = np.zeros((len(service), len(instants) - 1))
    before = counts[:, 0]
    for column in range(1, len(instants)):
        now = counts[:, column]
        is_born = np.isnan(before) & (first >= instants[column - 1].seconds)
        since = np.where(is_born | (now < before), 0.0, before)
        lines[:, column - 1] = np.nan_to_num(now - since)
        before = np.where(np.isnan(now), before, now)
    kept = np.sort(places[-1])
    return Increases(service[kept], pattern[kept], lines[kept], first[kept])


def _joined(
    instants: Sequence[Counted],
) -> tuple[IntegerArray, Identifiers, list[IntegerArray]]:
    """Return services and patterns of all instants, each once, and the places of each instant's."""
    service = np.concatenate([instant.service for instant in instants])
    patterns, number = np.unique(
        np.concatenate([instant.pattern for instant in instants]), return_inverse=True
    )
    n_patterns = max(len(patterns), 1)
    keys, place = np.unique(service * n_patterns + number, return_inverse=True)
    ends = np.cumsum([len(instant.service) for instant in instants])[:-1]
    found = keys // n_patterns, patterns[keys % n_patterns]
    return *found, np.split(place, ends)
