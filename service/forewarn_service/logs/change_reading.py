"""Counters of lines read back from where metrics are kept: what changed around any time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from forewarn_adapters.logs.batch import LEVELS
from forewarn_models.labels import Labels, label_text
from forewarn_models.patterns.miner import OTHER
from forewarn_models.samples import Samples
from forewarn_service.api.parts import RangeSource
from forewarn_service.logs.changes import Ranked, ranked_changes
from forewarn_service.logs.families import FIRST_SEEN, INFO, LINES
from forewarn_service.logs.increases import Counted
from forewarn_service.logs.names import OTHER_IDENTIFIER

_INSTANT_MILLISECONDS = 1_000
_MEANT_LITERALLY = re.compile(r"([\\.+*?()|\[\]{}^$])")


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """What is looked at: a window up to `end_milliseconds`, and windows as long before it."""

    end_milliseconds: int
    seconds: int
    n_before: int

    @property
    def instants_milliseconds(self) -> tuple[int, ...]:
        """Where windows begin and end, in order of time."""
        ends = range(self.n_before + 1, -1, -1)
        return tuple(self.end_milliseconds - 1_000 * self.seconds * each for each in ends)


@dataclass(frozen=True, eq=False)
class FoundChanges:
    """What changed, and the words for the numbers in it.

    Args:
        ranked: patterns of services, and how they changed.
        services: by number.
        patterns: names by number.
        levels: the most severe level of a pattern of a service, by their numbers.
    """

    ranked: Ranked
    services: Sequence[str]
    patterns: Sequence[str]
    levels: dict[tuple[int, int], str]


@dataclass(eq=False)
class _Numbers:
    """Numbers of what is said in labels, as it comes."""

    series: dict[Labels, int] = field(default_factory=dict)
    patterns: dict[str, int] = field(default_factory=lambda: {OTHER: OTHER_IDENTIFIER})
    services: dict[str, int] = field(default_factory=dict)
    service_of: list[int] = field(default_factory=list)

    def key(self, labels: dict[str, str]) -> tuple[int, int]:
        """Return the numbers of who says a pattern, its target and source included, and of it."""
        pattern = self.patterns.setdefault(labels.pop("pattern", OTHER), len(self.patterns))
        labels.pop("level", None)
        who = self.series.setdefault(tuple(sorted(labels.items())), len(self.series))
        if who == len(self.service_of):
            service = labels.get("service", "")
            self.service_of.append(self.services.setdefault(service, len(self.services)))
        return who, pattern


def read_changes(
    source: RangeSource, services: Sequence[str], window: ChangeWindow
) -> FoundChanges:
    """Return how the patterns of services changed in a window; of all services where none is named.

    Raises SourceError when the source fails, or has too many series for one answer.
    """
    chosen = _chosen(services)
    numbers, levels = _Numbers(), dict[tuple[int, int], int]()
    first_seen = _read(source, f"{FIRST_SEEN.name}{chosen}", window.end_milliseconds)
    first = _by_key(first_seen, numbers)
    instants = []
    for milliseconds in window.instants_milliseconds:
        samples = _read(source, f"{LINES.name}{chosen}", milliseconds)
        counts: dict[tuple[int, int], float] = {}
        for row, value in zip(samples.row.tolist(), samples.value.tolist(), strict=True):
            labels = dict(samples.series[row])
            level = labels.get("level", "")
            key = numbers.key(labels)
            counts[key] = counts.get(key, 0.0) + value
            of_service = numbers.service_of[key[0]], key[1]
            place = LEVELS.index(level) if level in LEVELS else 0
            levels[of_service] = max(levels.get(of_service, 0), place)
        instants.append(_counted(milliseconds / 1e3, counts, first))
    return FoundChanges(
        ranked=ranked_changes(instants, np.array(numbers.service_of, dtype=np.int64)),
        services=list(numbers.services),
        patterns=list(numbers.patterns),
        levels={key: LEVELS[place] for key, place in levels.items()},
    )


def read_templates(
    source: RangeSource, patterns: Sequence[str], milliseconds: int
) -> dict[str, str]:
    """Return the templates of patterns by name, as far as they are known. Raises SourceError."""
    if not patterns:
        return {}
    samples = _read(source, f"{INFO.name}{_any_of('pattern', patterns)}", milliseconds)
    labels = [dict(each) for each in samples.series]
    return {each["pattern"]: each.get("template", "") for each in labels if "pattern" in each}


def _read(source: RangeSource, query: str, milliseconds: int) -> Samples:
    """Return the values of a query at one instant."""
    samples = source.read_range(
        query,
        start_milliseconds=milliseconds,
        end_milliseconds=milliseconds,
        step_milliseconds=_INSTANT_MILLISECONDS,
    )
    return samples.select(np.isfinite(samples.value))


def _by_key(samples: Samples, numbers: _Numbers) -> dict[tuple[int, int], float]:
    rows = zip(samples.row.tolist(), samples.value.tolist(), strict=True)
    return {numbers.key(dict(samples.series[row])): value for row, value in rows}


def _counted(
    seconds: float, counts: dict[tuple[int, int], float], first: dict[tuple[int, int], float]
) -> Counted:
    keys = np.array(list(counts) or np.empty((0, 2)), dtype=np.int64)
    return Counted(
        seconds=seconds,
        service=keys[:, 0],
        pattern=keys[:, 1].astype(np.uint64),
        count=np.array(list(counts.values()), dtype=np.float64),
        first_seconds=np.array([first.get(key, np.nan) for key in counts], dtype=np.float64),
    )


def _chosen(services: Sequence[str]) -> str:
    if len(services) == 1:
        return label_text((("service", services[0]),))
    return _any_of("service", services) if services else ""


def _any_of(label: str, values: Sequence[str]) -> str:
    """Return a selector of series whose label has one of these values."""
    pattern = "|".join(_MEANT_LITERALLY.sub(r"\\\1", value) for value in values)
    return label_text(((label, pattern),)).replace("=", "=~", 1)
