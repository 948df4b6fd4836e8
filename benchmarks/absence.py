"""Does a silence keep its word: healthy series that are missed, over what is promised.

    python benchmarks/absence.py [--series 300]

Jobs that come once a day, and series with gaps, at a step of 15 minutes; each is learned for 28
days and watched for 28 more. A level is kept where the silences beyond it are as many as the time
watched over the level. Printed: found / promised.
"""

import argparse
from collections.abc import Callable

import numpy as np

from forewarn_models.arrays import BooleanArray, IntegerArray
from forewarn_models.detector import RarityDetector
from forewarn_models.panel import Panel

STEP_MILLISECONDS = 900_000
DAY_SLOTS = 96
HISTORY_DAYS, LIVE_DAYS = 28, 28
LEVELS_DAYS = (7, 30, 90)
N_SLOTS = (HISTORY_DAYS + LIVE_DAYS) * DAY_SLOTS

Presence = Callable[[np.random.Generator], BooleanArray]


def daily_job(late_slots: float, skipped: float = 0.0) -> Presence:
    """Return a job of two hours a day, more or less late, that leaves out a share of its days."""

    def there(generator: np.random.Generator) -> BooleanArray:
        out = np.zeros(N_SLOTS, np.bool_)
        for first in range(8, N_SLOTS, DAY_SLOTS):
            late = round(late_slots * generator.standard_normal())
            if generator.random() >= skipped:
                out[max(first + late, 0) : first + late + 8] = True
        return out

    return there


def with_gaps(
    a_slot: float, lengths: Callable[[np.random.Generator, int], IntegerArray]
) -> Presence:
    """Return a series with gaps of some lengths, which begin by chance."""

    def there(generator: np.random.Generator) -> BooleanArray:
        out = np.ones(N_SLOTS, np.bool_)
        starts = np.flatnonzero(generator.random(N_SLOTS) < a_slot)
        for start, length in zip(starts, lengths(generator, len(starts)), strict=True):
            out[start : start + length] = False
        return out

    return there


def short(generator: np.random.Generator, n: int) -> IntegerArray:
    return generator.geometric(1 / 8, n)


def long(generator: np.random.Generator, n: int) -> IntegerArray:
    return generator.geometric(1 / 30, n)


def heavy(generator: np.random.Generator, n: int) -> IntegerArray:
    return (3 * generator.pareto(1.0, n) + 1).astype(np.int64)


SHAPES = {
    "a daily job, a quarter of an hour early or late": daily_job(1.0),
    "a daily job, an hour early or late": daily_job(4.0),
    "a daily job that leaves out one day in twenty": daily_job(1.0, 0.05),
    "two gaps a day, two hours": with_gaps(0.02, short),
    "a gap every other day, eight hours": with_gaps(0.005, long),
    "a gap a day, heavy tail": with_gaps(0.01, heavy),
}


def kept(presence: Presence, n_series: int) -> list[float]:
    """Return found over promised for each level."""
    generator = np.random.default_rng(5)
    rows = np.stack([presence(generator) for _ in range(n_series)])
    values = np.where(rows, generator.standard_normal(rows.shape), np.nan)
    series = tuple((("row", str(row)),) for row in range(n_series))
    panel = Panel(values, series, 0, STEP_MILLISECONDS)
    first = HISTORY_DAYS * DAY_SLOTS
    model = RarityDetector(seasons=()).fit(panel.columns(0, first))
    carry, periods = model.initial_carry(), []
    for slot in range(first, N_SLOTS):
        _, carry = model.score(panel.columns(slot, slot + 1), carry)
        periods.append(model.absence(carry, carry.next_milliseconds).return_period_seconds)
    beyond = [np.stack(periods, axis=1) >= 86_400 * days for days in LEVELS_DAYS]
    begun = [int((each[:, 1:] & ~each[:, :-1]).sum() + each[:, 0].sum()) for each in beyond]
    watched_days = n_series * LIVE_DAYS
    return [n / (watched_days / days) for n, days in zip(begun, LEVELS_DAYS, strict=True)]


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=300, help="of each shape")
    options = parser.parse_args()
    print("| shape | " + " | ".join(f"1/{days}d" for days in LEVELS_DAYS) + " |")
    print("|---" * (1 + len(LEVELS_DAYS)) + "|")
    for name, presence in SHAPES.items():
        found = " | ".join(f"{ratio:.2f}" for ratio in kept(presence, options.series))
        print(f"| {name} | {found} |", flush=True)


if __name__ == "__main__":
    main()
