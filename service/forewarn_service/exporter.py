"""The text of `/metrics`: prepared after each tick, so that a scrape only joins ready bytes.

Samples carry no timestamps of their own: Prometheus then marks a series stale as soon as it
vanishes from a scrape (an episode that ends, a row that cannot say), which it does not do for
series with explicit timestamps. The price is that a value is stamped with the time of the scrape,
at most one scrape interval after the tick; who needs the sample's own time configures remote
write. Each line starts with a cached prefix and ends with a float that orjson wrote (some 7 M
samples/s; prometheus_client's own writer makes 0.1 M).
"""

import gzip
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as TEXT_TYPE
from prometheus_client.exposition import generate_latest as text_of
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_of

from forewarn_models.arrays import BooleanArray, FloatArray
from forewarn_models.durations import format_duration
from forewarn_models.labels import Labels
from forewarn_models.verdicts import DIRECTIONS, SEVERITIES
from forewarn_models.views import view_name
from forewarn_service.families import (
    ABSENCE,
    ABSENT_SINCE,
    BREACH,
    CANNOT_SAY_FAMILY,
    EPISODE,
    FAMILIES,
    FORECAST,
    JUDGED,
    TIME_TO_LIMIT,
    VALUE,
    VIEW,
    Family,
    output_labels,
)
from forewarn_service.live import (
    CANNOT_SAY,
    SOURCE,
    STALE,
    ForecastSnapshot,
    Missed,
    SignalSnapshot,
)

_GZIP_LEVEL = 1  # a fifth of the size for a third of the time of level 6

NO_EPISODE = (("direction", "none"), ("severity", "none"))


@dataclass(frozen=True, eq=False)
class SeriesText:
    """The label text of the rows of one signal, made once for as long as the rows stay."""

    signal: str
    series: tuple[Labels, ...]

    @cached_property
    def label_text(self) -> list[str]:
        return [_label_text(output_labels(self.signal, labels)) for labels in self.series]

    @cached_property
    def _prefixes(self) -> dict[str, list[bytes]]:
        return {}

    def prefixes(self, family: Family, extra: str = "") -> list[bytes]:
        """Return what stands before the value on the line of each row."""
        key = family.name + extra
        if key not in self._prefixes:
            self._prefixes[key] = [
                f"\n{family.name}{{{text}{extra}}} ".encode() for text in self.label_text
            ]
        return self._prefixes[key]


class Exposition:
    """Holds the prepared text of every signal; safe to use from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._texts: dict[str, SeriesText] = {}
        self._blocks: dict[str, Mapping[str, bytes]] = {}

    def prepare(self, snapshot: SignalSnapshot) -> None:
        """Make the text of `snapshot` the newest of its signal."""
        text = self._texts.get(snapshot.signal)
        if text is None or text.series is not snapshot.series:
            text = SeriesText(snapshot.signal, snapshot.series)
        block = signal_block(snapshot, text)
        with self._lock:
            self._texts[snapshot.signal] = text
            self._blocks = {**self._blocks, snapshot.signal: block}

    def body(self, *, openmetrics: bool = True, only_own: bool = False) -> bytes:
        """Return the whole exposition; `only_own` leaves out everything about signals."""
        blocks = () if only_own else tuple(self._blocks.values())
        own = own_text(self._registry, openmetrics=openmetrics)
        own = own.removesuffix(b"# EOF\n")
        return b"".join((*_family_parts(blocks), own, b"# EOF\n" if openmetrics else b""))


def own_text(registry: CollectorRegistry, *, openmetrics: bool) -> bytes:
    """Return the metrics that Forewarn keeps on itself."""
    if openmetrics:
        text: bytes = openmetrics_of(registry)  # type: ignore[no-untyped-call]  # has no types
        return text
    return text_of(registry)


def content_type(*, openmetrics: bool) -> str:
    """Return the content type of the two forms of the exposition."""
    return OPENMETRICS_TYPE if openmetrics else TEXT_TYPE


def packed(text: bytes) -> bytes:
    """Return an exposition as gzip; the same text gives the same bytes."""
    return gzip.compress(text, _GZIP_LEVEL, mtime=0)


def accepts_openmetrics(accept: str) -> bool:
    """Return whether a scraper's Accept header asks for OpenMetrics."""
    return "application/openmetrics-text" in accept


def signal_block(snapshot: SignalSnapshot, text: SeriesText) -> Mapping[str, bytes]:
    """Return the lines of each family for one signal; a line starts with its line feed."""
    newest = snapshot.newest
    says = snapshot.cannot_say == 0
    seen = newest.timestamp_milliseconds > 0
    block = {
        family.name: _lines(text.prefixes(family), getattr(newest, family.column), says & seen)
        for family in JUDGED
    }
    is_current = ~np.isin(snapshot.cannot_say, (STALE, SOURCE))
    block[VALUE.name] = _lines(text.prefixes(VALUE), newest.value, seen & is_current)
    block[EPISODE.name] = _episode_lines(snapshot, text, seen)
    block[VIEW.name] = _view_lines(snapshot, text)
    block[CANNOT_SAY_FAMILY.name] = _cannot_say_lines(snapshot, text)
    return {**block, **_absence_block(snapshot, text), **_forecast_block(snapshot)}


def _family_parts(blocks: Iterable[Mapping[str, bytes]]) -> Iterable[bytes]:
    for family in FAMILIES:
        lines = [block[family.name] for block in blocks if block.get(family.name)]
        if lines:
            yield f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge".encode()
            yield from lines
            yield b"\n"


def _lines(prefixes: list[bytes], values: FloatArray, chosen: BooleanArray) -> bytes:
    rows = np.flatnonzero(chosen & ~np.isnan(values))
    if not len(rows):
        return b""
    parts = [b""] * (2 * len(rows))
    parts[0::2] = (
        prefixes if len(rows) == len(prefixes) else [prefixes[row] for row in rows.tolist()]
    )
    parts[1::2] = _numbers(values[rows])
    return b"".join(parts)


def _numbers(values: FloatArray) -> list[bytes]:
    contiguous = np.ascontiguousarray(values, np.float64)
    numbers = orjson.dumps(contiguous, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    # JSON has no infinity, OpenMetrics has.
    for place in np.flatnonzero(np.isinf(contiguous)).tolist():
        numbers[place] = b"+Inf" if contiguous[place] > 0 else b"-Inf"
    return numbers


def _episode_lines(snapshot: SignalSnapshot, text: SeriesText, seen: BooleanArray) -> bytes:
    newest = snapshot.newest
    active = newest.severity > 0
    none = _extra_text(NO_EPISODE)
    idle = seen & ~active & (snapshot.cannot_say == 0)
    lines = [_lines(text.prefixes(EPISODE, none), np.zeros(len(active)), idle)]
    for row in np.flatnonzero(active).tolist():
        extra = _extra_text(
            episode_labels(int(newest.episode_direction[row]), int(newest.severity[row]))
        )
        lines.append(f"\n{EPISODE.name}{{{text.label_text[row]}{extra}}} 1.0".encode())
    return b"".join(lines)


def episode_labels(direction: int, severity: int) -> Labels:
    """Return the labels that say which episode is active; severity 0 is none."""
    if severity == 0:
        return NO_EPISODE
    return (("direction", DIRECTIONS[direction]), ("severity", SEVERITIES[severity]))


def _view_lines(snapshot: SignalSnapshot, text: SeriesText) -> bytes:
    newest = snapshot.newest
    return "".join(
        f"\n{VIEW.name}{{{text.label_text[row]}{_extra_text(extra)}}} 1.0"
        for row in np.flatnonzero(newest.severity > 0).tolist()
        if (extra := view_labels(int(newest.episode_view[row])))
    ).encode()


def view_labels(view: int) -> Labels:
    """Return the label that says which view speaks for an episode; groups have none."""
    name = view_name(view)
    return (("view", name),) if name else ()


def _cannot_say_lines(snapshot: SignalSnapshot, text: SeriesText) -> bytes:
    return "".join(
        f'\n{CANNOT_SAY_FAMILY.name}{{{text.label_text[row]},reason="{CANNOT_SAY[reason]}"}} 1.0'
        for row, reason in enumerate(snapshot.cannot_say.tolist())
        if reason
    ).encode()


def _absence_block(snapshot: SignalSnapshot, text: SeriesText) -> Mapping[str, bytes]:
    missed = snapshot.missed
    if not missed:
        return {}
    block: dict[str, bytes] = {}
    for family, values in absence_columns(missed):
        every = np.full(len(snapshot.series), np.nan)
        every[list(missed)] = values
        block[family.name] = _lines(text.prefixes(family), every, np.isfinite(every))
    return block


def absence_columns(missed: Mapping[int, Missed]) -> tuple[tuple[Family, list[float]], ...]:
    """Return what is said of rows that are missed: each family with one value a row."""
    return (
        (ABSENCE, [each.score for each in missed.values()]),
        (ABSENT_SINCE, [each.since_milliseconds / 1000 for each in missed.values()]),
    )


def _forecast_block(snapshot: SignalSnapshot) -> Mapping[str, bytes]:
    made = snapshot.forecast
    if made is None:
        return {}
    text = SeriesText(snapshot.signal, made.forecast.series)
    everywhere = np.ones(len(made.forecast.series), dtype=np.bool_)
    block: dict[str, list[bytes]] = {FORECAST.name: [], TIME_TO_LIMIT.name: [], BREACH.name: []}
    for family, extra, values in forecast_columns(made):
        lines = _lines(text.prefixes(family, _extra_text(extra)), values, everywhere)
        block[family.name].append(lines)
    return {name: b"".join(lines) for name, lines in block.items()}


def forecast_columns(made: ForecastSnapshot) -> Iterable[tuple[Family, Labels, FloatArray]]:
    """Yield each family of a forecast with its own labels and one value a row (NaN = absent)."""
    horizons = [format_duration(horizon) for horizon in made.horizons]
    levels = [str(level) for level in made.forecast.quantile_levels]
    for place, horizon in enumerate(horizons):
        for column, level in enumerate(levels):
            labels = (("horizon", horizon), ("quantile", level))
            yield FORECAST, labels, made.quantiles[:, place, column]
        yield BREACH, (("horizon", horizon),), made.breach_probability[:, place]
    for column, level in enumerate(levels):
        yield TIME_TO_LIMIT, (("quantile", level),), made.time_to_limit_seconds[:, column]


def _extra_text(labels: Labels) -> str:
    return "".join(f",{_label_text((pair,))}" for pair in labels)


def _label_text(labels: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
