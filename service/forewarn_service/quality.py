"""How good the verdicts are while they are made: budget kept, band right."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forewarn_models.budget import Budget
from forewarn_models.verdicts import Verdicts
from forewarn_service.telemetry import Telemetry

_DAY_SECONDS = 86_400.0


@dataclass(slots=True)
class Quality:
    """Running sums of one signal that fade away with the budget's period.

    Args:
        budget: of each row of the signal.
        episodes: that began.
        row_seconds: for how long rows were judged, summed over rows.
        inside: samples in the band.
        judged: samples that had a band.
        newest_start_milliseconds: when the newest episode that is counted began.
    """

    budget: Budget
    episodes: float = 0.0
    row_seconds: float = 0.0
    inside: float = 0.0
    judged: float = 0.0
    newest_start_milliseconds: float = 0.0

    def add(self, verdicts: Verdicts, *, step_seconds: float) -> None:
        """Count verdicts that leave for the first time; a row's sample stands for one step."""
        is_known = np.isfinite(verdicts.score)
        has_band = is_known & np.isfinite(verdicts.lower) & np.isfinite(verdicts.value)
        inside = (verdicts.lower <= verdicts.value) & (verdicts.value <= verdicts.upper)
        self._fade(float(is_known.sum()) * step_seconds / max(1, len(verdicts.series)))
        self.row_seconds += float(is_known.sum()) * step_seconds
        self.judged += float(has_band.sum())
        self.inside += float((has_band & inside).sum())
        self._count_starts(verdicts)

    def show(self, telemetry: Telemetry, signal: str) -> None:
        """Set the metrics; what nothing is known of yet stays away."""
        if self.row_seconds > 0:
            allowed = self.row_seconds / self.budget.return_period_seconds
            telemetry.alarm_budget_ratio.labels(signal=signal).set(self.episodes / allowed)
        if self.judged > 0:
            telemetry.band_coverage_ratio.labels(signal=signal).set(self.inside / self.judged)

    def facts(self) -> Mapping[str, float]:
        """Return the sums, for a checkpoint."""
        names = ("episodes", "row_seconds", "inside", "judged", "newest_start_milliseconds")
        return {f"quality_{name}": float(getattr(self, name)) for name in names}

    def restore(self, facts: Mapping[str, float]) -> None:
        """Go on from the sums of a checkpoint."""
        for name in ("episodes", "row_seconds", "inside", "judged", "newest_start_milliseconds"):
            setattr(self, name, float(facts.get(f"quality_{name}", 0.0)))

    def _count_starts(self, verdicts: Verdicts) -> None:
        starts = verdicts.episode_start_milliseconds
        is_start = (verdicts.severity > 0) & (starts > self.newest_start_milliseconds)
        if is_start.any():
            pairs = np.stack((verdicts.row[is_start], starts[is_start]))
            self.episodes += float(np.unique(pairs, axis=1).shape[1])
            self.newest_start_milliseconds = float(starts[is_start].max())

    def _fade(self, seconds: float) -> None:
        left = float(np.exp(-seconds / max(self.budget.period.total_seconds(), _DAY_SECONDS)))
        self.episodes *= left
        self.row_seconds *= left
        self.inside *= left
        self.judged *= left
