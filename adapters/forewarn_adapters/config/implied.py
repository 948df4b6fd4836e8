"""What a configuration implies: how many false pages its budgets allow, team by team."""

from collections.abc import Mapping
from dataclasses import dataclass

from forewarn_adapters.config.schema import Config
from forewarn_models.budget import Budget

_WEEK_SECONDS = 604_800.0


@dataclass(frozen=True, slots=True)
class TeamLoad:
    """The false pages that one team must expect.

    Args:
        team: its name; None for the signals without a team.
        pages_per_week: how many its signals' budgets allow.
        accepted_per_week: how many it accepts; None where it has not said.
    """

    team: str | None
    pages_per_week: float
    accepted_per_week: float | None

    @property
    def is_over(self) -> bool:
        return self.accepted_per_week is not None and self.pages_per_week > self.accepted_per_week


def pages_per_week(budget: Budget) -> float:
    """Return how many false alarms a week a budget allows one series.

    >>> from datetime import timedelta
    >>> pages_per_week(Budget(2, timedelta(weeks=1)))
    2.0
    """
    return _WEEK_SECONDS / budget.return_period_seconds


def team_loads(config: Config, series: Mapping[str, int]) -> tuple[TeamLoad, ...]:
    """Return each team's load, in the order of the file.

    `series` says how many series a signal has; a signal that it does not name counts as one.
    """
    pages: dict[str | None, float] = dict.fromkeys(config.budgets, 0.0)
    for signal in config.signals:
        load = pages_per_week(signal.budget) * series.get(signal.name, 1)
        pages[signal.team] = pages.get(signal.team, 0.0) + load
    accepted = {team: pages_per_week(budget) for team, budget in config.budgets.items()}
    return tuple(
        TeamLoad(team, load, accepted.get(team) if team else None) for team, load in pages.items()
    )
