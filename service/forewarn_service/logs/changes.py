"""Which patterns changed most just now: what a page shows beside an anomaly of their service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.patterns.changes import Changes, rank_changes
from forewarn_service.logs.increases import Counted, Increases, increases
from forewarn_service.logs.names import OTHER_IDENTIFIER, Identifiers, name_of
from forewarn_service.logs.snapshot import Snapshot

WINDOW_SECONDS = 300.0
N_WINDOWS_BEFORE = 6
MOST_PER_SERVICE = 20

_PART_SECONDS = 150.0  # between two instants that are kept
_PAUSE_SECONDS = 15.0  # between two looks at what changed
_CHANCE = 2.0  # decades: of a hundred windows of a service one shows a change that is none


@dataclass(frozen=True, slots=True)
class PatternChange:
    """A pattern of a service that came more or less often than before, by more than chance.

    Args:
        service: who says it.
        pattern: its name.
        template: of the pattern.
        score: decades of chance; 3 = one of a thousand windows would differ as much by chance.
    """

    service: str
    pattern: str
    template: str
    score: float


@dataclass(frozen=True, eq=False)
class Ranked:
    """Patterns of services, n of them, over all sources of a service.

    Args:
        service: (n,) by number.
        pattern: (n,) by number.
        lines: (n, windows) the last is the window that is looked at.
        changes: how they changed.
    """

    service: IntegerArray
    pattern: Identifiers
    lines: FloatArray
    changes: Changes


class RecentCounts:
    """The counters of the last half hour, at instants some minutes apart."""

    def __init__(self) -> None:
        self._kept: list[Counted] = []
        self._looked_seconds = -np.inf
        self._found: tuple[PatternChange, ...] = ()

    def changed(self, snapshot: Snapshot) -> tuple[PatternChange, ...]:
        """Return what changed in the five minutes or more up to a snapshot, and keep it.

        Nothing is returned until counters of ten minutes are there. Snapshots come in order of
        time; within 15 seconds the answer stays as it was.
        """
        seconds = snapshot.milliseconds / 1e3
        if 0.0 <= seconds - self._looked_seconds < _PAUSE_SECONDS:
            return self._found
        self._looked_seconds = seconds
        oldest = seconds - WINDOW_SECONDS * (N_WINDOWS_BEFORE + 1) - 2 * _PART_SECONDS
        self._kept = [each for each in self._kept if oldest < each.seconds <= seconds]
        now = counted_of(snapshot)
        self._found = self._changed(snapshot, self._instants(now))
        if not self._kept or seconds - self._kept[-1].seconds >= _PART_SECONDS:
            self._kept.append(now)
        return self._found

    @staticmethod
    def _changed(snapshot: Snapshot, instants: Sequence[Counted]) -> tuple[PatternChange, ...]:
        if not instants:
            return ()
        names = sorted({service for _, service in snapshot.services})
        numbers = {name: number for number, name in enumerate(names)}
        service_of = np.array([numbers[service] for _, service in snapshot.services])
        return changed_patterns(instants, service_of, names, snapshot.templates)

    def _instants(self, now: Counted) -> list[Counted]:
        """Return the kept instants at which windows end, and now; none where there are too few."""
        chosen: list[Counted] = [now]
        for each in reversed(self._kept):
            if chosen[0].seconds - each.seconds >= WINDOW_SECONDS:
                chosen.insert(0, each)
        return chosen[-N_WINDOWS_BEFORE - 2 :] if len(chosen) > 2 else []


def counted_of(snapshot: Snapshot) -> Counted:
    """Return the counters of a snapshot, over all levels."""
    columns, places = snapshot.series, snapshot.places
    patterns, number = np.unique(columns["pattern"], return_inverse=True)
    n_patterns = max(len(patterns), 1)
    keys, row = np.unique(columns["service"] * n_patterns + number, return_inverse=True)
    first = np.full(len(keys), np.nan)
    if len(patterns):
        at = np.minimum(np.searchsorted(patterns, places["pattern"]), n_patterns - 1)
        wanted = places["service"] * n_patterns + at
        found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        is_there = (keys[found] == wanted) & (patterns[at] == places["pattern"])
        first[found[is_there]] = places["first"][is_there] / 1e9
    return Counted(
        seconds=snapshot.milliseconds / 1e3,
        service=keys // n_patterns,
        pattern=patterns[keys % n_patterns],
        count=np.bincount(row, columns["count"], len(keys)).astype(np.float64),
        first_seconds=first,
    )


def changed_patterns(
    instants: Sequence[Counted],
    service_of: IntegerArray,
    names: Sequence[str],
    templates: Mapping[int, str],
) -> tuple[PatternChange, ...]:
    """Return what changed in the last window by more than chance, at most 20 patterns a service.

    Args:
        instants: at which windows end; the last window may be longer than those before it.
        service_of: the service, a place in `names`, of each number in `instants`.
        names: of services.
        templates: of patterns, by number.
    """
    ranked = ranked_changes(instants, service_of)
    order = ranked.changes.order
    order = order[_is_shown(ranked)[order]]
    order = order[np.argsort(ranked.service[order], kind="stable")]
    service = ranked.service[order]
    order = order[np.arange(len(order)) - np.searchsorted(service, service) < MOST_PER_SERVICE]
    return tuple(
        PatternChange(
            names[ranked.service[row]],
            name_of(int(ranked.pattern[row])),
            templates.get(int(ranked.pattern[row]), ""),
            round(float(ranked.changes.score[row]), 2),
        )
        for row in order.tolist()
    )


def ranked_changes(instants: Sequence[Counted], service_of: IntegerArray) -> Ranked:
    """Return how the patterns of services changed in the last window; three instants or more."""
    service, pattern, lines, first = _of_services(increases(instants), service_of)
    begin, window_begin, end = (instants[place].seconds for place in (0, -2, -1))
    changes = rank_changes(
        lines[:, :-1],
        lines[:, -1],
        before_seconds=window_begin - begin,
        during_seconds=end - window_begin,
        group=service,
        is_new=first >= window_begin,
    )
    return Ranked(service, pattern, lines, changes)


def _of_services(found: Increases, service_of: IntegerArray) -> Increases:
    """Return the same over all numbers of a service."""
    service = service_of[found.service] if len(found.service) else found.service
    patterns, number = np.unique(found.pattern, return_inverse=True)
    n_patterns = max(len(patterns), 1)
    keys, row = np.unique(service * n_patterns + number, return_inverse=True)
    lines = np.zeros((len(keys), found.lines.shape[1]))
    np.add.at(lines, row, found.lines)
    first = np.full(len(keys), np.nan)
    np.fmin.at(first, row, found.first_seconds)
    return Increases(keys // n_patterns, patterns[keys % n_patterns], lines, first)


def _is_shown(ranked: Ranked) -> BooleanArray:
    """Return what is no chance: of all patterns of a service, fewer than one in a hundred windows.

    A new pattern is shown whatever its lines; nothing is of a service that said nothing before.
    """
    n_services = int(ranked.service.max(initial=-1)) + 1
    n_patterns = np.bincount(ranked.service, minlength=n_services)
    before = np.bincount(ranked.service, ranked.lines[:, :-1].sum(axis=1), n_services)
    is_rare = ranked.changes.score >= _CHANCE + np.log10(n_patterns)[ranked.service]
    is_new = ranked.changes.is_new & (ranked.pattern != OTHER_IDENTIFIER)
    shown: BooleanArray = (is_rare | is_new) & (before > 0.0)[ranked.service]
    return shown
