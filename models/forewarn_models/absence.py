"""Absence: how rare it is that a series is silent for as long as it is now.

What a series was never silent for is news; what it was is its own season of presence: a job that
is there at night only is missed when the night passes without it. The longest gap is a record of
the time watched, and a record is broken about once in that time: from there the return period
grows with the length of the silence, as it does for a value that stands still.

Of siblings only those are missed that left last: pods come and go, and while one of them lives, or
outlived the others, these are no news. A silence that lasts for a day longer than any before it is
forgotten: who switches a machine off for good shall not hear of it for ever.
"""

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, FloatArray, IntegerArray
from forewarn_models.contract import Absence, Carry
from forewarn_models.labels import Labels, group_of
from forewarn_models.layout import GAP, GAPS, LONGEST_GAP, SEEN

# Prometheus itself looks five minutes back, and restarts of machines and of their exporters take
# less; of coarse steps one or two are lost now and then, and six are not.
_LEAST_STEPS, _LEAST_SECONDS = 6.0, 300.0
_POWER = 3.0  # of the return period with the length of the silence, as of a value that stays
_FORGOTTEN_SECONDS = 86_400.0


def absence_of(
    carry: Carry,
    now_milliseconds: int,
    *,
    kin: IntegerArray,
    step_milliseconds: int,
    min_history: int,
) -> Absence:
    """Return how rare the present silence of each series is, and since when it lasts.

    Only slots that are over at `now` count. `kin` is (n_series,), equal numbers for siblings.
    """
    exact, step_seconds = carry.arrays["exact"], step_milliseconds / 1000.0
    ahead = (now_milliseconds - carry.next_milliseconds) // step_milliseconds
    silence = exact[:, GAP] + ahead
    known = np.maximum(exact[:, LONGEST_GAP], max(_LEAST_STEPS, _LEAST_SECONDS / step_seconds))
    is_news = (silence > known) & (silence <= known + _FORGOTTEN_SECONDS / step_seconds)
    is_missed = is_news & (exact[:, SEEN] >= min_history)
    if is_missed.any():
        is_missed &= _left_last(silence, exact[:, GAP] >= 0.0, kin)
    watched = (exact[:, SEEN] + exact[:, GAPS]) * step_seconds
    longer = np.maximum(silence + 1.0, 1.0) / (known + 1.0)
    since = carry.next_milliseconds - np.maximum(exact[:, GAP], 0.0) * step_milliseconds
    return Absence(np.where(is_missed, watched * longer**_POWER, 0.0), since.astype(np.int64))


def kin_of(series: tuple[Labels, ...], names: tuple[str, ...]) -> IntegerArray:
    """Return equal numbers for series with equal values of `names`; without any all are alone.

    >>> kin_of(((("pod", "a"), ("job", "x")), (("pod", "b"), ("job", "x"))), ("job",))
    array([0, 0])
    """
    if not names:
        return np.arange(len(series), dtype=np.int64)
    number: dict[Labels, int] = {}
    kin = [number.setdefault(group_of(labels, names), len(number)) for labels in series]
    return np.array(kin, dtype=np.int64)


def _left_last(silence: AnyArray, has_begun: BooleanArray, kin: IntegerArray) -> BooleanArray:
    shortest: FloatArray = np.full(int(kin.max(initial=-1)) + 1, np.inf)
    np.minimum.at(shortest, kin[has_begun], silence[has_begun])
    out: BooleanArray = silence <= shortest[kin]
    return out
