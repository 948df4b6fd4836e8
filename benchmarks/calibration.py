"""Does a return period keep its word: alarms on simulated healthy series, over what is promised.

    python benchmarks/calibration.py [--series 5000] [--quick]

Thirteen shapes at steps of 1, 5 and 30 minutes; each series is learned for 14 days and judged for
14 more. A level is kept where clusters of samples beyond it are as many as the time judged over the
level. The second table is of the same series whose history holds incidents: 2 % of its samples,
in spans of half an hour to half a day. Printed: found / promised for each shape, and over all.
"""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from forewarn_models.arrays import FloatArray
from forewarn_models.detector import RarityDetector
from forewarn_models.labels import labels_of
from forewarn_models.panel import Panel
from forewarn_models.rules import cluster_gap

STEPS_SECONDS = (60, 300, 1_800)
HISTORY_DAYS, LIVE_DAYS = 14, 14
LEVELS_DAYS = (7, 30, 90)
DAY_SECONDS = 86_400
START_MILLISECONDS = 1_767_571_200_000  # a Monday, 00:00 UTC
TARGET_CLEAN, TARGET_DIRTY = (0.7, 1.4), (0.5, 2.0)
_DIRTY_SHARE = 0.02
_ROWS = 32  # simulated at a time


@dataclass(frozen=True, eq=False)
class Draft:
    """What shapes are made of.

    Args:
        generator: of all chance.
        n: (rows, times).
        day: of each time, since a Monday, with fractions.
        wave: a day of height 1.
    """

    generator: np.random.Generator
    n: tuple[int, int]
    day: FloatArray
    wave: FloatArray

    def normal(self) -> FloatArray:
        return self.generator.standard_normal(self.n)

    def correlated(self, minutes: float) -> FloatArray:
        """Return noise of variance 1 whose correlation falls to 1/e in some minutes."""
        step = (self.day[1] - self.day[0]) * 1_440
        keep = float(np.exp(-step / minutes))
        out: FloatArray = lfilter([np.sqrt(1 - keep**2)], [1, -keep], self.normal(), axis=1)
        return out

    def daily(self, noise: FloatArray) -> FloatArray:
        """Return a day whose noise is larger when it is busy."""
        return 50 + 10 * self.wave + noise * (1 + 0.5 * self.wave)


def _counts(draft: Draft) -> FloatArray:
    mean = np.broadcast_to(3 + 2 * draft.wave, draft.n)
    return draft.generator.poisson(mean).astype(np.float64)


def _sparse(draft: Draft) -> FloatArray:
    is_there = draft.generator.random(draft.n) < 0.01
    return is_there * draft.generator.exponential(5.0, draft.n)


def _ratio(draft: Draft) -> FloatArray:
    beta = draft.generator.beta(2.0, 50.0, draft.n)
    return np.clip(beta * (1 + 0.5 * draft.wave), 0.0, 1.0)


def _walk(draft: Draft) -> FloatArray:
    spread = 0.3 * np.sqrt(draft.day[1] - draft.day[0])
    return 100 + np.cumsum(spread * draft.normal(), axis=1) + draft.normal()


def _bursty(draft: Draft) -> FloatArray:
    load = np.exp(0.4 * draft.correlated(100.0)) * (1 + 0.5 * draft.wave)
    return 10 * load * np.exp(0.2 * draft.normal())


def _weekly(draft: Draft) -> FloatArray:
    return 50 + 8 * draft.wave + 12 * np.sin(2 * np.pi * draft.day / 7) + draft.normal()


def _days_off(draft: Draft) -> FloatArray:
    is_off = draft.day % 7 >= 5
    return np.where(is_off, 20.0, 50 + 15 * draft.wave) + 2 * draft.normal()


def _growth(draft: Draft) -> FloatArray:
    return 50 + 1.5 * draft.day + 5 * draft.wave + draft.normal()


def _on_off(draft: Draft) -> FloatArray:
    """Return a batch job that runs now and then for about half an hour."""
    is_on = draft.correlated(30.0) > 1.3
    return np.where(is_on, 40.0, 5.0) + draft.normal()


SHAPES: dict[str, Callable[[Draft], FloatArray]] = {
    "plain": lambda draft: 5 + draft.normal(),
    "gaussian": lambda draft: draft.daily(draft.normal()),
    "student t4": lambda draft: draft.daily(draft.generator.standard_t(4, draft.n)),
    "lognormal": lambda draft: draft.daily(np.exp(0.5 * draft.normal())),
    "correlated": lambda draft: draft.daily(draft.correlated(50.0)),
    "counts": _counts,
    "sparse": _sparse,
    "ratio": _ratio,
    "random walk": _walk,
    "bursty": _bursty,
    "weekly": _weekly,
    "days off": _days_off,
    "growth": _growth,
    "on and off": _on_off,
}


@dataclass(frozen=True, slots=True)
class Task:
    """Some rows of one shape at one step."""

    shape: str
    step_seconds: int
    n_rows: int
    seed: int
    is_dirty: bool


def simulated(task: Task) -> FloatArray:
    n_times = (HISTORY_DAYS + LIVE_DAYS) * DAY_SECONDS // task.step_seconds
    day = np.arange(n_times) * task.step_seconds / DAY_SECONDS
    generator = np.random.default_rng(task.seed)
    draft = Draft(generator, (task.n_rows, n_times), day, np.sin(2 * np.pi * (day - 0.3)))
    values = SHAPES[task.shape](draft)
    if task.is_dirty:
        n_history = HISTORY_DAYS * DAY_SECONDS // task.step_seconds
        plant(values[:, :n_history], task.step_seconds, generator)
    return values


def plant(history: FloatArray, step_seconds: int, generator: np.random.Generator) -> None:
    """Plant incidents in 2 % of each row: shifts, spikes and stops, 4 to 20 deviations large."""
    for row in history:
        size = np.std(np.diff(row)) + 1e-3 * np.std(row)
        left = round(_DIRTY_SHARE * len(row))
        while left > 0:
            hours = np.exp(generator.uniform(np.log(0.5), np.log(12.0)))
            n = min(left, max(1, round(hours * 3_600 / step_seconds)))
            first = int(generator.integers(0, len(row) - n))
            span = row[first : first + n]
            kind = generator.integers(3)
            height = generator.choice((-1.0, 1.0)) * generator.uniform(4.0, 20.0) * size
            if kind == 0:
                span += height
            elif kind == 1:
                span += height * (generator.random(n) < 0.3)
            else:
                span[:] = 0.0
            left -= n


def clusters_beyond(period_seconds: FloatArray, step_seconds: int) -> list[int]:
    """Return how many clusters of samples are rarer than each level."""
    gap, found = cluster_gap(step_seconds), []
    for level in LEVELS_DAYS:
        row, time = np.nonzero(period_seconds > level * DAY_SECONDS)
        is_new = (np.diff(row) != 0) | (np.diff(time) > gap)
        found.append(int(is_new.sum()) + (len(row) > 0))
    return found


def judged(task: Task) -> tuple[Task, list[int]]:
    values = simulated(task)
    names = tuple(labels_of({"series": str(number)}) for number in range(task.n_rows))
    panel = Panel(values, names, START_MILLISECONDS, 1_000 * task.step_seconds)
    n_history = HISTORY_DAYS * DAY_SECONDS // task.step_seconds
    model = RarityDetector().fit(panel.columns(0, n_history))
    live = panel.columns(n_history, panel.n_times)
    scores, _ = model.score(live, model.initial_carry())
    return task, clusters_beyond(scores.return_period_seconds, task.step_seconds)


def tasks_of(n_series: int, *, is_dirty: bool) -> list[Task]:
    """Return all work, the same number of series of each shape at each step."""
    places = [(shape, step) for step in STEPS_SECONDS for shape in SHAPES]
    each = max(1, round(n_series / len(places)))
    tasks = []
    for place, (shape, step) in enumerate(places):
        for first in range(0, each, _ROWS):
            n_rows, seed = min(_ROWS, each - first), 10_000 * place + first
            tasks.append(Task(shape, step, n_rows, seed, is_dirty))
    return tasks


def ratios(outcomes: list[tuple[Task, list[int]]]) -> FloatArray:
    """Return found over promised at each level."""
    found = np.sum([counts for _, counts in outcomes], axis=0)
    days = LIVE_DAYS * sum(task.n_rows for task, _ in outcomes)
    out: FloatArray = found * np.array(LEVELS_DAYS) / days
    return out


def print_row(name: str, outcomes: list[tuple[Task, list[int]]]) -> None:
    n = sum(task.n_rows for task, _ in outcomes)
    print(f"| {name} | {n:,} | " + " | ".join(f"{r:.2f}" for r in ratios(outcomes)) + " |")


def run(n_series: int, *, is_dirty: bool) -> None:
    tasks, outcomes = tasks_of(n_series, is_dirty=is_dirty), []
    n_all = sum(task.n_rows for task in tasks)
    with ProcessPoolExecutor(2) as workers:
        for number, outcome in enumerate(workers.map(judged, tasks), 1):
            outcomes.append(outcome)
            print(f"\r{number} of {len(tasks)} parts", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    low, high = TARGET_DIRTY if is_dirty else TARGET_CLEAN
    what = "2 % of the history are incidents" if is_dirty else "healthy"
    print(f"\n{n_all:,} series, {what}; target {low} to {high} over all\n")
    print("| shape | series | " + " | ".join(f"1/{days}d" for days in LEVELS_DAYS) + " |")
    print("|---|---|" + "---|" * len(LEVELS_DAYS))
    for shape in SHAPES:
        print_row(shape, [outcome for outcome in outcomes if outcome[0].shape == shape])
    for step in STEPS_SECONDS:
        mine = [outcome for outcome in outcomes if outcome[0].step_seconds == step]
        print_row(f"*all at {step // 60} min*", mine)
    print_row("**all**", outcomes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=5_000)
    parser.add_argument("--quick", action="store_true", help="a few series of each shape")
    chosen = parser.parse_args()
    n_series = 84 if chosen.quick else chosen.series
    run(n_series, is_dirty=False)
    run(n_series, is_dirty=True)


if __name__ == "__main__":
    main()
