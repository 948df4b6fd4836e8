"""How fast the rarity detector learns, scores and answers, and how many bytes a series takes.

    python benchmarks/bench_detector.py [--quick]

Learned: 28 days at five minutes, beside prophet, scikit-learn's IsolationForest on four features
of each series, and a plain z-score against the time of day in NumPy. Scored: one slot of 10,000
series. A whole tick: the answer of Prometheus is parsed, laid on the grid, folded, and written as
the text of `/metrics`, by the service's own worker. Seconds are of processor time, children's too.
"""

import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from os import times as process_times
from pathlib import Path

import numpy as np
import pandas as pd
from prometheus_client import CollectorRegistry

from forewarn_adapters.checkpoint import CheckpointFolder
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.http import Answer
from forewarn_adapters.prometheus import joined
from forewarn_adapters.prometheus_answer import LabelCache, matrix_of
from forewarn_models.arrays import AnyArray, FloatArray
from forewarn_models.artefact import to_bytes
from forewarn_models.detector import FittedRarityDetector, RarityDetector
from forewarn_models.fold import FoldPolicy, fold_state_to_bytes, start_fold
from forewarn_models.labels import Labels, labels_of
from forewarn_models.panel import Panel
from forewarn_models.samples import Samples
from forewarn_service.exporter import Exposition
from forewarn_service.live import Live
from forewarn_service.outputs import ScrapeOutput
from forewarn_service.scorer import Scorer
from forewarn_service.telemetry import Telemetry
from forewarn_service.timing import timing_of
from forewarn_service.worker import Ready, Worker

STEP_MILLISECONDS = 300_000
DAY_SLOTS = 288
HISTORY_DAYS = 28
START_MILLISECONDS = 1_700_006_400_000
N_LEARNED, N_PROPHET, N_FOREST = 256, 3, 6
TARGETS = "at least 1,000 series/s learned, a tick within 150 ms, 32 kB a series"


def processor_seconds() -> float:
    """Return what this process and its children have used; prophet's work is done by a child."""
    children = process_times()
    return time.process_time() + children.children_user + children.children_system


def median_seconds(work: Callable[[], object], *, times: int) -> float:
    """Return what one of several calls of `work` takes, after a first call that does not count."""
    work()
    seconds = []
    for _ in range(times):
        began = processor_seconds()
        work()
        seconds.append(processor_seconds() - began)
    return statistics.median(seconds)


def healthy(n_series: int, n_times: int) -> FloatArray:
    """Return series with a day of their own size and noise that goes with it."""
    generator = np.random.default_rng(1)
    wave = np.sin(2 * np.pi * np.arange(n_times) / DAY_SLOTS)
    size = generator.uniform(2.0, 20.0, (n_series, 1))
    noise = generator.standard_normal((n_series, n_times)) * (1.0 + 0.5 * wave)
    return 100.0 + size * wave + noise


def names(n_series: int) -> tuple[Labels, ...]:
    return tuple(
        labels_of(
            {"instance": f"10.0.{n // 256}.{n % 256}:9100", "job": "node", "rack": f"{n // 10}"}
        )
        for n in range(n_series)
    )


def history(n_series: int) -> Panel:
    values = healthy(n_series, HISTORY_DAYS * DAY_SLOTS)
    return Panel(values, names(n_series), START_MILLISECONDS, STEP_MILLISECONDS)


def fit_prophet(values: FloatArray) -> None:
    for logger in ("cmdstanpy", "prophet.plot"):
        logging.getLogger(logger).disabled = True
    from prophet import Prophet

    times = pd.date_range("2026-01-01", periods=values.shape[1], freq="5min")
    for row in values:
        model = Prophet(daily_seasonality=True, weekly_seasonality=True)
        model.fit(pd.DataFrame({"ds": times, "y": row}))


def fit_forest(values: FloatArray) -> None:
    from sklearn.ensemble import IsolationForest

    phase = 2 * np.pi * np.arange(values.shape[1]) / DAY_SLOTS
    for row in values:
        change = np.diff(row, prepend=row[0])
        features = np.column_stack([row, change, np.sin(phase), np.cos(phase)])
        IsolationForest(random_state=1, n_jobs=1).fit(features)


def fit_z_scores(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    days = values.reshape(len(values), HISTORY_DAYS, DAY_SLOTS)
    center = np.median(days, axis=1)
    return center, np.median(np.abs(days - center[:, None]), axis=(1, 2))


def show_fitting(*, times: int) -> None:
    panel = history(N_LEARNED)
    values: FloatArray = panel.values  # noqa: PD011  a panel is no frame
    ours = N_LEARNED / median_seconds(lambda: RarityDetector().fit(panel), times=times)
    grouped = RarityDetector(group_by=("rack",))
    also = N_LEARNED / median_seconds(lambda: grouped.fit(panel), times=times)
    print(f"learned, {HISTORY_DAYS} days at five minutes")
    print(f"  rarity detector         {ours:9.1f} series/s")
    print(f"  with groups of ten      {also:9.1f} series/s")
    others: list[tuple[str, int, Callable[[FloatArray], object]]] = [
        ("prophet", N_PROPHET, fit_prophet),
        ("IsolationForest", N_FOREST, fit_forest),
        ("z-score of time of day", N_LEARNED, fit_z_scores),
    ]
    for name, n, work in others:
        few = values[:n]
        other = n / median_seconds(lambda w=work, f=few: w(f), times=min(times, 3))  # type: ignore[misc]  # bound now
        print(f"  {name:23} {other:9.1f} series/s   ratio {ours / other:8.2f}")


def many(model: FittedRarityDetector, n_series: int) -> FittedRarityDetector:
    """Return a model of its rows again and again, each with a profile and a memory of its own."""
    rows = np.arange(n_series) % len(model.series)
    copies = -(-n_series // len(model.series))
    copy = np.arange(n_series) // len(model.series)
    known = model.known
    shifted = known.place[rows] + copy * len(known.center)
    return replace(
        model,
        series=names(n_series),
        known=known._replace(
            offset=known.offset[rows],
            kind=known.kind[rows],
            place=shifted,
            center=np.tile(known.center, copies),
        ),
        memory=model.memory._replace(
            exact=model.memory.exact[rows], rough=model.memory.rough[rows]
        ),
    )


def slot_seconds(model: FittedRarityDetector, *, times: int) -> float:
    """Return how long it takes to score one slot of all series."""
    values = healthy(len(model.series), times + 1)
    live = Panel(values, model.series, model.end_milliseconds, model.step_milliseconds)
    carry, seconds = model.initial_carry(), []
    for slot in range(times + 1):
        began = processor_seconds()
        _, carry = model.score(live.columns(slot, slot + 1), carry)
        seconds.append(processor_seconds() - began)
    return statistics.median(seconds[1:])


class Answers:
    """A source that parses answers as Prometheus gives them; they are written beforehand."""

    def __init__(self, model: FittedRarityDetector, n_slots: int) -> None:
        self._step = model.step_milliseconds
        self._first = model.end_milliseconds + 1_234
        self._values = healthy(len(model.series), n_slots).round(6)
        self._metrics = [
            "{" + ",".join(f'"{name}":"{value}"' for name, value in labels) + "}"
            for labels in model.series
        ]
        self._labels = LabelCache()
        self._bodies: dict[int, bytes] = {}
        self.seconds = 0.0

    def write(self, after: int, until: int) -> None:
        """Write what will be answered at `until`, when nothing before `after` is asked for."""
        slots = range(self._values.shape[1])
        times = [(slot, self._first + slot * self._step) for slot in slots]
        asked = [(slot, at / 1000) for slot, at in times if after < at <= until]
        result = ",".join(
            f'{{"metric":{metric},"values":['
            + ",".join(f'[{at:.3f},"{row[slot]}"]' for slot, at in asked)
            + "]}"
            for metric, row in zip(self._metrics, self._values.tolist(), strict=True)
        )
        text = f'{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}}}'
        self._bodies[until] = text.encode()

    def read_newest(
        self,
        query: str,  # noqa: ARG002  part of the contract
        *,
        after_milliseconds: int,  # noqa: ARG002
        until_milliseconds: int,
        step_milliseconds: int,  # noqa: ARG002
    ) -> Samples:
        began = processor_seconds()
        answer = Answer(200, self._bodies[until_milliseconds])
        samples = joined([matrix_of(answer, self._labels)])
        self.seconds = processor_seconds() - began
        return samples

    def read_range(self, *_: object, **__: object) -> Samples:
        raise NotImplementedError

    def limited(self, most_samples: int) -> "Answers":
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def worker_for(
    model: FittedRarityDetector, source: Answers, exposition: Exposition, folder: Path
) -> Worker:
    signal = Signal(name="load", query="node_load1", step="5m")  # type: ignore[arg-type]  # as a file has it
    worker = Worker(
        signal,
        source=source,
        output=ScrapeOutput(Live(), exposition),
        checkpoints=CheckpointFolder(folder),
        telemetry=Telemetry(CollectorRegistry(), version="1"),
    )
    policy = FoldPolicy()
    start = start_fold(model, policy)
    scorer = Scorer(model, policy, timing=timing_of(model.step_milliseconds), start=start)
    worker.offer(Ready(1, 1, scorer, 0))
    return worker


def show_ticks(model: FittedRarityDetector, *, times: int) -> None:
    """Print what whole ticks take, and how much of it is reading the answer."""
    source, exposition = Answers(model, times + 3), Exposition(CollectorRegistry())
    lateness = timing_of(model.step_milliseconds).lateness
    whole, reading = [], []
    with tempfile.TemporaryDirectory() as folder:
        worker = worker_for(model, source, exposition, Path(folder))
        for slot in range(times + 2):
            now = model.end_milliseconds + slot * model.step_milliseconds + 2_000
            source.write(now - lateness - 1_000, now)
            began = processor_seconds()
            worker.tick(now)
            whole.append(processor_seconds() - began)
            reading.append(source.seconds)
    text = exposition.body()
    assert text.count(b"\nforewarn_anomaly_score{") == len(model.series)
    tick, read = (1000 * statistics.median(part[2:]) for part in (whole, reading))
    least, most = 1000 * min(whole[2:]), 1000 * max(whole[2:])
    print(f"  a whole tick            {tick:9.1f} ms, from {least:.0f} to {most:.0f}")
    print(f"    reading the answer    {read:9.1f} ms")


def show_bytes(model: FittedRarityDetector) -> None:
    def size(arrays: tuple[AnyArray, ...]) -> float:
        return sum(array.nbytes for array in arrays) / len(model.series) / 1e3

    stored = len(to_bytes(model.state())) / len(model.series) / 1e3
    state = fold_state_to_bytes(start_fold(model, FoldPolicy()))
    checkpoint = len(state) / len(model.series) / 1e3
    print("kB a series")
    print(f"  known                   {size(tuple(model.known)):9.2f}")
    print(f"  carried                 {size(tuple(model.memory)):9.2f}")
    print(f"  stored model            {stored:9.2f}")
    print(f"  stored checkpoint       {checkpoint:9.2f}")


def main() -> None:
    n_series, times = (1_000, 3) if "--quick" in sys.argv else (10_000, 11)
    print(f"targets: {TARGETS}")
    show_fitting(times=2 if "--quick" in sys.argv else 5)
    model = many(RarityDetector().fit(history(N_LEARNED)), n_series)
    print(f"live, {n_series:,} series")
    print(f"  a slot scored           {1000 * slot_seconds(model, times=times):9.1f} ms")
    show_ticks(model, times=2 * times)
    show_bytes(model)


if __name__ == "__main__":
    main()
