"""Letting what is remembered take in a sample that was judged."""

from math import isfinite, log, log10

from forewarn_models.arrays import AnyArray, FloatArray
from forewarn_models.baseline import edge_after, moved
from forewarn_models.compiled import compiled
from forewarn_models.judging import (
    DEVIATION_DAYS,
    DRIFT_DAYS,
    LOG_EVERY,
    SEASON_DAYS,
    UNREST_DAYS,
    UNREST_FLOOR,
    discounted,
    drift_now,
    novel_places,
    watched_days,
)
from forewarn_models.layout import (
    ACCOUNTS,
    CHANGES,
    CLUSTER,
    CLUSTERS,
    CROWDING,
    DAY_MEAN,
    DEVIATIONS,
    DRIFT_TOLD,
    EDGE_HIGH,
    EDGE_LOW,
    EXCEEDANCES,
    GAP,
    GAPS,
    HOUR_COUNTS,
    HOUR_MEANS,
    IN_BLOCK,
    IN_DRIFT_BLOCK,
    IN_NOISE,
    LAST,
    LAST_HOUR,
    LEARNED,
    LEVEL,
    LEVEL_RUN,
    LONG_MEAN,
    LONGEST,
    LONGEST_GAP,
    MOVING,
    N_CHANNELS,
    N_CLUSTER,
    N_WINDOWS,
    NEXT_FIT,
    NOISE,
    NOVEL_DEVIATION,
    NOVEL_DRIFT,
    NOVEL_LEVEL,
    NOVEL_SEASON,
    NOVEL_UNREST,
    NOVEL_VALUE,
    PEAKS,
    RISING,
    RUN,
    SEASONAL,
    SEEN,
    SETTLING,
    SHORT_MEAN,
    SIZES,
    SLOT,
    TAIL,
    UNREST_NOW,
    UNREST_USUAL,
    USUAL,
    WAITING_RUN,
    WEEK_MEAN,
)
from forewarn_models.noise import (
    FEWEST,
    HOURS,
    MEAN,
    N_CARRIED,
    N_LEARNED,
    OF_MEAN,
    TOTAL,
    begin_hour,
    feel,
    hour_after,
    hour_gain,
    learn_size,
    note_peak,
)
from forewarn_models.novelty import MAIN, SECOND, add, gap_share, pass_block
from forewarn_models.rules import Rules
from forewarn_models.tails import N_BINS, N_TAIL, bin_of, fit_tail
from forewarn_models.views import DRIFT, LEVEL_VIEW
from forewarn_models.windows import N_ACCOUNT, SLOTS, push

_CROWD_PRIOR = 2.0
# Decades of seconds, after discounts, from which a level or a drift counts as told.
_NEWS = 6.4  # once in 29 days
_HOUR_SECONDS = 3_600.0
_SETTLED = 4_000.0  # samples after which tails change slowly


@compiled
def enter_hour(exact: FloatArray, rough: AnyArray, hour: int) -> None:
    """Begin an hour at its first sample, before that is judged."""
    if hour != exact[LAST_HOUR]:
        begin_hour(rough, PEAKS, hour)
        exact[LAST_HOUR] = hour


@compiled
def spread_now(work: FloatArray) -> float:
    """Return the standard deviation of the noise around the baseline."""
    return OF_MEAN * float(work[USUAL + SEASONAL])


@compiled
def remember(
    exact: FloatArray,
    rough: AnyArray,
    work: FloatArray,
    hour: int,
    sample: tuple[float, float],
    rules: Rules,
) -> None:
    """Take in a sample: its value, and what was expected."""
    value, expected = sample
    error, spread = value - expected, spread_now(work)
    work[DEVIATIONS + SEASONAL] = abs(error)
    if spread > 0.0:
        exact[EDGE_LOW] = edge_after(exact[EDGE_LOW], -error / spread)
        exact[EDGE_HIGH] = edge_after(exact[EDGE_HIGH], error / spread)
    move, exact[LEVEL_RUN] = moved(error, spread, exact[LEVEL_RUN], rules.level)
    exact[LEVEL] += move
    _remember_sizes(exact, rough, work, hour, rules)
    push(exact, (ACCOUNTS, SLOT), work, RISING, value, rules.fast)
    places = ACCOUNTS + N_ACCOUNT, SLOT + SLOTS
    push(exact, places, work, RISING + SLOTS, value, rules.slow)
    _remember_means(exact, value, error, rules)
    _remember_novelty(exact, value, error, rules)
    _remember_drift(exact, work, rules)
    if exact[GAP] > 0.0:
        exact[LONGEST_GAP] = max(exact[LONGEST_GAP], exact[GAP])
        exact[GAPS] += exact[GAP]
    exact[GAP] = 0.0
    if exact[SEEN] >= exact[NEXT_FIT]:
        fit_tails(exact, rough)
        hours = 1.0 if exact[SEEN] < _SETTLED else 4.0
        most = hours * _HOUR_SECONDS / rules.step_seconds
        exact[NEXT_FIT] = exact[SEEN] + max(1.0, min(most, exact[SEEN] / 8.0))


@compiled
def _remember_sizes(
    exact: FloatArray, rough: AnyArray, work: FloatArray, hour: int, rules: Rules
) -> None:
    count = rough[HOUR_COUNTS + hour]
    hour_share = hour_gain(count, rules.fast_gains)
    usual = rules.fast_gains.usual
    for channel in range(N_CHANNELS + 1):
        size = work[DEVIATIONS + channel]
        if not isfinite(size):
            continue
        learned = LEARNED + channel * N_LEARNED
        if channel != SEASONAL and exact[learned + TOTAL] >= FEWEST:
            place = bin_of(work[IN_NOISE + channel])
            if place >= 0:
                rough[SIZES + channel * N_BINS + place] += 1.0
        is_log = N_WINDOWS <= channel < N_CHANNELS
        gains = rules.fast_gains if channel % N_WINDOWS == 0 else rules.slow_gains
        feel(size, work[USUAL + channel], exact, NOISE + channel * N_CARRIED, gains)
        times = float(LOG_EVERY) if is_log else 1.0
        gain = min(max(1.0 / (exact[learned + TOTAL] + 1.0), usual * times), 1.0)
        learn_size(size, exact, learned, gain, usual * times)
        place = HOUR_MEANS + channel * HOURS + hour
        share = min(hour_share * times, 1.0)
        rough[place] = hour_after(size, rough[place], share, exact[learned + MEAN])
    if isfinite(work[DEVIATIONS + N_WINDOWS - 1]):  # an hour counts once all of it can be seen
        rough[HOUR_COUNTS + hour] = count + 1.0
    if isfinite(work[DEVIATIONS]):
        note_peak(rough, PEAKS, work[DEVIATIONS], hour)


@compiled
def _remember_means(exact: FloatArray, value: float, error: float, rules: Rules) -> None:
    early = 1.0 / (exact[SEEN] + 1.0)
    change = abs(value - exact[LAST]) if exact[SEEN] > 0.0 else 0.0
    exact[LONG_MEAN] += max(early, rules.long) * (value - exact[LONG_MEAN])
    exact[SHORT_MEAN] += max(early, rules.short) * (error - exact[SHORT_MEAN])
    exact[DAY_MEAN] += max(early, rules.day) * (value - exact[DAY_MEAN])
    exact[WEEK_MEAN] += max(early, rules.week) * (value - exact[WEEK_MEAN])
    exact[UNREST_NOW] += max(early, rules.unrest) * (change - exact[UNREST_NOW])
    exact[UNREST_USUAL] += max(early, rules.week) * (change - exact[UNREST_USUAL])
    is_moving = 0.0 if value == exact[LAST] else 1.0
    exact[MOVING] += max(early, rules.unrest) * (is_moving - exact[MOVING])
    if is_moving == 0.0:
        exact[RUN] += 1.0
    else:
        exact[LONGEST] = max(exact[LONGEST], exact[RUN])
        exact[RUN] = exact[WAITING_RUN] = 0.0
        exact[CHANGES] += 1.0
    exact[LAST] = value
    exact[SEEN] += 1.0


@compiled
def _remember_novelty(exact: FloatArray, value: float, error: float, rules: Rules) -> None:
    days = watched_days(exact, rules)
    _wait(exact, NOVEL_VALUE, value)
    _wait(exact, NOVEL_LEVEL, exact[LONG_MEAN])
    if days > DEVIATION_DAYS:
        _wait(exact, NOVEL_DEVIATION, error)
    if days > SEASON_DAYS:
        _wait(exact, NOVEL_SEASON, exact[SHORT_MEAN])
    if days > UNREST_DAYS and exact[UNREST_USUAL] > 0.0:
        _wait(exact, NOVEL_UNREST, log(exact[UNREST_NOW] / exact[UNREST_USUAL] + UNREST_FLOOR))
    exact[IN_BLOCK] += 1.0
    if exact[IN_BLOCK] < rules.block:
        return
    exact[IN_BLOCK] = 0.0
    exact[LONGEST] = max(exact[LONGEST], exact[WAITING_RUN])
    exact[WAITING_RUN] = exact[RUN]
    for novel in range(NOVEL_DRIFT):
        pass_block(exact, novel_places(novel))


@compiled
def _remember_drift(exact: FloatArray, work: FloatArray, rules: Rules) -> None:
    """Take in how far the last day lies from the last week, late; at once while that settles."""
    if watched_days(exact, rules) <= DRIFT_DAYS:
        return
    _settle(exact, work, rules)
    drift, places = drift_now(exact), novel_places(NOVEL_DRIFT)
    if exact[SETTLING] > 0.0:
        add(exact, places, MAIN, drift, drift)
        return
    _wait(exact, NOVEL_DRIFT, drift)
    exact[IN_DRIFT_BLOCK] += 1.0
    if exact[IN_DRIFT_BLOCK] >= rules.drift_block:
        exact[IN_DRIFT_BLOCK] = 0.0
        pass_block(exact, places)


@compiled
def _settle(exact: FloatArray, work: FloatArray, rules: Rules) -> None:
    """Let drifts settle for a day: after a new level, which says it all, or once they were told."""
    if discounted(work, DRIFT) > _NEWS:
        exact[DRIFT_TOLD] += 1.0
    if discounted(work, LEVEL_VIEW) > _NEWS or exact[DRIFT_TOLD] >= rules.drift_told:
        exact[SETTLING], exact[DRIFT_TOLD] = rules.drift_block, 0.0
    elif exact[SETTLING] > 0.0:
        exact[SETTLING] -= 1.0


@compiled
def _wait(exact: FloatArray, novel: int, value: float) -> None:
    places = novel_places(novel)
    if exact[places[0] + MAIN] == 0.0 or gap_share(exact, places, value) > 0.0:
        add(exact, places, SECOND, value, value)


@compiled
def fit_tails(exact: FloatArray, rough: AnyArray) -> None:
    """Write the tails of all channels, and how deviations crowd, from their counts."""
    for channel in range(N_CHANNELS):
        judged = max(exact[LEARNED + channel * N_LEARNED + TOTAL] - FEWEST, 0.0)
        fit_tail(rough, SIZES + channel * N_BINS, judged, exact, TAIL + channel * N_TAIL)
    for window in range(N_WINDOWS):
        cluster = CLUSTER + window * N_CLUSTER
        samples = exact[cluster + EXCEEDANCES] + _CROWD_PRIOR
        exact[cluster + CROWDING] = log10(samples / (exact[cluster + CLUSTERS] + _CROWD_PRIOR))
