"""How long each mask of a configuration hides: what `forewarn check --against-prometheus` tells."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from forewarn_adapters.config.signals import Signal
from forewarn_adapters.masks import MaskReading, Window, read_masks
from forewarn_adapters.source import Source
from forewarn_models.durations import milliseconds_of
from forewarn_models.masks import covered_milliseconds
from forewarn_models.samples import floor_to_step

_HOUR_MILLISECONDS = 3_600_000

# By the names of signals.
Readings: TypeAlias = Mapping[str, tuple[MaskReading, ...]]


def readings_of(
    signal: Signal, source: Source, *, now_milliseconds: int
) -> tuple[MaskReading, ...]:
    """Return what each mask of a signal hides of its history."""
    step = signal.step_milliseconds
    end = floor_to_step(now_milliseconds, step)
    start = end - milliseconds_of(signal.history) // step * step
    return read_masks(signal, source, Window(start, end, step))


def hours(reading: MaskReading) -> float:
    """Return how many hours a mask hides, of whatever series."""
    return covered_milliseconds(reading.intervals) / _HOUR_MILLISECONDS


def told(readings: Readings, *, broken: bool) -> Iterator[tuple[str, str]]:
    """Yield each signal and what there is to say of a mask of it."""
    for name, those in readings.items():
        for reading in those:
            if bool(reading.problem) == broken:
                yield name, _problem(reading) if broken else _hours(reading)


def _hours(reading: MaskReading) -> str:
    return f"{hours(reading):.1f} hours are hidden by {reading.name}"


def _problem(reading: MaskReading) -> str:
    return f"nothing is hidden by {reading.name}: {reading.problem}"


def plain(reading: MaskReading) -> dict[str, object]:
    """Return a reading as JSON tells it."""
    return {"name": reading.name, "hours": hours(reading), "problem": reading.problem}
