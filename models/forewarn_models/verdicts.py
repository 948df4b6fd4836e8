"""Verdicts: what is known of each sample after scoring, in the form that every output takes."""

from dataclasses import dataclass

from forewarn_models.arrays import FloatArray, IntegerArray, SmallIntegerArray
from forewarn_models.labels import Labels

SEVERITIES = ("none", "warning", "critical")
DIRECTIONS = {1: "up", -1: "down", 0: "both"}


@dataclass(frozen=True, eq=False)
class Verdicts:
    """One entry for each scored sample, as flat arrays of equal length n.

    The same columns go to the exporter (the newest of each row), to remote write (all, at their
    own timestamps), to the files of `forewarn score` and to the back-test.

    Args:
        series: the labels of the rows: the signal's series, then its groups (`series="*"`).
        row: (n,) which of them.
        timestamp_milliseconds: (n,) the sample's own timestamp.
        value: (n,) what was seen; NaN for groups.
        expected: (n,) what was expected; NaN for groups and where nothing can be said.
        lower: (n,) bottom of the central 99 % predictive interval.
        upper: (n,) its top.
        return_period_seconds: (n,) NaN = cannot say.
        score: (n,) against the budget; NaN = cannot say; anomalous is exactly `score >= 1`.
        direction: (n,) +1 above, -1 below, 0 neither.
        view: (n,) index into `views.VIEWS` of what is rarest about it; -1 = groups, cannot say.
        severity: (n,) index into SEVERITIES: that of the episode active at this sample, 0 = none.
        episode_direction: (n,) the direction of that episode (0 = groups or no episode).
        episode_view: (n,) index into `views.VIEWS` of what is rarest about the rarest sample of
            that episode so far; -1 = groups or no episode.
        episode_start_milliseconds: (n,) when that episode began; 0 where none is active.
    """

    series: tuple[Labels, ...]
    row: IntegerArray
    timestamp_milliseconds: IntegerArray
    value: FloatArray
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    return_period_seconds: FloatArray
    score: FloatArray
    direction: SmallIntegerArray
    view: SmallIntegerArray
    severity: SmallIntegerArray
    episode_direction: SmallIntegerArray
    episode_view: SmallIntegerArray
    episode_start_milliseconds: IntegerArray

    def __len__(self) -> int:
        return len(self.row)
