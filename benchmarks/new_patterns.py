"""Whether the rarity of new patterns keeps its word, and whether what changed is found.

    python benchmarks/new_patterns.py [--quick]

Simulated fleets whose rates of new events are known; false alarms for each period of the budget.
Then windows in which one of 500 patterns changed, and where it stands among them.
"""

import copy
import sys
from collections.abc import Iterator

import numpy as np

from forewarn_models.budget import parse_budget
from forewarn_models.patterns.changes import rank_changes
from forewarn_models.patterns.newness import Newness

DAY = 86_400.0
RATES = (0.1, 0.5, 1.0, 1.5, 2.0, 3.0)
FIRST_DAY = 200  # first sightings of a service that is just being met, one in ten an error

Sightings = tuple[np.ndarray, np.ndarray]  # times in seconds, and whether each is an error


def steady(rng: np.random.Generator, days: float, a_day: float, errors: float = 1.0) -> Sightings:
    """Return a first day, and events at a constant rate, of which a share are errors."""
    n = rng.poisson(a_day * days)
    at = np.concatenate([rng.uniform(size=FIRST_DAY) ** 2, days * rng.uniform(size=n)])
    share = np.repeat([0.1, errors], [FIRST_DAY, n])
    return DAY * at, rng.uniform(size=FIRST_DAY + n) < share


def released(rng: np.random.Generator, days: int, *, every: float = 7.0) -> Sightings:
    """Return discovery that falls off, and releases with bursts and what comes in days after."""
    busy = np.exp(rng.normal())
    found = days * rng.uniform(size=rng.poisson(40 * busy * days**0.45)) ** (1 / 0.45)
    parts = [found, days * rng.uniform(size=rng.poisson(busy * days / 60))]
    for release in np.arange(every, days, every):
        if rng.uniform() < 0.6:
            parts.append(release + rng.exponential(1 / 48, rng.poisson(3 * busy)))
            parts.append(release + rng.exponential(1.5, rng.poisson(1.5 * busy)))
    at = np.concatenate(parts)
    is_error = rng.uniform(size=len(at)) < np.repeat(
        [0.1, 0.5, 0.1], [len(parts[0]), len(parts[1]), len(at) - len(parts[0]) - len(parts[1])]
    )
    return DAY * at[at < days], is_error[at < days]


def alarms(fleet: list[Sightings], days: int, budget: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the services and the days of alarms; those of a service within an hour are one."""
    names = [f"s{number}" for number in range(len(fleet))]
    service = np.repeat(np.arange(len(fleet)), [len(at) for at, _ in fleet])
    at = np.concatenate([at for at, _ in fleet])
    is_error = np.concatenate([is_error for _, is_error in fleet])
    order = np.argsort(at, kind="stable")
    service, at, is_error = service[order], at[order], is_error[order]
    newness, score = Newness(parse_budget(budget)), np.empty(len(at))
    ends = np.searchsorted(at, DAY * np.arange(days + 1))
    for day in range(days):
        part = slice(ends[day], ends[day + 1])
        said = [names[number] for number in service[part].tolist()]
        score[part], _ = newness.judge(said, is_error[part], at[part])
        newness.advance(names, np.full(len(names), DAY * (day + 1)))
    last = np.full(len(fleet), -np.inf)
    paged = []
    for place in np.flatnonzero(score >= 1).tolist():
        if at[place] - last[service[place]] >= 3_600.0:
            paged.append(place)
            last[service[place]] = at[place]
    return service[paged], at[paged] / DAY


def spent(fleet: list[Sightings], days: int, budget: str) -> np.ndarray:
    """Return false alarms of each service over its budget."""
    service, _ = alarms(fleet, days, budget)
    periods = DAY * days / parse_budget(budget).return_period_seconds
    return np.bincount(service, minlength=len(fleet)) / periods


def budgets(n_services: int) -> None:
    print("\nnew errors in a period of the budget ", *(f"{rate:6.1f}" for rate in RATES))
    for budget, period in (("1/7d", 7), ("1/30d", 30)):
        days, said = 26 * period, []
        for rate in RATES:
            rng = np.random.default_rng(2)
            fleet = [steady(rng, days, rate / period) for _ in range(n_services)]
            said.append(spent(fleet, days, budget).mean())
        print(
            f"false alarms, {n_services} alike, {budget:6}      ", *(f"{one:6.2f}" for one in said)
        )
    said = []
    for rate in RATES:
        alone = [steady(np.random.default_rng(seed), 182, rate / 7) for seed in range(12)]
        said.append(np.mean([spent([one], 182, "1/7d") for one in alone]))
    print("false alarms, each alone, 1/7d         ", *(f"{one:6.2f}" for one in said))
    for budget, period in (("1/7d", 7), ("1/30d", 30)):
        rng = np.random.default_rng(3)
        rates = np.exp(rng.normal(0, 1.5, n_services)) / period
        mixed = [steady(rng, 26 * period, rate, errors=0.3) for rate in rates]
        weekly = [released(np.random.default_rng(seed), 182) for seed in range(n_services)]
        for label, fleet, days in (("rates differ", mixed, 26 * period), ("weekly", weekly, 182)):
            found = spent(fleet, days, budget)
            print(f"{label}, {budget}: mean {found.mean():.2f}, worst {found.max():.2f}")


def changed_cadence(n_services: int) -> None:
    rng, fleet = np.random.default_rng(4), []
    for _ in range(n_services):
        at, is_error = steady(rng, 300, 1 / 60, errors=0.3)
        bursts = DAY * (np.arange(300, 480, 7)[:, None] + np.array([0, 0.1, 1.3])).ravel()
        fleet.append((np.append(at, bursts), np.append(is_error, np.zeros(len(bursts), bool))))
    _, day = alarms(fleet, 480, "1/7d")
    weeks = np.histogram(day, bins=300 + 28 * np.arange(7))[0] / (4 * n_services)
    print("quiet for 300 days, then releases: pages a week, each four weeks", weeks.round(2))


def found_errors(n_services: int) -> None:
    """Print how many errors are paged that come at any time, among releases and discovery."""
    for budget in ("1/7d", "1/30d"):
        rng, fleet = np.random.default_rng(9), []
        when = rng.uniform(60, 180, n_services)
        for number in range(n_services):
            at, is_error = released(np.random.default_rng(number), 182)
            fleet.append((np.append(at, DAY * when[number]), np.append(is_error, True)))
        service, day = alarms(fleet, 182, budget)
        is_found = np.array(
            [np.any((service == n) & (abs(day - when[n]) < 1 / 24)) for n in range(n_services)]
        )
        errors = np.array([is_error.sum() for _, is_error in fleet])
        quiet = errors <= np.median(errors)
        print(
            f"a new error at any time, releases each week, {budget}: paged {is_found.mean():.2f}, "
            f"of the quieter half {is_found[quiet].mean():.2f}"
        )


def first_page(n_others: int) -> float:
    """Return after how many days a new error of a new service pages at 1/7d."""
    rng, newness = np.random.default_rng(5), Newness(parse_budget("1/7d"))
    others = [f"s{number}" for number in range(n_others)]
    fleet = [steady(rng, 100, 1 / 20, errors=1 / 3) for _ in others]
    for day in range(100 if n_others else 0):
        for name, (at, is_error) in zip(others, fleet, strict=True):
            now = np.flatnonzero((at >= DAY * day) & (at < DAY * (day + 1)))
            now = now[np.argsort(at[now])]
            newness.judge([name] * len(now), is_error[now], at[now])
        newness.advance(others, np.full(n_others, DAY * (day + 1)))
    at, is_error = steady(rng, 1, 0)
    order, begin = np.argsort(at), 100 * DAY
    newness.judge(["new"] * len(at), is_error[order], begin + at[order])
    for hour in range(24, 60 * 24):
        now = begin + 3_600.0 * hour
        newness.advance(["new", *others], np.full(1 + n_others, now))
        tried = copy.deepcopy(newness) if hour % 6 == 0 else None
        if tried and tried.judge(["new"], np.array([True]), np.array([now + 60]))[0][0] >= 1:
            return hour / 24
    return np.inf


def ranks(*, bursts: float, load: float, factor: float, new: bool, n_trials: int) -> Iterator[int]:
    """Yield where the culprit stands among 500 patterns, from 0."""
    rng = np.random.default_rng(6)
    for _ in range(n_trials):
        rate = 2 * np.exp(rng.normal(0, 2, 500))
        of_pattern = bursts * np.exp(rng.normal(0, 0.5, 500))[:, None]
        swing = rng.gamma(1 / of_pattern, of_pattern, (500, 13))
        lines = rng.poisson(rate[:, None] * swing * np.array([1.0] * 12 + [load])).astype(float)
        culprit = int(rng.choice(np.flatnonzero(rate >= 2)))
        if new:
            lines[culprit] = 0
            lines[culprit, 12] = rng.poisson(factor)
        else:
            lines[culprit, 12] = rng.poisson(rate[culprit] * swing[culprit, 12] * load * factor)
        found = rank_changes(lines[:, :12], lines[:, 12], before_seconds=7200, during_seconds=600)
        yield found.order.tolist().index(culprit)


def culprits(n_trials: int) -> None:
    kinds = {"x10": (10, False), "x5": (5, False), "gone": (0, False), "20 new": (20, True)}
    kinds["5 new"] = (5, True)
    print("\nshare of culprits among the first three of 500", *(f"{kind:>7}" for kind in kinds))
    for bursts in (0.05, 0.2, 0.5):
        for load in (1.0, 2.0, 0.3):
            said = []
            for factor, new in kinds.values():
                found = ranks(bursts=bursts, load=load, factor=factor, new=new, n_trials=n_trials)
                said.append(np.mean(np.array(list(found)) < 3))
            label = f"bursts of {100 * bursts**0.5:.0f} %, load x {load:g}"
            print(f"{label:46}", *(f"{one:7.2f}" for one in said))


def main() -> None:
    quick = "--quick" in sys.argv
    budgets(6 if quick else 60)
    changed_cadence(5 if quick else 50)
    found_errors(6 if quick else 60)
    for n_others in (0, 20) if quick else (0, 20, 200):
        print(f"a new error pages after {first_page(n_others):g} days among {n_others} others")
    culprits(5 if quick else 100)


if __name__ == "__main__":
    main()
