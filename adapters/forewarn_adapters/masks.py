"""What the masks of a signal hide: read from calendars, silences and queries."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from forewarn_adapters import maintenance
from forewarn_adapters.config.learning import CivilTime, Mask
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.credentials import public_url
from forewarn_adapters.silences import read_silences
from forewarn_adapters.source import Source
from forewarn_models.durations import format_duration, milliseconds_of
from forewarn_models.errors import ForewarnError
from forewarn_models.masks import Interval, merged
from forewarn_models.samples import floor_to_step


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is asked about: its start, its end (not in it), the step; in milliseconds."""

    start: int
    end: int
    step: int


@dataclass(frozen=True, slots=True)
class MaskReading:
    """What came of reading one mask.

    Args:
        name: what messages call it: two masks with one name hide the same.
        intervals: that it hides, within the time that was asked about.
        problem: why it could not be read; empty when it could.
        is_forgetful: its source forgets what is past.
    """

    name: str
    intervals: tuple[Interval, ...]
    problem: str = ""
    is_forgetful: bool = False


def read_masks(signal: Signal, source: Source, window: Window) -> tuple[MaskReading, ...]:
    """Return what each mask of a signal hides; one that cannot be read says why and hides nothing.

    `source` answers the masks that are queries.
    """
    return tuple(_reading(mask, signal, source, window) for mask in signal.masks or ())


def _reading(mask: Mask, signal: Signal, source: Source, window: Window) -> MaskReading:
    padding = milliseconds_of(mask.padding) if mask.padding else 0
    # What lies just outside reaches in with its padding.
    wide = Window(
        floor_to_step(window.start - padding, window.step), window.end + padding, window.step
    )
    is_forgetful = mask.silences is not None
    try:
        intervals = tuple(_intervals(mask, signal, source, wide))
    except ForewarnError as failed:
        return MaskReading(_name(mask), (), str(failed), is_forgetful)
    within = merged(_within(intervals, window, padding=padding))
    return MaskReading(_name(mask), within, is_forgetful=is_forgetful)


def _name(mask: Mask) -> str:
    if mask.ical is not None:
        name = f"the calendar {maintenance.name_of(mask.ical)}"
    elif mask.silences is not None:
        matchers = ",".join(mask.silences.matchers)
        name = f"the silences of {public_url(mask.silences.url)}"
        name += f" with {matchers}" if matchers else ""
    else:
        name = f"the query {mask.query}"
    return f"{name} with {format_duration(mask.padding)} around" if mask.padding else name


def _intervals(mask: Mask, signal: Signal, source: Source, window: Window) -> Iterable[Interval]:
    if mask.ical is not None:
        zone = (signal.calendar or CivilTime()).timezone
        return maintenance.read_calendar(mask.ical, zone=zone, first=window.start, last=window.end)
    if mask.silences is not None:
        team = {"team": signal.team} if signal.team else {}
        return read_silences(mask.silences, labels={"signal": signal.name, **team})
    return _instants(mask.query or "", source, window)


def _instants(query: str, source: Source, window: Window) -> Iterator[Interval]:
    """Yield the steps at which a query has a value, those that follow each other as one."""
    samples = source.read_range(
        query,
        start_milliseconds=window.start,
        end_milliseconds=window.end,
        step_milliseconds=window.step,
    )
    times = np.unique(samples.timestamp_milliseconds[~np.isnan(samples.value)])
    for run in np.split(times, np.flatnonzero(np.diff(times) > window.step) + 1):
        if len(run):
            yield Interval(int(run[0]), int(run[-1]) + window.step)


def _within(intervals: Iterable[Interval], window: Window, *, padding: int) -> Iterator[Interval]:
    for each in intervals:
        start = max(each.start_milliseconds - padding, window.start)
        end = min(each.end_milliseconds + padding, window.end)
        if start < end:
            yield replace(each, start_milliseconds=start, end_milliseconds=end)
