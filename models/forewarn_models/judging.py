"""Judging one sample against what is remembered: each view's decades, and the verdict.

Nothing here changes what is remembered, but for the counts of how deviations crowd.
"""

from math import isfinite, isnan, log, log10, nan

from forewarn_models.arrays import AnyArray, FloatArray
from forewarn_models.compiled import compiled
from forewarn_models.layout import (
    ABOVE,
    ACCOUNTS,
    BELOW,
    CHANGES,
    CLUSTER,
    CLUSTERS,
    CROWDING,
    DAY_MEAN,
    DECADES,
    DEVIATIONS,
    EXCEEDANCES,
    HOUR_COUNTS,
    HOUR_MEANS,
    IN_NOISE,
    LAST,
    LEARNED,
    LONG_MEAN,
    LONGEST,
    MOVING,
    N_CHANNELS,
    N_CLUSTER,
    N_WINDOWS,
    NOISE,
    NOVEL_DEVIATION,
    NOVEL_DRIFT,
    NOVEL_LEVEL,
    NOVEL_SEASON,
    NOVEL_UNREST,
    NOVEL_VALUE,
    PARTS,
    PEAKS,
    QUIET,
    RISING,
    RUN,
    SEEN,
    SHORT_MEAN,
    SIGNS,
    TAIL,
    UNREST_NOW,
    UNREST_USUAL,
    USUAL,
    WEEK_MEAN,
)
from forewarn_models.noise import (
    FEWEST,
    HOURS,
    N_CARRIED,
    N_LEARNED,
    RECENT,
    TOTAL,
    in_noise,
    recurring,
    trust_in,
    usual_size,
)
from forewarn_models.novelty import N_INTERVALS, N_PARTS, gap_share, novelty_decades
from forewarn_models.rules import Rules
from forewarn_models.tails import N_TAIL, size_decades
from forewarn_models.views import (
    CHANGE,
    DISCOUNTS,
    DRIFT,
    LEVEL_VIEW,
    N_VIEWS,
    SEASON,
    STUCK,
    UNREST,
    VALUE,
)
from forewarn_models.windows import FILLED, LEAST_FILLED, N_ACCOUNT, SLOTS, middle

LOG_EVERY = 4  # samples, of which one is learned from in logarithms
_ORDINARY = 1.3  # decades of samples below which no logarithm can matter
_CROWD_DECADES = 2.2  # how rare a deviation must be for its crowding to be counted
_STUCK_STEPS, _STUCK_SECONDS = 6.0, 1_800.0  # that a value must stay at least
_STUCK_CHANGES = 30.0  # that a series must have shown before standing still is news
_STUCK_POWER = 3.0  # of the return period with the length of the stay
UNREST_FLOOR = 0.05  # of what is usual: calm below this is not told apart
_DEVIATION_GAIN = 0.3  # decades that a new deviation counts for more than a new value
# Days that must be watched before the means of these things mean something.
DEVIATION_DAYS, SEASON_DAYS, UNREST_DAYS = 1.0, 3.0, 1.0
DRIFT_DAYS = 7.0  # and as many more before any is told: a week has drifts of its own
_SECONDS_A_DAY = 86_400.0
_DAY_DECADES = log10(_SECONDS_A_DAY)
_ALIKE = 1.25  # times as large as one that came back every day, and still the same


@compiled
def look_up(exact: FloatArray, rough: AnyArray, work: FloatArray, hour: int) -> None:
    """Write the mean sizes of deviations that are usual at this hour, and now."""
    trust = trust_in(rough[HOUR_COUNTS + hour])
    for channel in range(N_CHANNELS + 1):
        mean = rough[HOUR_MEANS + channel * HOURS + hour]
        usual = usual_size(mean, trust, exact, LEARNED + channel * N_LEARNED)
        work[USUAL + channel] = max(usual, exact[NOISE + channel * N_CARRIED + RECENT])


@compiled
def judge_windows(
    exact: FloatArray,
    work: FloatArray,
    value: float,
    profiles: tuple[float, float, float],
    offset: float,
) -> None:
    """Write the decades of samples of the changes against both windows, and their sizes.

    `profiles` are now, and at the middle of each window. The logarithm is taken where the
    change is large enough for it to matter, and of one sample in four, to learn from.
    """
    has_log = isfinite(offset)
    is_learned = int(exact[SEEN]) % LOG_EVERY == 0
    own_log = nan
    for window in range(N_WINDOWS):
        channel = window + N_WINDOWS
        work[DEVIATIONS + window] = work[DEVIATIONS + channel] = nan
        work[DECADES + CHANGE + window] = work[SIGNS + CHANGE + window] = 0.0
        n = int(exact[ACCOUNTS + window * N_ACCOUNT + FILLED])
        if n < LEAST_FILLED:
            continue
        center = middle(work, RISING + window * SLOTS, n)
        change = value - center
        excuse = _excused(change, profiles[0] - profiles[1 + window])
        size = abs(change)
        work[DEVIATIONS + window] = size
        decades = _size_decades(exact, work, window, size, abs(change - excuse))
        if has_log and (is_learned or decades > _ORDINARY):
            if isnan(own_log):
                own_log = log(max(value, 0.0) + offset)
            size = judged = abs(own_log - log(max(center, 0.0) + offset))
            if is_learned:
                work[DEVIATIONS + channel] = size
            if excuse != 0.0:
                judged = abs(own_log - log(max(center + excuse, 0.0) + offset))
            decades = min(decades, _size_decades(exact, work, channel, size, judged))
        work[DECADES + CHANGE + window] = decades
        work[SIGNS + CHANGE + window] = 1.0 if change > 0.0 else -1.0


@compiled
def _excused(change: float, foretold: float) -> float:
    """Return how much of a change the profile foretold; what it did not foretell is no excuse."""
    if change * foretold <= 0.0:
        return 0.0
    return change if abs(foretold) > abs(change) else foretold


@compiled
def _size_decades(
    exact: FloatArray, work: FloatArray, channel: int, size: float, judged: float
) -> float:
    """Return how rare the size `judged` is; noted is `size`, of which nothing was excused."""
    work[IN_NOISE + channel] = noted = in_noise(size, work[USUAL + channel])
    if exact[LEARNED + channel * N_LEARNED + TOTAL] < FEWEST:
        return 0.0
    if judged != size:
        noted = in_noise(judged, work[USUAL + channel])
    return size_decades(noted, exact, TAIL + channel * N_TAIL, exact[MOVING])


@compiled
def count_crowds(exact: FloatArray, work: FloatArray, rules: Rules) -> None:
    """Turn decades of samples into decades of seconds between clusters of them."""
    for window in range(N_WINDOWS):
        cluster = CLUSTER + window * N_CLUSTER
        decades = work[DECADES + CHANGE + window]
        if decades < _CROWD_DECADES:
            exact[cluster + QUIET] += 1.0
        else:
            exact[cluster + EXCEEDANCES] += 1.0
            if exact[cluster + QUIET] >= rules.cluster_gap:
                exact[cluster + CLUSTERS] += 1.0
            exact[cluster + QUIET] = 0.0
        decades += rules.step_decades + exact[cluster + CROWDING]
        work[DECADES + CHANGE + window] = decades


@compiled
def excuse_daily(rough: AnyArray, work: FloatArray, hour: int) -> None:
    """Call no change rarer than a day that came about this hour on each of the last days."""
    for window in range(N_WINDOWS):
        if work[DECADES + CHANGE + window] > _DAY_DECADES:
            size = work[DEVIATIONS + window]
            if size <= _ALIKE * recurring(rough, PEAKS, hour):
                work[DECADES + CHANGE + window] = _DAY_DECADES


@compiled
def novel_places(novel: int) -> tuple[int, int, int]:
    """Return where the counts and the ends of the intervals of one watched thing begin."""
    return PARTS + novel * N_PARTS, BELOW + novel * N_INTERVALS, ABOVE + novel * N_INTERVALS


@compiled
def _novel(exact: FloatArray, novel: int, value: float, days: float) -> float:
    return novelty_decades(gap_share(exact, novel_places(novel), value), days)


@compiled
def watched_days(exact: FloatArray, rules: Rules) -> float:
    """Return for how many days' worth of samples a series was watched."""
    return float(exact[SEEN]) * rules.step_seconds / _SECONDS_A_DAY


@compiled
def drift_now(exact: FloatArray) -> float:
    """Return how far the mean of the last day lies from that of the last week."""
    return float(exact[DAY_MEAN] - exact[WEEK_MEAN])


@compiled
def judge_novelty(
    exact: FloatArray, work: FloatArray, value: float, expected: float, rules: Rules
) -> None:
    """Write the decades of the views that ask whether something was ever seen."""
    days, error = watched_days(exact, rules), value - expected
    sign = 1.0 if error >= 0.0 else -1.0
    for view in range(VALUE, STUCK):
        work[DECADES + view], work[SIGNS + view] = 0.0, sign
    decades = _novel(exact, NOVEL_VALUE, value, days)
    if decades > 0.0:
        # a series that grows shows new values all the time, but no new deviations
        other = _novel(exact, NOVEL_DEVIATION, error, days - DEVIATION_DAYS)
        work[DECADES + VALUE] = min(decades, other + _DEVIATION_GAIN)
    if _goes_on(error, exact[LONG_MEAN] - expected):
        work[DECADES + LEVEL_VIEW] = _novel(exact, NOVEL_LEVEL, exact[LONG_MEAN], days)
    if _goes_on(error, exact[SHORT_MEAN]):
        season = _novel(exact, NOVEL_SEASON, exact[SHORT_MEAN], days - SEASON_DAYS)
        work[DECADES + SEASON] = season
    now, usual = exact[UNREST_NOW], exact[UNREST_USUAL]
    if usual > 0.0 and (now < usual or 2.0 * abs(value - exact[LAST]) >= now):
        unrest = log(now / usual + UNREST_FLOOR)
        work[DECADES + UNREST] = _novel(exact, NOVEL_UNREST, unrest, days - UNREST_DAYS)
        work[SIGNS + UNREST] = 1.0 if now >= usual else -1.0
    drift = drift_now(exact)
    if _goes_on(value - exact[WEEK_MEAN], drift):
        work[DECADES + DRIFT] = _novel(exact, NOVEL_DRIFT, drift, days - 2.0 * DRIFT_DAYS)
        work[SIGNS + DRIFT] = 1.0 if drift >= 0.0 else -1.0


@compiled
def _goes_on(error: float, mean_error: float) -> bool:
    """Return whether a sample bears out what a mean says: after an event the mean lags behind."""
    return error * mean_error > 0.0 and 2.0 * abs(error) >= abs(mean_error)


@compiled
def judge_stuck(exact: FloatArray, work: FloatArray, value: float, rules: Rules) -> None:
    """Write the decades of a value that stays for longer than any before it."""
    work[DECADES + STUCK], work[SIGNS + STUCK] = 0.0, work[SIGNS + VALUE]
    if value != exact[LAST] or exact[CHANGES] < _STUCK_CHANGES:
        return
    run, longest = exact[RUN] + 1.0, exact[LONGEST]
    if run > max(_STUCK_STEPS, _STUCK_SECONDS / rules.step_seconds, longest):
        ratio = (run + 1.0) / (longest + 1.0)
        watched = log10(exact[SEEN]) + rules.step_decades
        work[DECADES + STUCK] = watched + _STUCK_POWER * log10(ratio)


@compiled
def discounted(work: FloatArray, view: int) -> float:
    """Return the decades that a view counts for."""
    return float(work[DECADES + view] - DISCOUNTS[view])


@compiled
def rarest(work: FloatArray, rules: Rules) -> tuple[float, int]:
    """Return the decades of the rarest view, and which it is."""
    best, which = rules.step_decades, CHANGE
    for view in range(N_VIEWS):
        if work[SIGNS + view] * rules.wanted < 0.0:
            continue
        decades = discounted(work, view)
        if decades > best:
            best, which = decades, view
    return best, which
