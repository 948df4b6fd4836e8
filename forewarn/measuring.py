"""What a series costs on this machine: the code that runs, on made-up series, for a moment."""

import gzip
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import process_time
from typing import TypeVar

import numpy as np
import orjson
from prometheus_client import CollectorRegistry

from forewarn_adapters.checkpoint import CheckpointFolder
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.http import Answer
from forewarn_adapters.process_memory import GIVE_BACK_SECONDS, give_back_memory
from forewarn_adapters.prometheus import joined
from forewarn_adapters.prometheus_answer import LabelCache, matrix_of
from forewarn_models.arrays import IntegerArray
from forewarn_models.bounds import UNKNOWN
from forewarn_models.detector import RarityDetector
from forewarn_models.durations import milliseconds_of
from forewarn_models.fold import FoldPolicy, start_fold
from forewarn_models.labels import labels_of
from forewarn_models.panel import Panel
from forewarn_models.samples import Samples, floor_to_step, samples_of
from forewarn_service.exporter import Exposition, packed
from forewarn_service.live import Live
from forewarn_service.load import read_load
from forewarn_service.loop import CHECKPOINT_MILLISECONDS
from forewarn_service.outputs import ScrapeOutput
from forewarn_service.scorer import Scorer
from forewarn_service.telemetry import Telemetry
from forewarn_service.timing import timing_of
from forewarn_service.worker import Ready, Worker
from forewarn_training.detector_job import TRAINED_SHARE, detector_of
from forewarn_training.history import Span
from forewarn_training.judging import judge

Outcome = TypeVar("Outcome")

_NUMBER = "forewarn_measured"
_IN_SERIES, _IN_GROUP = f'{_NUMBER}="'.encode(), b'series="*"'
_END_MILLISECONDS = 1_700_006_400_000  # a midnight
_DAY_MILLISECONDS = 86_400_000
_LEARNED_SAMPLES = 200_000  # of the panel that learning is measured on
_LEARNED_STEPS, _TICKS = 128, 24  # of the panels that ticks are measured on
_WARMING_SAMPLES = 50_000  # scored before a tick is measured
# Series: a tick costs something of its own, and something a series. Many are more than a
# processor's cache holds, as those of a service are.
_FEW, _MANY = 8, 1_024
_FEW_HELD, _MANY_HELD = 8, 72  # series: the same of memory, over the whole window
_CHECKPOINTS = 3
_READINGS = 5
_GROUP = 8  # series in a made-up group


@dataclass(frozen=True, slots=True)
class Cost:
    """What watching costs.

    Args:
        kept_bytes: of memory that the service keeps for a series.
        working_bytes: that a series adds while a tick reads and scores its whole window.
        learning_bytes: of memory that a training takes for a sample of the history.
        learning_seconds: of CPU that a training takes for a sample of the history.
        tick_seconds: of CPU that a tick takes, however few series: reading, scoring, a scrape,
            its share of a checkpoint.
        tick_seconds_a_series: that each series adds, its share of a group included.
        families: series that are written of a series.
        group_families: series that are written of a group.
    """

    kept_bytes: float
    working_bytes: float
    learning_bytes: float
    learning_seconds: float
    tick_seconds: float
    tick_seconds_a_series: float
    families: int
    group_families: int


@dataclass(frozen=True, slots=True)
class _Ticks:
    seconds: float
    families: int
    group_families: int


@dataclass(frozen=True, eq=False)
class _Watch:
    """A worker on made-up series, and the time of each tick: the first catches up."""

    worker: Worker
    shown: Exposition
    ticks: tuple[int, ...]
    n_groups: int

    def tick(self, now: int) -> None:
        """Do what a tick and the scrape after it do, and give back the memory they took."""
        self.worker.tick(now)
        packed(self.shown.body())
        if self.worker.timing.step >= 1_000 * GIVE_BACK_SECONDS:
            give_back_memory()


def cost_of(signal: Signal) -> Cost:
    """Return what watching signals like this one costs; it takes a second or two of CPU."""
    n_times = milliseconds_of(signal.history) // signal.step_milliseconds
    n_times = min(max(n_times, _LEARNED_STEPS), _LEARNED_SAMPLES // _FEW)
    history = _panel(signal, max(_FEW, _LEARNED_SAMPLES // n_times), n_times)
    n_samples = history.n_series * history.n_times
    few, many = (_ticks(signal, n_series) for n_series in (_FEW, _MANY))  # compiled from here on
    seconds, detector = _timed(lambda: _trained(signal, history))
    kept, highest = _memory(signal)
    a_series = max(0.0, many.seconds - few.seconds) / (_MANY - _FEW)
    return Cost(
        kept_bytes=kept,
        working_bytes=max(0.0, highest - kept),
        learning_bytes=history.values.itemsize
        + _peak_bytes(lambda: detector.fit(history)) / n_samples,
        learning_seconds=seconds / n_samples,
        tick_seconds=max(0.0, few.seconds - _FEW * a_series),
        tick_seconds_a_series=a_series + _reading_seconds(signal),
        families=many.families,
        group_families=many.group_families,
    )


def _trained(signal: Signal, history: Panel) -> RarityDetector:
    """Do what a training does: fit, fit a twin on the older part, judge that on the newer."""
    detector = _detector(signal, history)
    twin = detector.fit(history.columns(0, round(TRAINED_SHARE * history.n_times)))
    judge(twin, FoldPolicy(signal.budget), history, from_milliseconds=0)
    detector.fit(history)
    return detector


def _ticks(signal: Signal, n_series: int) -> _Ticks:
    """Return what a tick of so many series takes, a scrape and some of a checkpoint included."""
    timing = timing_of(signal.step_milliseconds)
    n_warm = max(1, min(timing.window // timing.step, _WARMING_SAMPLES // n_series))
    share = min(1.0, timing.step / CHECKPOINT_MILLISECONDS)
    panel = _panel(signal, n_series, _LEARNED_STEPS + n_warm + _TICKS)
    with _watching(signal, panel) as watch:
        spent = [_timed(partial(watch.tick, now))[0] for now in watch.ticks]
        write = partial(watch.worker.write_checkpoint, watch.ticks[-1])
        stored = [_timed(write)[0] for _ in range(_CHECKPOINTS)]
        written = watch.shown.body()
    return _Ticks(
        seconds=float(np.mean(spent[1:]) + share * np.mean(stored)),  # the first catches up
        families=round(written.count(_IN_SERIES) / n_series),
        group_families=round(written.count(_IN_GROUP) / watch.n_groups) if watch.n_groups else 0,
    )


def _memory(signal: Signal) -> tuple[float, float]:
    """Return how many bytes a series takes between ticks, and at most while they run."""
    few, many = (_held_bytes(signal, n_series) for n_series in (_FEW_HELD, _MANY_HELD))
    kept, highest = (many - few) / (_MANY_HELD - _FEW_HELD)
    return float(kept), float(highest)


def _held_bytes(signal: Signal, n_series: int) -> IntegerArray:
    """Return what the service holds of so many series, its window full: now, and at most."""
    timing = timing_of(signal.step_milliseconds)
    n_warm = timing.window // timing.step + timing.state_slots
    tracemalloc.start()
    try:
        panel = _panel(signal, n_series, _LEARNED_STEPS + n_warm + _TICKS)
        with _watching(signal, panel) as watch:
            watch.tick(watch.ticks[0])
            tracemalloc.reset_peak()
            for now in watch.ticks[1:]:
                watch.tick(now)
            return np.array(tracemalloc.get_traced_memory()) - panel.values.nbytes
    finally:
        tracemalloc.stop()


@contextmanager
def _watching(signal: Signal, panel: Panel) -> Iterator[_Watch]:
    """Give a worker that scores all of a panel but its beginning; checkpoints go when this ends."""
    timing = timing_of(signal.step_milliseconds)
    model = _detector(signal, panel).fit(panel.columns(0, _LEARNED_STEPS))
    policy = FoldPolicy(signal.budget)
    scorer = Scorer(model, policy, timing=timing, start=start_fold(model, policy))
    collectors = CollectorRegistry()
    shown = Exposition(collectors)
    ticks = panel.times_milliseconds[-1 - _TICKS :]
    with tempfile.TemporaryDirectory(prefix="forewarn-") as folder:
        worker = Worker(
            signal,
            source=_MadeUp(panel),
            output=ScrapeOutput(Live(), shown),
            checkpoints=CheckpointFolder(Path(folder)),
            telemetry=Telemetry(collectors, version="0"),
        )
        worker.offer(Ready(1, 1, scorer, 0))
        n_groups = len(model.output_series) - panel.n_series
        yield _Watch(worker, shown, tuple(ticks.tolist()), n_groups)


def _reading_seconds(signal: Signal) -> float:
    """Return how long understanding the answer to a tick's query takes, for one series."""
    n_samples = round(read_load(signal.step_milliseconds).samples_a_query)
    panel = _panel(signal, _MANY, n_samples)
    at = (panel.times_milliseconds / 1000.0).tolist()
    values = [[[t, str(v)] for t, v in zip(at, row, strict=True)] for row in panel.values.tolist()]
    series = [
        {"metric": dict(labels), "values": own}
        for labels, own in zip(panel.series, values, strict=True)
    ]
    data = {"resultType": "matrix", "result": series}
    sent = packed(orjson.dumps({"status": "success", "data": data}))
    labels = LabelCache()

    def read() -> Samples:
        return joined([matrix_of(Answer(200, gzip.decompress(sent)), labels)])

    spent = [_timed(read)[0] for _ in range(_READINGS)]
    return float(np.median(spent)) / _MANY  # labels are known from the first on


@dataclass(frozen=True, eq=False)
class _MadeUp:
    """A source of the series of a panel, whatever the query."""

    panel: Panel

    def read_range(
        self, query: str, *, start_milliseconds: int, end_milliseconds: int, step_milliseconds: int
    ) -> Samples:
        return self.read_newest(
            query,
            after_milliseconds=start_milliseconds - 1,
            until_milliseconds=end_milliseconds,
            step_milliseconds=step_milliseconds,
        )

    def read_newest(
        self,
        query: str,  # noqa: ARG002  part of the contract
        *,
        after_milliseconds: int,
        until_milliseconds: int,
        step_milliseconds: int,  # noqa: ARG002  the panel's own
    ) -> Samples:
        ends = np.array([after_milliseconds, until_milliseconds])
        first, last = np.searchsorted(self.panel.times_milliseconds, ends, side="right").tolist()
        return samples_of(self.panel.columns(first, last))

    def metric_types(self, query: str) -> Mapping[str, str]:  # noqa: ARG002  part of the contract
        return {}

    def limited(self, most_samples: int) -> "_MadeUp":  # noqa: ARG002  part of the contract
        return self

    def close(self) -> None:
        """Do nothing: nothing is open."""


def _panel(signal: Signal, n_series: int, n_times: int) -> Panel:
    """Return made-up series with a daily cycle, which end now or so; some share a group."""
    step = signal.step_milliseconds
    rng = np.random.default_rng(0)
    phase = 2 * np.pi * np.arange(n_times) * step / _DAY_MILLISECONDS
    values = 100 + 10 * np.sin(phase) + rng.normal(size=(n_series, n_times))
    series = tuple(
        labels_of({_NUMBER: str(number), **dict.fromkeys(signal.group_by, f"g{number // _GROUP}")})
        for number in range(n_series)
    )
    start = floor_to_step(_END_MILLISECONDS, step) - n_times * step
    return Panel(values, series, start, step)


def _detector(signal: Signal, panel: Panel) -> RarityDetector:
    span = Span(panel.start_milliseconds, panel.end_milliseconds, panel.step_milliseconds)
    return detector_of(signal, span, UNKNOWN)


def _timed(work: Callable[[], Outcome]) -> tuple[float, Outcome]:
    """Return how much CPU time work took, and its outcome."""
    before = process_time()
    outcome = work()
    return process_time() - before, outcome


def _peak_bytes(work: Callable[[], object]) -> int:
    """Return how much more memory work held than there was before, at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
