"""When does it run out: times to a limit on simulated fleets whose future is known.

    python benchmarks/capacity.py [--quick] [--series 150]

Nine kinds of series, one value an hour for 120 days, and what comes in the 45 days after, of the
same process. Every other series is what is left until its limit, so that its limit is 0, from
above. The median error is over series that reach their limit, in percent of the time that it took.
*Who knows the process* foretells from 200 futures that begin at the same instant: nobody can do
better.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forewarn_data.fleets import DAY_SLOTS, KINDS, Nearing, Span, fleet
from forewarn_models.arrays import BooleanArray, FloatArray
from forewarn_models.capacity import breach_probability, time_to_limit_seconds
from forewarn_models.contract import Side
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.panel import Panel

HOUR_MILLISECONDS = 3_600_000
LEVELS = (0.1, 0.5, 0.9)
SHARES = (0.25, 0.5, 1.0)  # of the horizon, for the probability of a breach
# Kinds that have a time to foretell; where a random walk goes is chance.
N_NOT_WALKS, N_FIRST = 7, 6
WINDOWS_HOURS = {"1h": 2, "6h": 6, "1d": 24, "7d": 168}  # a line needs two values


@dataclass(frozen=True, eq=False)
class Said:
    """What a method says of a fleet: (n, 3) hours to the limit, (n, 3) probabilities."""

    hours: FloatArray
    chance: FloatArray


@dataclass(frozen=True, eq=False)
class Figures:
    """How a method did.

    Args:
        error: median |p50 - truth| / truth over series that reach their limit.
        cover: share of series whose truth lies from p10 to p90; +Inf is at least any truth.
        cover_finite: the same of those whose p90 lies within the horizon.
        none_right: share with p50 = +Inf among those that do not reach their limit.
        brier: mean squared error of the probabilities of a breach.
    """

    error: float
    cover: float
    cover_finite: float
    none_right: float
    brier: float

    def row(self) -> str:
        covers = f"{self.cover:.2f} | {self.cover_finite:.2f}"
        return f"{self.error:.1%} | {covers} | {self.none_right:.2f} | {self.brier:.3f}"


def first_passage_hours(path: FloatArray, limit: FloatArray) -> FloatArray:
    """Return hours to the first value at or beyond the limit along the last axis; inf = none."""
    is_beyond = path >= limit
    return np.where(is_beyond.any(axis=-1), is_beyond.argmax(axis=-1) + 1.0, np.inf)


def forewarn(made: list[Nearing], span: Span) -> Said:
    """Return what the default forecaster says; every other row is what is left until the limit."""
    hours, chance = np.empty((len(made), 3)), np.empty((len(made), len(SHARES)))
    sides: tuple[Side, ...] = ("above", "below")
    for place, side in enumerate(sides):
        rows = made[place::2]
        values, limits = _seen(rows, side)
        series = tuple((("row", str(row)),) for row in range(len(rows)))
        panel = Panel(values, series, 0, HOUR_MILLISECONDS)
        extremes = Hybrid().fit(panel).extremes(span.n_ahead, side)
        now = panel.end_milliseconds - HOUR_MILLISECONDS
        found = time_to_limit_seconds(extremes, limits, LEVELS, now_milliseconds=now)
        hours[place::2] = found / 3600
        for column, share in enumerate(SHARES):
            until = now + int(share * span.n_ahead) * HOUR_MILLISECONDS
            said = breach_probability(extremes, limits, until_milliseconds=until)
            chance[place::2, column] = said
    return Said(hours, chance)


def _seen(rows: list[Nearing], side: Side) -> tuple[FloatArray, FloatArray]:
    values, limits = np.stack([row.history for row in rows]), np.array([row.limit for row in rows])
    return (values, limits) if side == "above" else (limits[:, None] - values, 0 * limits)


def who_knows(made: list[Nearing], span: Span) -> Said:
    limits = np.array([row.limit for row in made])
    others = np.stack([row.futures[1:] for row in made])
    passage = first_passage_hours(others, limits[:, None, None])
    hours = np.quantile(passage, LEVELS, axis=1, method="higher").T
    by = [(passage <= share * span.n_ahead).mean(axis=1) for share in SHARES]
    return Said(hours, np.stack(by, axis=1))


def straight_line(made: list[Nearing], span: Span, n_hours: int) -> Said:
    """Return where the line of predict_linear over the newest hours crosses the limit."""
    history = np.stack([row.history for row in made])[:, -n_hours:]
    age = np.arange(n_hours) - (n_hours - 1.0)
    slope, level = np.polyfit(age, history.T, 1)
    missing = np.array([row.limit for row in made]) - level
    hours = np.where(missing <= 0, 1.0, np.where(slope > 0, missing / slope, np.inf))
    hours = np.where(hours > span.n_ahead, np.inf, hours)
    by = [(hours <= share * span.n_ahead).astype(np.float64) for share in SHARES]
    return Said(np.repeat(hours[:, None], 3, axis=1), np.stack(by, axis=1))


def figures(said: Said, truth: FloatArray, span: Span) -> Figures:
    reached = np.isfinite(truth)
    with np.errstate(invalid="ignore"):
        off = np.abs(said.hours[reached, 1] - truth[reached]) / truth[reached]
    low, high = said.hours[:, 0], said.hours[:, 2]
    is_covered = (low <= truth) & ((truth <= high) | np.isposinf(high))
    came = np.stack([truth <= share * span.n_ahead for share in SHARES], axis=1)
    return Figures(
        float(np.median(off)) if len(off) else np.nan,
        float(is_covered.mean()),
        _mean(is_covered[np.isfinite(high)]),
        _mean(np.isposinf(said.hours[~reached, 1])),
        float(((said.chance - came) ** 2).mean()),
    )


def _mean(values: BooleanArray) -> float:
    return float(values.mean()) if len(values) else np.nan


def reliability(chance: FloatArray, came: FloatArray) -> list[str]:
    """Return lines of a table: of forecasts in each tenth, how many, said and come."""
    tenth = np.minimum((10 * chance).astype(np.int64), 9)
    lines = []
    for place in range(10):
        inside = tenth == place
        if inside.any():
            said, found = chance[inside].mean(), came[inside].mean()
            lines.append(f"| {place / 10:.1f} | {inside.sum()} | {said:.2f} | {found:.2f} |")
    return lines


def methods_of(made: list[Nearing], span: Span) -> Mapping[str, Said]:
    lines = {
        f"predict_linear {name}": straight_line(made, span, n_hours)
        for name, n_hours in WINDOWS_HOURS.items()
    }
    return {
        "forewarn": forewarn(made, span),
        "who knows the process": who_knows(made, span),
        **lines,
    }


def _joined(said: list[Said]) -> Said:
    hours, chance = [one.hours for one in said], [one.chance for one in said]
    return Said(np.concatenate(hours), np.concatenate(chance))


def main() -> None:
    """Print tables in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=150, help="of each kind")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="few series")
    options = parser.parse_args()
    n_series = 20 if options.quick else options.series
    span = Span(120 * DAY_SLOTS, 45 * DAY_SLOTS, 201)
    print("| kind | method | error | p10-p90 covers | where p90 is finite | none of none | Brier |")
    print("|---" * 7 + "|")
    truths, all_said = [], {}
    for kind in KINDS:
        made = fleet(kind, n_series, span, seed=options.seed)
        limits = np.array([row.limit for row in made])
        truth = first_passage_hours(np.stack([row.futures[0] for row in made]), limits[:, None])
        truths.append(truth)
        for name, said in methods_of(made, span).items():
            all_said.setdefault(name, []).append(said)
            if not name.startswith("predict"):
                print(f"| {kind} | {name} | {figures(said, truth, span).row()} |", flush=True)
    for words, count in (("first six", N_FIRST), ("without walks", N_NOT_WALKS)):
        said, truth = _joined(all_said["forewarn"][:count]), np.concatenate(truths[:count])
        print(f"| {words} | forewarn | {figures(said, truth, span).row()} |")
    truth = np.concatenate(truths)
    joined = {name: _joined(said) for name, said in all_said.items()}
    for name, said in joined.items():
        print(f"| **all** | {name} | {figures(said, truth, span).row()} |")
    came = np.stack([truth <= share * span.n_ahead for share in SHARES], axis=1)
    print("\n| probability from | forecasts | said | came |\n|---|---|---|---|")
    print("\n".join(reliability(joined["forewarn"].chance, came)))


if __name__ == "__main__":
    main()
