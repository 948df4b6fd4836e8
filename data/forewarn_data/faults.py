"""Faults that are planted into simulated series, and the labels that say where they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.errors import DataError

FaultKind = Literal["spike", "level_shift", "drift", "dropout", "flat_line"]
FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault on one series, from its start up to, but without, its end.

    Args:
        kind: `spike` rises to `factor` times the healthy value at its middle and comes back;
            `level_shift` multiplies by `factor`; `drift` goes from 1 to `factor` in a straight
            line; `dropout` leaves no samples; `flat_line` repeats the value at its start.
        series: as PromQL writes it, such as `demo_queue_length`.
        start_milliseconds: since the epoch, UTC.
        end_milliseconds: after the start.
        factor: see `kind`; not used by `dropout` and `flat_line`.
    """

    kind: FaultKind
    series: str
    start_milliseconds: int
    end_milliseconds: int
    factor: float = 3.0

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise DataError(f"a fault must be one of {', '.join(FAULT_KINDS)}, got {self.kind!r}")
        if self.end_milliseconds <= self.start_milliseconds:
            raise DataError(
                "a fault must end after it starts, got "
                f"{self.start_milliseconds} to {self.end_milliseconds} ms"
            )


def apply_fault(
    fault: Fault, times_milliseconds: IntegerArray, values: FloatArray, *, at_start: float
) -> FloatArray:
    """Return the values with a fault on them; `at_start` is the healthy value where it starts."""
    length = fault.end_milliseconds - fault.start_milliseconds
    progress = (times_milliseconds - fault.start_milliseconds) / length
    inside = (progress >= 0.0) & (progress < 1.0)
    if fault.kind == "dropout":
        return np.where(inside, np.nan, values)
    if fault.kind == "flat_line":
        return np.where(inside, at_start, values)
    share = {
        "spike": 1.0 - np.abs(2.0 * progress - 1.0),
        "level_shift": np.ones(len(values)),
        "drift": progress,
    }[fault.kind]
    return np.where(inside, values * (1.0 + (fault.factor - 1.0) * share), values)


def random_faults(
    rng: np.random.Generator,
    series: Sequence[str],
    *,
    start_milliseconds: int,
    end_milliseconds: int,
    count: int,
    length_milliseconds: int,
) -> tuple[Fault, ...]:
    """Return faults of all kinds in turn that do not overlap, one in each of `count` equal parts.

    Raises DataError when the parts are not longer than the faults.
    """
    part = (end_milliseconds - start_milliseconds) // max(count, 1)
    if part <= length_milliseconds:
        raise DataError(
            f"{count} faults of {length_milliseconds} ms need parts longer than that, got {part} ms"
        )
    starts = (
        start_milliseconds
        + part * np.arange(count)
        + rng.integers(0, part - length_milliseconds, count)
    )
    chosen = rng.integers(0, len(series), count)
    kinds: tuple[FaultKind, ...] = get_args(FaultKind)
    return tuple(
        Fault(kinds[place % len(kinds)], series[row], int(start), int(start) + length_milliseconds)
        for place, (start, row) in enumerate(zip(starts, chosen, strict=True))
    )
