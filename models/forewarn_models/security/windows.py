"""How often something was seen of each key within a span of time, in bounded memory."""

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat

KIND, FORMAT_VERSION = "security_windows", 1
MOST_THRESHOLD = 100_000

Key = tuple[str, ...]
How = Literal["event_count", "value_count", "temporal", "temporal_ordered"]

_MOST_EVIDENCE = 3
_MOST_ENTRIES = 400_000  # of all keys of one rule: 6.4 MB
_KEPT_IN_ORDER = 16


@dataclass(frozen=True, slots=True)
class WindowRule:
    """When a key is conspicuous.

    Args:
        how: `event_count`: so many sightings; `value_count`: of so many kinds; `temporal`: of all
            kinds; `temporal_ordered`: of all kinds, in their order.
        threshold: how many; for the temporal ones how many kinds there are, which are 0, 1, ...
        timespan_nanoseconds: within how long.
    """

    how: How
    threshold: int
    timespan_nanoseconds: int


@dataclass(slots=True)
class _Track:
    """What was seen of one key: when, oldest first, and of which kind."""

    nanoseconds: "array[int]" = field(default_factory=lambda: array("q"))
    kinds: "array[int]" = field(default_factory=lambda: array("q"))
    n_lines: int = 0
    evidence: list[str] = field(default_factory=list)


class Windows:
    """The sightings of many keys, by the time of the events, in whatever order they come.

    A sighting that is at most `tolerance_nanoseconds` older than the newest of its key is never
    missed; then a window may be longer by as much. One that is older still counts where what lies
    around it is kept. Of more than `most_keys` keys, those that were seen longest ago are let go.
    """

    def __init__(
        self,
        rule: WindowRule,
        *,
        most_keys: int = 4_000,
        tolerance_nanoseconds: int = 10_000_000_000,
    ) -> None:
        if not 1 <= rule.threshold <= MOST_THRESHOLD:
            raise ValueError(f"a threshold must be 1 to {MOST_THRESHOLD}, got {rule.threshold}")
        self.rule = rule
        self.n_let_go = 0
        self._most_keys = min(most_keys, max(16, _MOST_ENTRIES // (2 * rule.threshold)))
        self._tolerance = tolerance_nanoseconds
        self._tracks: OrderedDict[Key, _Track] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tracks)

    def see(self, key: Key, nanoseconds: int, *, kind: int = 0, times: int = 1) -> int:
        """Return on how many sightings it rests that the key is conspicuous now, 0 if it is not.

        They are those without a pause longer than the timespan.
        """
        track = self._track(key)
        newest = track.nanoseconds[-1] if track.nanoseconds else nanoseconds
        if nanoseconds - newest > self.rule.timespan_nanoseconds:
            track.n_lines = 0
            track.evidence.clear()
        track.n_lines += times
        self._insert(track, nanoseconds, kind, times)
        return track.n_lines if self._holds(track, nanoseconds, newest) else 0

    def evidence(self, key: Key) -> list[str]:
        """Return what was remembered of a key: the list itself, to be added to."""
        track = self._tracks.get(key)
        return [] if track is None else track.evidence

    def wants_evidence(self, key: Key) -> bool:
        """Return whether another line should be remembered of a key."""
        track = self._tracks.get(key)
        return track is not None and len(track.evidence) < _MOST_EVIDENCE

    def state(self) -> State:
        """Return what is to be stored."""
        tracks = list(self._tracks.values())
        manifest = {
            "keys": [list(key) for key in self._tracks],
            "evidence": [track.evidence for track in tracks],
        }
        arrays = {
            "lengths": np.array([len(track.kinds) for track in tracks], dtype=np.int64),
            "lines": np.array([track.n_lines for track in tracks], dtype=np.int64),
            "nanoseconds": _joined([track.nanoseconds for track in tracks]),
            "kinds": _joined([track.kinds for track in tracks]),
        }
        return State(KIND, FORMAT_VERSION, manifest, arrays)

    def absorb(self, state: State) -> None:
        """Take over what was stored, as the oldest keys. Raises UnknownFormat."""
        if (state.kind, state.format_version) != (KIND, FORMAT_VERSION):
            raise UnknownFormat(
                f"stored windows must be {KIND} {FORMAT_VERSION}, got {state.kind} "
                f"{state.format_version}"
            )
        for key, track in reversed(list(_stored(state))):
            if key not in self._tracks:
                self._tracks[key] = track
                self._tracks.move_to_end(key, last=False)
        self._make_room()

    def _track(self, key: Key) -> _Track:
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = _Track()
            self._make_room()
        else:
            self._tracks.move_to_end(key)
        return track

    def _make_room(self) -> None:
        while len(self._tracks) > self._most_keys:
            self._tracks.popitem(last=False)
            self.n_let_go += 1

    def _insert(self, track: _Track, nanoseconds: int, kind: int, times: int) -> None:
        most = 2 * self.rule.threshold
        if self.rule.how == "event_count":
            for _ in range(min(times, most)):
                _put(track, nanoseconds, kind)
        elif self.rule.how == "temporal_ordered":
            most = _KEPT_IN_ORDER * self.rule.threshold
            if track.kinds.count(kind) >= _KEPT_IN_ORDER:
                _drop(track, track.kinds.index(kind))
            _put(track, nanoseconds, kind)
        elif kind in track.kinds:
            place = track.kinds.index(kind)
            if track.nanoseconds[place] < nanoseconds:
                _drop(track, place)
                _put(track, nanoseconds, kind)
        else:
            _put(track, nanoseconds, kind)
        surplus = len(track.kinds) - most
        if surplus > 0:
            del track.nanoseconds[:surplus]
            del track.kinds[:surplus]

    def _holds(self, track: _Track, nanoseconds: int, newest: int) -> bool:
        rule = self.rule
        if len(track.kinds) < rule.threshold:
            return False
        if rule.how == "temporal_ordered":
            return _is_chain(track, rule)
        if nanoseconds >= newest - self._tolerance:
            since = nanoseconds - rule.timespan_nanoseconds
            return track.nanoseconds[-rule.threshold] >= since
        return _is_dense(track.nanoseconds, nanoseconds, rule)


def _is_dense(times: "array[int]", nanoseconds: int, rule: WindowRule) -> bool:
    """Whether one of the windows around an instant has enough."""
    n, place = rule.threshold, bisect_left(times, nanoseconds)
    firsts = range(max(0, place - n + 1), min(place, len(times) - n) + 1)
    return any(times[at + n - 1] - times[at] <= rule.timespan_nanoseconds for at in firsts)


def _is_chain(track: _Track, rule: WindowRule) -> bool:
    """Whether all kinds follow one another; those of the same instant may be in any order."""
    kinds = np.frombuffer(track.kinds, dtype=np.int64)
    times = np.frombuffer(track.nanoseconds, dtype=np.int64)
    ends = times[kinds == rule.threshold - 1]
    return any(_begins_in_time(kinds, times, int(end), rule) for end in ends)


def _begins_in_time(kinds: np.ndarray, times: np.ndarray, end: int, rule: WindowRule) -> bool:
    begin = end
    for kind in range(rule.threshold - 2, -1, -1):
        before = times[(kinds == kind) & (times <= begin)]
        if not len(before):
            return False
        begin = int(before.max())
    return end - begin <= rule.timespan_nanoseconds


def _put(track: _Track, nanoseconds: int, kind: int) -> None:
    place = bisect_right(track.nanoseconds, nanoseconds)
    track.nanoseconds.insert(place, nanoseconds)
    track.kinds.insert(place, kind)


def _drop(track: _Track, place: int) -> None:
    del track.nanoseconds[place]
    del track.kinds[place]


def _joined(parts: list["array[int]"]) -> np.ndarray:
    whole = array("q")
    for part in parts:
        whole.extend(part)
    return np.array(whole, dtype=np.int64)


def _stored(state: State) -> Iterator[tuple[Key, _Track]]:
    begin = 0
    columns = zip(
        state.manifest["keys"],
        state.manifest["evidence"],
        state.arrays["lengths"].tolist(),
        state.arrays["lines"].tolist(),
        strict=True,
    )
    for key, evidence, length, n_lines in columns:
        end = begin + length
        track = _Track(
            array("q", state.arrays["nanoseconds"][begin:end].tolist()),
            array("q", state.arrays["kinds"][begin:end].tolist()),
            n_lines,
            list(evidence),
        )
        yield tuple(key), track
        begin = end
