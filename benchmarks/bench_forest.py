"""How fast isolation forests grow and score, beside scikit-learn.

    python benchmarks/bench_forest.py [--quick]

Grown from 2,000 samples of five features. Scored live: one new sample for each of many forests,
which is what a tick does. Scored at once: 2,000 samples by each of a few. Printed: forests
and scores a second of processor time (medians), their ratios to scikit-learn, which does the same
with four forests; how large a forest is.
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn.ensemble import IsolationForest

from forewarn_models.arrays import FloatArray
from forewarn_models.forest import Forests, forests_of, grow, isolation

N_SAMPLES, N_FEATURES = 2_000, 5
N_GROWN, N_THEIRS = 100, 4
TIMES_THEIRS = 3


def per_second(n: int, work: Callable[[], object], *, times: int) -> float:
    """Return how many of `n` a second `work` does, after a first call that does not count."""
    work()
    rates = []
    for _ in range(times):
        began = time.process_time()
        work()
        rates.append(n / (time.process_time() - began))
    return statistics.median(rates)


def rows_of(forests: Forests, n_rows: int) -> Forests:
    """Return the rows again and again; 10,000 of the large ones fit into no cache."""
    rows = np.arange(n_rows) % len(forests.size)
    return forests_of({name: array[rows] for name, array in forests.arrays().items()})


def grow_theirs(tables: FloatArray, n_trees: int, sample_size: int) -> list[IsolationForest]:
    return [
        IsolationForest(
            n_estimators=n_trees, max_samples=sample_size, random_state=1, n_jobs=1
        ).fit(table)
        for table in tables
    ]


def score_theirs(forests: list[IsolationForest], features: FloatArray) -> list[FloatArray]:
    return [forest.score_samples(points) for forest, points in zip(forests, features, strict=True)]


def show(what: str, ours: float, other: float) -> None:
    print(
        f"  {what:15} {ours:11,.0f} /s   scikit-learn {other:9,.1f} /s   ratio {ours / other:6,.0f}"
    )


def compare(n_trees: int, sample_size: int, *, n_rows: int, times: int) -> None:
    generator = np.random.default_rng(1)
    tables = generator.standard_normal((N_GROWN, N_SAMPLES, N_FEATURES))
    points = generator.standard_normal((n_rows, 1, N_FEATURES))
    few = tables[:N_THEIRS]
    ours = partial(grow, n_trees=n_trees, sample_size=sample_size, seed=1)
    other = partial(grow_theirs, n_trees=n_trees, sample_size=sample_size)
    grown, fitted = ours(tables), other(few)
    size = sum(array.nbytes for array in grown.arrays().values()) / N_GROWN
    print(f"{n_trees} trees of {sample_size} samples, {size / 1e3:.1f} kB a forest")
    show(
        "grown",
        per_second(N_GROWN, lambda: ours(tables), times=times),
        per_second(N_THEIRS, lambda: other(few), times=TIMES_THEIRS),
    )
    many = rows_of(grown, n_rows)
    show(
        "scored live",
        per_second(n_rows, lambda: isolation(many, points), times=times),
        10
        * per_second(
            N_THEIRS,
            lambda: [score_theirs(fitted, points[:N_THEIRS]) for _ in range(10)],
            times=TIMES_THEIRS,
        ),
    )
    first = rows_of(grown, N_THEIRS)
    show(
        "scored at once",
        per_second(few[..., 0].size, lambda: isolation(first, few), times=times),
        per_second(few[..., 0].size, lambda: score_theirs(fitted, few), times=TIMES_THEIRS),
    )


def main() -> None:
    n_rows, times = (1_000, 3) if "--quick" in sys.argv else (10_000, 7)
    for n_trees, sample_size in ((100, 256), (25, 64)):
        compare(n_trees, sample_size, n_rows=n_rows, times=times)


if __name__ == "__main__":
    main()
