"""What changed between two capacity reports, a sentence for each series."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from forewarn_models.labels import Labels, label_text, labels_of
from forewarn_reports.capacity import CapacityRow
from forewarn_reports.capacity_document import ReportDocument, SeriesDocument
from forewarn_reports.capacity_words import likely_text
from forewarn_reports.wording import duration_text

_RISKS = ("at_limit", "likely")
# A date that moves by less is no news: each training and each hour move all of them a little.
_LEAST_MOVE_SECONDS = 86_400.0
_LEAST_MOVE_SHARE = 0.1  # of the horizon, where that is shorter


@dataclass(frozen=True, slots=True)
class Changes:
    """Sentences, in the order of the ranks.

    Args:
        newly_at_risk: series that are likely to reach their limit, or are at it, and were not.
        moved: series whose likely date came nearer or went further away.
        gone: series that are no longer at risk, or no longer there.
    """

    newly_at_risk: tuple[str, ...]
    moved: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.newly_at_risk, *self.moved, *self.gone)


def changes_since(
    earlier: ReportDocument, rows: Sequence[CapacityRow], *, made_milliseconds: int
) -> Changes:
    """Return what changed since an earlier report; series are the same where their labels are."""
    before = {_key(each): each for each in earlier.series if each.standing in _RISKS}
    now = {(row.signal, row.labels): row for row in rows}
    risky = [row for row in rows if row.standing in _RISKS]
    return Changes(
        newly_at_risk=tuple(
            _new_text(row, made_milliseconds)
            for row in risky
            if (row.signal, row.labels) not in before
        ),
        moved=tuple(
            text
            for row in risky
            if (then := before.get((row.signal, row.labels))) is not None
            for text in _moved_text(row, then, made_milliseconds / 1000 - earlier.made)
        ),
        gone=tuple(
            _gone_text(then, now.get(key))
            for key, then in before.items()
            if key not in now or now[key].standing not in _RISKS
        ),
    )


def _key(each: SeriesDocument) -> tuple[str, Labels]:
    return each.signal, labels_of(each.labels)


def _new_text(row: CapacityRow, made: int) -> str:
    if row.standing == "at_limit":
        return f"{row.name} is at its limit now"
    return f"{row.name} is likely at its limit {likely_text(row, made_milliseconds=made)}"


def _moved_text(row: CapacityRow, then: SeriesDocument, passed_seconds: float) -> list[str]:
    """Return that a series came to its limit or left it, or how its likely date moved, if news."""
    was_at_limit, is_at_limit = (each.standing == "at_limit" for each in (then, row))
    if is_at_limit:
        return [] if was_at_limit else [f"{row.name} reached its limit"]
    if was_at_limit:
        return [f"{row.name} left its limit, and is likely to come back to it"]
    median = then.time_to_limit_seconds.get("0.5")
    later = row.middle_seconds + passed_seconds - (median if median is not None else math.nan)
    least = min(_LEAST_MOVE_SECONDS, _LEAST_MOVE_SHARE * row.horizon_seconds)
    if not abs(later) >= least:
        return []
    return [f"{row.name}: {duration_text(abs(later))} {'later' if later > 0 else 'earlier'}"]


def _gone_text(then: SeriesDocument, now: CapacityRow | None) -> str:
    name = f"{then.signal}{label_text(labels_of(then.labels))}" if then.labels else then.signal
    if now is None:
        return f"{name} is no longer there"
    return f"{name} is no longer likely to reach its limit"
