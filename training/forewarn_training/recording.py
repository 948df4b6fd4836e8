"""What is judged in a back-test: the past of a signal or a file, in parts of bounded size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import numpy as np

from forewarn_adapters.config.signals import Signal
from forewarn_adapters.masks import Window, read_masks
from forewarn_adapters.source import Source
from forewarn_models.arrays import IntegerArray
from forewarn_models.contract import Detector
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.groups import groups_of
from forewarn_models.labels import Labels, label_text
from forewarn_models.masks import Interval
from forewarn_models.offline import Schedule
from forewarn_models.panel import Panel
from forewarn_models.rulers import Ruler
from forewarn_models.samples import Samples, samples_of
from forewarn_training.bounding import found_bounds
from forewarn_training.detector_job import detector_of, siblings_of
from forewarn_training.history import history_span, read_history

# The first model needs a past: at least this share of what is there comes before what is judged.
_TRAINED_SHARE = 0.5
# Scoring a part takes some 130 bytes for each of its cells.
_CELLS_IN_A_PART = 2_000_000


@dataclass(frozen=True, eq=False)
class Recording:
    """Samples of a signal or a file, and how the service would learn from them.

    Args:
        name: of the signal or file.
        parts: each gives the samples of some series; groups and siblings stand in one part.
        end_milliseconds: of what is judged.
        detector: that is trained.
        schedule: when.
        ruler: the grid that the samples lie on.
        name_of: what a series is called.
        hidden: what must not be learned from, though it is judged.
        warnings: masks that could not be read, and why.
    """

    name: str
    parts: tuple[Callable[[], Samples], ...]
    end_milliseconds: int
    detector: Detector
    schedule: Schedule
    ruler: Ruler
    name_of: Callable[[Labels], str] = label_text
    hidden: tuple[Interval, ...] = ()
    warnings: tuple[str, ...] = ()


def signal_recording(
    signal: Signal,
    source: Source,
    *,
    now_milliseconds: int,
    days: float,
    every: timedelta,
) -> Recording:
    """Return what the source holds of a signal, of which its last `days` are judged.

    A new model is trained `every` so often.

    Raises SourceError, NotEnoughHistory where there is none, and DataError where it is too large.
    """
    history = signal.history + timedelta(days=days)
    span = history_span(now_milliseconds=now_milliseconds, history=history, step=signal.step)
    panel = read_history(source, signal.query, span=span)
    schedule = Schedule(
        judged_from(panel.start_milliseconds, panel.end_milliseconds, days=days),
        milliseconds_of(every),
        milliseconds_of(signal.history),
    )
    if not panel.n_series:
        raise NotEnoughHistory("a detector", needed=60, got=0)
    masks = read_masks(signal, source, Window(*span))
    return Recording(
        signal.name,
        tuple(
            partial(_samples, panel, rows)
            for rows in _row_sets(panel, signal.group_by, siblings_of(signal))
        ),
        panel.end_milliseconds,
        detector_of(signal, span, found_bounds(signal, source, panel).bounds),
        schedule,
        Ruler(panel.start_milliseconds, panel.step_milliseconds),
        hidden=tuple(each for mask in masks for each in mask.intervals),
        warnings=tuple(
            f"nothing is hidden by {mask.name}: {mask.problem}" for mask in masks if mask.problem
        ),
    )


def judged_from(start_milliseconds: int, end_milliseconds: int, *, days: float) -> int:
    """Return from when on to judge: for some days, of a short history for its newer half.

    >>> judged_from(0, 10 * 86_400_000, days=7) / 86_400_000
    5.0
    """
    held = end_milliseconds - start_milliseconds
    return max(
        end_milliseconds - round(days * 86_400_000),
        start_milliseconds + round(_TRAINED_SHARE * held),
    )


def _samples(panel: Panel, rows: IntegerArray) -> Samples:
    return samples_of(panel.rows([panel.series[row] for row in rows.tolist()]))


def _row_sets(
    panel: Panel, group_by: tuple[str, ...], siblings: tuple[str, ...]
) -> Iterator[IntegerArray]:
    """Yield the rows of each part: as many whole groups, or series, as its size allows.

    Siblings stand in one part as well, for one inherits what another has learned.
    """
    most = max(1, _CELLS_IN_A_PART // max(1, panel.n_times))
    held: list[IntegerArray] = []
    n_held = 0
    for unit in _units(panel, group_by, siblings):
        if held and n_held + len(unit) > most:
            yield np.concatenate(held)
            held, n_held = [], 0
        held.append(unit)
        n_held += len(unit)
    yield np.concatenate(held)


def _units(
    panel: Panel, group_by: tuple[str, ...], siblings: tuple[str, ...]
) -> list[IntegerArray]:
    """Return the rows that are bound to each other, by groups, siblings or a chain of both."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    kinds = [groups_of(panel.series, names).members for names in (group_by, siblings)]
    groups = [row[row >= 0] for members in kinds for row in members]
    # Each row of a group is bound to its first, which binds them all.
    firsts = [np.full(len(group), group[0]) for group in groups]
    nobody = np.empty(0, dtype=np.int64)
    pair = (np.concatenate([nobody, *firsts]), np.concatenate([nobody, *groups]))
    bonds = coo_array((np.ones(len(pair[0])), pair), shape=(panel.n_series, panel.n_series))
    _, unit_of = connected_components(bonds, directed=False)
    order = np.argsort(unit_of, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(unit_of[order])) + 1)
