"""Alarms as a list: when each was on, which way, how rare it was and what was strange about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray, SmallIntegerArray
from forewarn_models.episodes import alarm_keys
from forewarn_models.verdicts import Verdicts

EVERY_ROW = -1  # of an interval that is about no row of its own but about all of them


class Spans(NamedTuple):
    """Intervals of time on rows, arrays of equal length; an interval holds both its ends.

    Args:
        row: which row each is on; EVERY_ROW = all of them.
        start_milliseconds: since the epoch.
        end_milliseconds: not before the start.
    """

    row: IntegerArray
    start_milliseconds: IntegerArray
    end_milliseconds: IntegerArray


@dataclass(frozen=True, eq=False)
class Alarms:
    """The alarms of some verdicts, one entry each, by row and then by time.

    Args:
        spans: from the first to the last sample that the alarm was on at.
        direction: +1 above, -1 below, 0 neither.
        return_period_seconds: of its rarest sample; NaN where none can say.
        score: of that sample.
        view: index into `views.VIEWS` of what was rarest then; -1 = groups, cannot say.
    """

    spans: Spans
    direction: SmallIntegerArray
    return_period_seconds: FloatArray
    score: FloatArray
    view: SmallIntegerArray

    def __len__(self) -> int:
        return len(self.score)


def alarms_of(verdicts: Verdicts) -> Alarms:
    """Return the alarms of verdicts, as many as `episodes.distinct_alarms` tells apart."""
    on = np.flatnonzero(verdicts.severity > 0)
    keys = alarm_keys(
        verdicts.row[on],
        verdicts.episode_start_milliseconds[on],
        verdicts.timestamp_milliseconds[on],
    )
    spans, alarm = spans_of(keys, verdicts.timestamp_milliseconds[on])
    rarest = on[_highest(verdicts.score[on], alarm)]
    return Alarms(
        spans,
        verdicts.episode_direction[rarest],
        verdicts.return_period_seconds[rarest],
        verdicts.score[rarest],
        verdicts.view[rarest],
    )


def joined(parts: Sequence[Alarms], offsets: Sequence[int]) -> Alarms:
    """Return the alarms of several parts as one list; the rows of each count from its offset."""
    spans = [
        each.spans._replace(row=each.spans.row + offset)
        for each, offset in zip(parts, offsets, strict=True)
    ]
    return Alarms(
        Spans(*(np.concatenate(column) for column in zip(*spans, strict=True))),
        np.concatenate([each.direction for each in parts]),
        np.concatenate([each.return_period_seconds for each in parts]),
        np.concatenate([each.score for each in parts]),
        np.concatenate([each.view for each in parts]),
    )


def spans_of(keys: IntegerArray, timestamp_milliseconds: IntegerArray) -> tuple[Spans, AnyArray]:
    """Return the interval that each distinct key (n, n_columns) covers, and each sample's own.

    The first column of a key is its row.
    """
    distinct, own = np.unique(keys, axis=0, return_inverse=True)
    own = own.reshape(-1)
    start = np.full(len(distinct), np.iinfo(np.int64).max)
    end = np.full(len(distinct), np.iinfo(np.int64).min)
    np.minimum.at(start, own, timestamp_milliseconds)
    np.maximum.at(end, own, timestamp_milliseconds)
    return Spans(distinct[:, 0], start, end), own


def _highest(score: FloatArray, owner: AnyArray) -> IntegerArray:
    """Return the place of each owner's first highest score; unknown ones come last."""
    height = np.where(np.isnan(score), -np.inf, score)
    order = np.lexsort((np.arange(len(score)), -height, owner))
    is_first = np.append(True, np.diff(owner[order]) != 0)[: len(order)]
    highest: IntegerArray = order[is_first]
    return highest
