"""Slow, obvious versions of the detector's compiled kernels, and of its whole walk.

A series is an object with named parts. Only numbers that may still be tuned, and the places of
columns, are shared with the code under test. At the end: the compiled walk, called as the detector
calls it.
"""

import math
from collections import deque
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np
from hypothesis import settings

from forewarn_models import baseline, judging, noise, novelty, remembering, tails, walk
from forewarn_models import layout as at
from forewarn_models.calendar import UTC, hours_of
from forewarn_models.rules import rules_of
from forewarn_models.seasons import NO_SEASON, cycles_of, first_bins
from forewarn_models.views import DISCOUNTS, N_VIEWS
from forewarn_models.windows import COUNT, FILLED, LEAST_FILLED, N_ACCOUNT, NEXT, SLOTS, SUM
from strategies import START

# Without compilation numpy mixes the two precisions by other rules: then all is double.
SINGLE = np.float64 if numba.config.DISABLE_JIT else np.float32
# The first call of a kernel waits for its compilation.
patient = settings(deadline=None, max_examples=50)


# Windows


class Window:
    def __init__(self, span):
        self.samples_a_slot = span.samples_a_slot
        self.longest_gap = span.n_slots * span.samples_a_slot
        self.waiting = []
        self.slots = deque(maxlen=span.n_slots)

    def push(self, value):
        self.waiting.append(value)
        if len(self.waiting) == self.samples_a_slot:
            self.slots.append(sum(self.waiting) / len(self.waiting))
            self.waiting = []

    def empty(self):
        self.waiting = []
        self.slots.clear()

    def median(self):
        return float(np.median(self.slots))


# Noise


def in_noise(size, usual):
    if size == 0:
        return 0.0
    return min(size / (1.25 * usual), noise._LARGEST) if usual > 0 else noise._LARGEST


def mixed(old, new, share):
    return old + share * (new - old)


class Sizes:
    """How large the deviations of one channel were."""

    def __init__(self):
        self.mean = self.resting = self.moving_mean = self.n_moving = self.total = 0.0
        self.recent = self.waiting = 0.0
        self.block = []
        self.hour_means = np.zeros(noise.HOURS, SINGLE)
        self.counts = np.zeros(tails.N_BINS)
        self.tail = tail_of(self.counts, 0)

    def usual(self, hour, hour_count):
        trust = hour_count / (hour_count + noise._TRUST)
        mean = mixed(self.mean, float(self.hour_means[hour]), trust)
        mean = max(mean, noise._CALMEST * self.mean)
        return max(mean, self.moving_mean) if self.resting > noise._MOSTLY else mean

    def feel(self, size, usual, gains):
        self.block.append(size)
        if len(self.block) == gains.block:
            most = noise._FELT * max(self.recent, usual)
            self.recent = mixed(self.recent, min(self.waiting, most), gains.recent)
            self.waiting = sum(self.block) / len(self.block)
            self.block = []

    def learn(self, size, gain, usual_gain):
        self.total += 1
        first = self.mean == 0
        self.mean = mixed(self.mean, size if first else min(size, noise._FELT * self.mean), gain)
        rests = size <= noise._NOTHING * self.mean
        self.resting = mixed(self.resting, float(rests), gain)
        if not rests:
            self.n_moving += 1
            felt = min(size, noise._FELT * self.moving_mean) if self.n_moving > 5 else size
            share = max(5 * usual_gain, 1 / self.n_moving)
            self.moving_mean = mixed(self.moving_mean, felt, share)

    def learn_hour(self, hour, size, share):
        old = float(self.hour_means[hour])
        felt = min(size, noise._FELT * old + noise._A_LITTLE * self.mean)
        new = min(size, noise._FELT * self.mean) if share == 1 else mixed(old, felt, share)
        self.hour_means[hour] = new


def hour_share(hour_count, gains):
    return max(1 / (1 + hour_count), min(0.5, gains.hour))


class Peaks:
    """The largest deviations of each hour: of today, of yesterday, and so on."""

    def __init__(self):
        self.days = [deque([0.0] * (noise.DAYS + 1), noise.DAYS + 1) for _ in range(noise.HOURS)]
        self.last_hour = 0

    def begin(self, hour):
        if hour != self.last_hour:
            self.days[hour].appendleft(0.0)
        self.last_hour = hour

    def note(self, size, hour):
        self.days[hour][0] = max(self.days[hour][0], size)

    def recurring(self, hour):
        before, now, after = (list(self.days[(hour + n) % noise.HOURS]) for n in (-1, 0, 1))
        return min(map(max, zip(before[1:], now[1:], after[:-1], strict=True)))


# Tails

_OCTAVES = 2.0 ** np.arange(tails._LOWEST_EXPONENT - 1, 61)
_QUARTERS = 1 + np.arange(tails._A_OCTAVE) / tails._A_OCTAVE
EDGES = np.outer(_OCTAVES, _QUARTERS).ravel()[: tails.N_BINS + 1]


class Tail(NamedTuple):
    start: float
    outer: float
    scale: float
    shape: float
    share: float
    body: float
    reach: float


def bin_of(size):
    return int(np.searchsorted(EDGES[:-1], size, side="right")) - 1


def exceeded_by(counts, wanted):
    """The size that `wanted` deviations exceed, if each bin's are spread evenly in it."""
    from_here = np.cumsum(counts[::-1])[::-1]
    holding = np.flatnonzero((from_here >= wanted) & (counts > 0))
    if not len(holding):
        return 0.0
    place = holding[-1]
    share = (wanted - (from_here[place] - counts[place])) / counts[place]
    return EDGES[place + 1] - share * (EDGES[place + 1] - EDGES[place])


def pareto_decades(size, start, scale, shape):
    return math.log1p(shape * (size - start) / scale) / shape / math.log(10)


def tail_of(counts, n):
    """The tail of `n` deviations, of which those that are counted were something."""
    some = counts.sum()
    if some == 0:
        (start, scale, shape), outer, share = tails._NEVER_MOVED, 2.0, tails._NEVER_MOVED_SHARE
    else:
        share = some / n if some < (1 - tails._RESTING) * n else 1.0
        n = some if share < 1 else n
        levels = tails._INNER, tails._MIDDLE, tails._OUTER
        start, middle, outer = (exceeded_by(counts, level * n) for level in levels)
        scale, shape = _pareto(start, middle, outer, n)
    outer = max(outer, start + 1e-9)
    body = -math.log10(tails._INNER * share)
    reach = pareto_decades(outer, start, scale, shape)
    return Tail(start, outer, scale, shape, share, body, reach)


def _pareto(start, middle, outer, n):
    near, far = max(middle - start, 1e-3 * middle + 1e-12), max(outer - middle, 1e-12)
    seen = math.log(far / near) / math.log(tails._MIDDLE / tails._OUTER)
    beyond = tails._OUTER * n
    shape = beyond * seen + tails._SHAPE_TRUST * tails._SHAPE_PRIOR
    shape = np.clip(shape / (beyond + tails._SHAPE_TRUST), tails._LEAST_SHAPE, tails._LARGEST_SHAPE)
    scale = (middle - start) * shape / ((tails._INNER / tails._MIDDLE) ** shape - 1)
    return max(scale, tails._LEAST_SCALE * middle, 1e-9), shape


def size_decades(size, tail, moving):
    body = -math.log10(tails._INNER * max(tail.share, moving))
    if size > tail.outer:
        return body + pareto_decades(size, tail.start, tail.scale, tail.shape)
    knots = [0.0, tail.start, tail.outer], [0.0, body, body + tail.reach]
    return float(np.interp(size, *knots))


# Novelty


class Intervals:
    """What was seen of one thing: known, and in the two blocks that wait."""

    def __init__(self):
        self.known, self.older, self.newer = [], [], []

    def range(self):
        return self.known[-1][1] - self.known[0][0] if self.known else 0.0

    def added(self, held, low, high, most):
        """`held` with the interval from `low` to `high`, in at most `most` intervals."""
        alike = novelty._ALIKE * self.range()
        below = [i for i in held if i[1] + alike < low]
        above = held[len(below) :]
        while above and above[0][0] - alike <= high:
            near, *above = above
            low, high = min(low, near[0]), max(high, near[1])
        held, new = [*below, (low, high), *above], len(below)
        if len(held) > most:
            gaps = [b[0] - a[1] for a, b in pairwise(held)]
            place = min(range(most), key=lambda i: (gaps[i], i not in {new - 1, new}, i))
            one = held[place][0], held[place + 1][1]
            held = [*held[:place], one, *held[place + 2 :]]
        return held

    def learn(self, value):
        if not self.known or self.gap_share(value) > 0:
            self.newer = self.added(self.newer, value, value, novelty.WAITING)

    def pass_block(self):
        for low, high in self.older:
            self.known = self.added(self.known, low, high, novelty.KNOWN)
        self.older, self.newer = self.newer, []

    def gap_share(self, value):
        if not self.known:
            return 0.0
        gap = min(max(low - value, value - high, 0.0) for low, high in self.known)
        if gap == 0:
            return 0.0
        return min(gap / self.range(), novelty._WIDEST) if self.range() > 0 else 1.0

    def decades(self, value, days):
        return novelty_decades(self.gap_share(value), days)


def novelty_decades(share, days):
    if share == 0 or days <= 0:
        return 0.0
    growth = (np.clip(days, 1e-3, novelty._MOST_DAYS) / novelty._WATCHED_DAYS) ** novelty._GROWTH
    return max(0.0, novelty._WHOLE_RANGE + math.log10(share) + math.log10(growth))


# The baseline


def at_phase(center, place, cycles, kind, t):
    lower, upper = (center[place + bins[kind, cycles.lead + t]] for bins in cycles[:2])
    return float(lower) + float(cycles.weight[kind, cycles.lead + t]) * float(upper - lower)


def bounded(error, most):
    return max(-most, min(error, most))


def moved(error, spread, run, gains):
    """How far the level moves on an error, and how one-sided errors are now."""
    if spread == 0:
        return gains.level * error, run
    clip = baseline._CLIP * spread
    run = mixed(run, bounded(error, clip) / clip, gains.run)
    return gains.level * bounded(error, clip / max(1 - abs(run), 1e-3)), run


def edge_after(edge, size):
    missed = (size > edge) * (baseline._FAR_COUNTS if size > baseline._FAR * edge else 1)
    return edge + edge * baseline._EDGE_GAIN * (missed - baseline._MISSES)


class Kind:
    """One cycle that is tried, with a level of its own; its profile is among those of all."""

    def __init__(self, level):
        self.level, self.run, self.loss, self.judged = level, 0.0, 0.0, 0

    def judge(self, error, spread, gains):
        self.judged += 1
        most = 2 * baseline._FELT * spread or math.inf
        self.loss = mixed(self.loss, min(abs(error), most), max(1 / self.judged, gains.loss))

    def follow(self, error, spread, total, gains):
        if total < 1 / gains.level:
            self.level += bounded(error, baseline._FELT * spread or math.inf) / (total + 1)
        else:
            move, self.run = moved(error, spread, self.run, gains)
            self.level += move


def follow_phase(centers, counts, place, height, spread, least_gain):
    counts[place] += 1
    rest = height - float(centers[place])
    if counts[place] > 1 and spread > 0:
        rest = bounded(rest, baseline._FELT * spread)
    centers[place] = centers[place] + np.float64(max(least_gain, 1 / float(counts[place])) * rest)


class Trial:
    """All cycles of one series, walked side by side."""

    def __init__(self, cycles, n_bins, rules):
        self.cycles, self.gains = cycles, rules.level
        self.centers, self.counts = np.zeros(n_bins, SINGLE), np.zeros(n_bins, SINGLE)
        self.kinds = [Kind(0.0) for _ in cycles.gain]

    def learn(self, value, t, spread, total):
        for number, kind in enumerate(self.kinds):
            length = self.cycles.length[number]
            error = value - at_phase(self.centers, 0, self.cycles, number, t) - kind.level
            if total % 4 == 0 and total > baseline._CYCLES_SEEN * length:
                kind.judge(error, spread, self.gains)
            kind.follow(error, spread, total, self.gains)
            if length:
                place, gain = self._nearest(number, t), self.cycles.gain[number]
                height = value - kind.level
                follow_phase(self.centers, self.counts, place, height, spread, gain)

    def _nearest(self, number, t):
        column = self.cycles.lead + t
        is_upper = self.cycles.weight[number, column] > 0.5
        return (self.cycles.upper if is_upper else self.cycles.lower)[number, column]

    def best(self):
        return best_kind([(kind.loss, kind.judged) for kind in self.kinds])


def best_kind(judged):
    best = 0
    for number, (loss, n) in enumerate(judged):
        is_better = loss < baseline._WORTH * judged[best][0]
        best = number if number and n >= baseline._FEWEST_JUDGED and is_better else best
    return best


# The walk

WINDOWS, SEASONAL = (0, 1), 4
THINGS = "value", "deviation", "level", "season", "unrest", "drift"
VALUE, DEVIATION, LEVEL, SEASON, UNREST, DRIFT = THINGS


class Crowd:
    """How deviations of one window crowd together."""

    def __init__(self):
        self.exceedances = self.clusters = 0
        self.quiet = 1e9

    def count(self, decades, cluster_gap):
        if decades < judging._CROWD_DECADES:
            self.quiet += 1
            return
        self.exceedances += 1
        self.clusters += self.quiet >= cluster_gap
        self.quiet = 0

    def decades(self):
        prior = remembering._CROWD_PRIOR
        return math.log10((self.exceedances + prior) / (self.clusters + prior))


class Series:
    """Everything that is remembered of one series."""

    def __init__(self, rules, offset):
        self.rules, self.offset = rules, offset
        self.windows = Window(rules.fast), Window(rules.slow)
        self.sizes = [Sizes() for _ in range(5)]
        self.hour_counts = np.zeros(noise.HOURS)
        self.peaks = Peaks()
        self.crowds, self.crowding = (Crowd(), Crowd()), [0.0, 0.0]
        self.seen_of = {thing: Intervals() for thing in THINGS}
        self.seen = self.in_block = self.longest_gap = self.gaps = 0
        self.gap = at.NOT_BEGUN
        self.last = 0.0
        self.run = self.longest = self.waiting_run = self.changes = 0
        self.moving = self.level = self.level_run = 0.0
        self.edge_low = self.edge_high = baseline.FIRST_EDGE
        self.long_mean = self.short_mean = self.unrest_now = self.unrest_usual = 0.0
        self.day_mean = self.week_mean = 0.0
        self.in_drift_block = self.drift_told = self.settling = 0
        self.next_fit = walk._FIRST_FIT

    @property
    def days(self):
        return self.seen * self.rules.step_seconds / 86_400

    def usual(self, hour):
        """The mean sizes of deviations at an hour, of each channel."""
        return [max(s.usual(hour, self.hour_counts[hour]), s.recent) for s in self.sizes]

    def miss(self):
        self.gap += 1

    # What is said of a sample: (decades, sign) of each view, and what is noted of it.

    def judge(self, value, expected, profiles, usual):
        for window in self.windows:
            if self.gap > window.longest_gap:
                window.empty()
        noted = Noted(value, expected, usual)
        changes = [self._change(window, noted, profiles) for window in WINDOWS]
        views = [
            *(self._crowded(window, *changes[window]) for window in WINDOWS),
            *self._novel(noted),
        ]
        noted.is_new_level, noted.is_new_drift = (
            views[view][0] - DISCOUNTS[view] > remembering._NEWS for view in (3, 6)
        )
        return [*views, self._stuck(noted), (0.0, 0.0)], noted  # of its peers a walk says nothing

    def _change(self, window, noted, profiles):
        if len(self.windows[window].slots) < LEAST_FILLED:
            return 0.0, 0.0
        center = self.windows[window].median()
        change = noted.value - center
        excuse = excused(change, profiles[0] - profiles[1 + window])
        decades = self._rarity(window, noted, change, change - excuse)
        noted.deviations[window] = abs(change)
        is_learned = self.seen % judging.LOG_EVERY == 0
        if not math.isnan(self.offset) and (is_learned or decades > judging._ORDINARY):
            own, there, foretold = map(self._logarithm, (noted.value, center, center + excuse))
            if is_learned:
                noted.deviations[2 + window] = abs(own - there)
            decades = min(decades, self._rarity(2 + window, noted, own - there, own - foretold))
        return decades, math.copysign(1.0, change) if change else -1.0

    def _logarithm(self, value):
        return math.log(max(value, 0.0) + self.offset)

    def _rarity(self, channel, noted, change, judged):
        """Decades of the change `judged`; noted is all of the change."""
        usual = noted.usual[channel]
        noted.in_noise[channel] = in_noise(abs(change), usual)
        if self.sizes[channel].total < noise.FEWEST:
            return 0.0
        return size_decades(in_noise(abs(judged), usual), self.sizes[channel].tail, self.moving)

    def _crowded(self, window, decades, sign):
        self.crowds[window].count(decades, self.rules.cluster_gap)
        decades += math.log10(self.rules.step_seconds) + self.crowding[window]
        return decades, sign

    def excused(self, views, noted, hour):
        """A change that came about this hour on each of the last days is no rarer than a day."""
        day, again = math.log10(86_400), judging._ALIKE * self.peaks.recurring(hour)
        return [
            (min(decades, day), sign)
            if view in WINDOWS and noted.deviations[view] <= again
            else (decades, sign)
            for view, (decades, sign) in enumerate(views)
        ]

    def _novel(self, noted):
        side = 1.0 if noted.error >= 0 else -1.0
        now, usual = self.unrest_now, self.unrest_usual
        unrest = self._unrest(noted.value)
        return [
            (self._new_value(noted), side),
            (self._new_mean(LEVEL, noted.error, self.long_mean - noted.expected), side),
            (self._new_mean(SEASON, noted.error, self.short_mean), side),
            (unrest or 0.0, side if unrest is None else 1.0 if now >= usual else -1.0),
            self._drifted(noted.value, side),
        ]

    def _new_value(self, noted):
        decades = self.seen_of[VALUE].decades(noted.value, self.days)
        days = self.days - judging.DEVIATION_DAYS
        other = self.seen_of[DEVIATION].decades(noted.error, days)
        return min(decades, other + judging._DEVIATION_GAIN) if decades else 0.0

    def _new_mean(self, thing, error, mean_error):
        goes_on = error * mean_error > 0 and abs(error) >= abs(mean_error) / 2
        if not goes_on:
            return 0.0
        if thing == LEVEL:
            return self.seen_of[LEVEL].decades(self.long_mean, self.days)
        return self.seen_of[SEASON].decades(self.short_mean, self.days - judging.SEASON_DAYS)

    def _unrest(self, value):
        now, usual = self.unrest_now, self.unrest_usual
        is_calm = now < usual
        goes_on = is_calm or abs(value - self.last) >= now / 2
        if usual == 0 or not goes_on:
            return None
        days = self.days - judging.UNREST_DAYS
        return self.seen_of[UNREST].decades(math.log(now / usual + judging.UNREST_FLOOR), days)

    def _drifted(self, value, side):
        drift, away = self.day_mean - self.week_mean, value - self.week_mean
        goes_on = away >= drift / 2 if drift > 0 else away <= drift / 2
        if self.settling or not goes_on or drift == 0:
            return 0.0, side
        decades = self.seen_of[DRIFT].decades(drift, self.days - 2 * judging.DRIFT_DAYS)
        return decades, math.copysign(1.0, drift)

    def _stuck(self, noted):
        side = 1.0 if noted.error >= 0 else -1.0
        run = self.run + 1
        least = max(judging._STUCK_STEPS, judging._STUCK_SECONDS / self.rules.step_seconds)
        stays = noted.value == self.last and run > max(least, self.longest)
        if not stays or self.changes < judging._STUCK_CHANGES:
            return 0.0, side
        longer = ((run + 1) / (self.longest + 1)) ** judging._STUCK_POWER
        return math.log10(self.seen * self.rules.step_seconds * longer), side

    # What is learned of a sample that was judged.

    def learn(self, noted, hour):
        spread = 1.25 * noted.usual[SEASONAL]
        self._learn_baseline(noted.error, spread)
        noted.deviations[SEASONAL] = abs(noted.error)
        self._learn_sizes(noted, hour)
        for window in self.windows:
            window.push(noted.value)
        self._learn_means(noted)
        self._learn_run(noted.value)
        self.seen += 1
        passed = max(self.gap, 0)
        self.longest_gap, self.gaps = max(self.longest_gap, passed), self.gaps + passed
        self.last, self.gap = noted.value, 0
        self._learn_novelty(noted)
        if self.days > judging.DRIFT_DAYS:
            self._learn_drift(noted)
        if self.seen >= self.next_fit:
            self._fit()

    def _learn_baseline(self, error, spread):
        if spread > 0:
            self.edge_low = edge_after(self.edge_low, -error / spread)
            self.edge_high = edge_after(self.edge_high, error / spread)
        move, self.level_run = moved(error, spread, self.level_run, self.rules.level)
        self.level += move

    def _learn_sizes(self, noted, hour):
        gains = self.rules.fast_gains
        share = hour_share(self.hour_counts[hour], gains)
        for channel, size in enumerate(noted.deviations):
            if math.isnan(size):
                continue
            sizes, times = self.sizes[channel], judging.LOG_EVERY if channel in {2, 3} else 1
            if channel != SEASONAL and sizes.total >= noise.FEWEST:
                place = bin_of(noted.in_noise[channel])
                sizes.counts[place] += place >= 0
            block = self.rules.slow_gains if channel in {1, 3} else gains
            sizes.feel(size, noted.usual[channel], block)
            gain = max(1 / (1 + sizes.total), times * gains.usual)
            sizes.learn(size, min(1.0, gain), times * gains.usual)
            sizes.learn_hour(hour, size, min(1.0, times * share))
        if not math.isnan(noted.deviations[1]):
            self.hour_counts[hour] += 1
        if not math.isnan(noted.deviations[0]):
            self.peaks.note(noted.deviations[0], hour)

    def _learn_means(self, noted):
        early, rules = 1 / (1 + self.seen), self.rules
        change = abs(noted.value - self.last) if self.seen else 0.0
        is_moving = float(noted.value != self.last)
        self.long_mean = mixed(self.long_mean, noted.value, max(early, rules.long))
        self.short_mean = mixed(self.short_mean, noted.error, max(early, rules.short))
        self.unrest_now = mixed(self.unrest_now, change, max(early, rules.unrest))
        self.unrest_usual = mixed(self.unrest_usual, change, max(early, rules.week))
        self.day_mean = mixed(self.day_mean, noted.value, max(early, rules.day))
        self.week_mean = mixed(self.week_mean, noted.value, max(early, rules.week))
        self.moving = mixed(self.moving, is_moving, max(early, rules.unrest))

    def _learn_run(self, value):
        if value == self.last:
            self.run += 1
            return
        self.longest = max(self.longest, self.run)
        self.run = self.waiting_run = 0
        self.changes += 1

    def _learn_novelty(self, noted):
        now = {VALUE: noted.value, LEVEL: self.long_mean}
        if self.days > judging.DEVIATION_DAYS:
            now[DEVIATION] = noted.error
        if self.days > judging.SEASON_DAYS:
            now[SEASON] = self.short_mean
        if self.days > judging.UNREST_DAYS and self.unrest_usual > 0:
            now[UNREST] = math.log(self.unrest_now / self.unrest_usual + judging.UNREST_FLOOR)
        for thing, value in now.items():
            self.seen_of[thing].learn(value)
        self.in_block += 1
        if self.in_block == self.rules.block:
            self.in_block = 0
            self.longest, self.waiting_run = max(self.longest, self.waiting_run), self.run
            for thing in THINGS[:-1]:
                self.seen_of[thing].pass_block()

    def _learn_drift(self, noted):
        drift, seen = self.day_mean - self.week_mean, self.seen_of[DRIFT]
        self.drift_told += noted.is_new_drift
        self.settling = max(self.settling - 1, 0)
        if noted.is_new_level or self.drift_told == self.rules.drift_told:
            self.settling, self.drift_told = self.rules.drift_block, 0
        if self.settling:
            seen.known = seen.added(seen.known, drift, drift, novelty.KNOWN)
            return
        seen.learn(drift)
        self.in_drift_block += 1
        if self.in_drift_block == self.rules.drift_block:
            self.in_drift_block = 0
            seen.pass_block()

    def _fit(self):
        for sizes in self.sizes[:SEASONAL]:
            sizes.tail = tail_of(sizes.counts, max(0.0, sizes.total - noise.FEWEST))
        self.crowding = [crowd.decades() for crowd in self.crowds]
        hours = 1 if self.seen < remembering._SETTLED else 4
        most = hours * 3_600 / self.rules.step_seconds
        self.next_fit = self.seen + max(1, min(most, self.seen / 8))


class Noted:
    """One sample, and its deviations."""

    def __init__(self, value, expected, usual):
        self.value, self.expected, self.usual = value, expected, usual
        self.error = value - expected
        self.deviations, self.in_noise = [math.nan] * 5, [0.0] * 4


def excused(change, foretold):
    """The part of a change that was foretold."""
    if change > 0:
        return min(max(foretold, 0.0), change)
    return max(min(foretold, 0.0), change)


def rarest(views, rules):
    """Decades after discounts and the number of the rarest view of a wanted side."""
    best, which = math.log10(rules.step_seconds), 0
    for number, (decades, sign) in enumerate(views):
        is_wanted = sign * rules.wanted >= 0
        if is_wanted and decades - DISCOUNTS[number] > best:
            best, which = decades - DISCOUNTS[number], number
    return best, which


SAID = "expected", "lower", "upper", "decades", "which", "sign", "noise", "views"


def profiles_at(center, place, cycles, kind, t, rules):
    if cycles.length[kind] == 0:
        return [0.0] * 3
    return [at_phase(center, place, cycles, kind, t - lag) for lag in (0, *rules.lags)]


def scored(values, clock, known, series):
    """What is said of one row, by name; `series` moves on. `known` is (kind, place, center)."""
    kind, place, center = known
    slots = []
    for t, (value, hour) in enumerate(zip(values, clock.hours, strict=True)):
        profiles = profiles_at(center, place, clock.cycles, kind, t, series.rules)
        expected, usual = profiles[0] + series.level, series.usual(hour)
        spread = 1.25 * usual[SEASONAL]
        low, high = expected - spread * series.edge_low, expected + spread * series.edge_high
        if math.isnan(value):
            series.miss()
            slots.append((expected, low, high, math.nan, -1, 0, math.nan, [math.nan] * N_VIEWS))
            continue
        if series.seen == 0:
            series.level, expected = value - profiles[0], value
        views, noted = series.judge(value, expected, profiles, usual)
        series.peaks.begin(hour)
        views = series.excused(views, noted, hour)
        best, which = rarest(views, series.rules)
        sign = 1 if views[which][1] >= 0 else -1
        size = views[0][1] * noted.in_noise[0]
        slots.append((expected, low, high, best, which, sign, size, [view[0] for view in views]))
        series.learn(noted, hour)
    return {name: np.array(said) for name, said in zip(SAID, zip(*slots, strict=True), strict=True)}


def learned(values, clock, series, n_bins):
    """The cycle chosen for one row, all that were tried, and the noise; `series` moves on."""
    trial = Trial(clock.cycles, n_bins, series.rules)
    best, next_choice, sizes = 0, walk._FIRST_CHOICE, np.full(len(values), np.nan)
    for t, (value, hour) in enumerate(zip(values, clock.hours, strict=True)):
        if math.isnan(value):
            series.miss()
            continue
        if series.seen == 0:
            trial.kinds = [Kind(value) for _ in trial.kinds]
        profiles = profiles_at(trial.centers, 0, clock.cycles, best, t, series.rules)
        expected, usual = profiles[0] + trial.kinds[best].level, series.usual(hour)
        views, noted = series.judge(value, expected, profiles, usual)
        series.peaks.begin(hour)
        sizes[t] = views[0][1] * noted.in_noise[0]
        trial.learn(value, t, 1.25 * usual[SEASONAL], series.seen)
        series.learn(noted, hour)
        if series.seen >= next_choice:
            best, next_choice = trial.best(), walk._NEXT_CHOICE * series.seen
    series.level, series.level_run = trial.kinds[best].level, trial.kinds[best].run
    return best, trial, sizes


# What is remembered, by name, as the oracle holds it and as the rows of numbers do


def held(series):
    out = {name: float(getattr(series, name)) for name in NUMBERS}
    out["last_hour"] = series.peaks.last_hour
    out["peaks"] = np.array(series.peaks.days).T
    out["hour_counts"] = series.hour_counts
    for number, window in enumerate(series.windows):
        out[f"window {number}"] = [sum(window.waiting), len(window.waiting), *window.slots]
    for number, crowd in enumerate(series.crowds):
        numbers = crowd.exceedances, crowd.clusters, crowd.quiet, series.crowding[number]
        out[f"crowd {number}"] = numbers
    for number, sizes in enumerate(series.sizes):
        out[f"usual {number}"] = [getattr(sizes, name) for name in LEARNED]
        block = sum(sizes.block), len(sizes.block)
        out[f"recent {number}"] = [sizes.recent, sizes.waiting, *block]
        out[f"hour means {number}"] = sizes.hour_means
    for number, sizes in enumerate(series.sizes[:SEASONAL]):
        out[f"tail {number}"], out[f"sizes {number}"] = sizes.tail, sizes.counts
    for thing, seen in series.seen_of.items():
        for name in ("known", "older", "newer"):
            out[f"{thing} {name}"] = np.array(getattr(seen, name)).ravel()
    return {name: np.array(value) for name, value in out.items()}


NUMBERS = {
    "gap": at.GAP,
    "seen": at.SEEN,
    "in_block": at.IN_BLOCK,
    "last": at.LAST,
    "run": at.RUN,
    "longest": at.LONGEST,
    "waiting_run": at.WAITING_RUN,
    "changes": at.CHANGES,
    "moving": at.MOVING,
    "level": at.LEVEL,
    "level_run": at.LEVEL_RUN,
    "edge_low": at.EDGE_LOW,
    "edge_high": at.EDGE_HIGH,
    "long_mean": at.LONG_MEAN,
    "short_mean": at.SHORT_MEAN,
    "unrest_now": at.UNREST_NOW,
    "unrest_usual": at.UNREST_USUAL,
    "day_mean": at.DAY_MEAN,
    "week_mean": at.WEEK_MEAN,
    "in_drift_block": at.IN_DRIFT_BLOCK,
    "drift_told": at.DRIFT_TOLD,
    "settling": at.SETTLING,
    "next_fit": at.NEXT_FIT,
    "longest_gap": at.LONGEST_GAP,
    "gaps": at.GAPS,
}
LEARNED = {
    "mean": noise.MEAN,
    "resting": noise.RESTING,
    "moving_mean": noise.MOVING_MEAN,
    "n_moving": noise.N_MOVING,
    "total": noise.TOTAL,
}
_RECENT = [noise.RECENT, noise.WAITING, noise.SUM, noise.COUNT]
_CROWD = [at.EXCEEDANCES, at.CLUSTERS, at.QUIET, at.CROWDING]
_TAIL = [
    tails.FROM,
    tails.OUTER,
    tails.SCALE,
    tails.SHAPE,
    tails.SHARE,
    tails.BODY,
    tails.REACH,
]


def slots_of(account, slots):
    """A window's slots, the oldest first."""
    filled, first = int(account[FILLED]), int(account[NEXT])
    return slots[:filled] if first == filled else np.roll(slots[:filled], -first)


def intervals_of(parts, below, above, part):
    first, n = novelty.first_of(part), int(parts[part])
    return np.column_stack([below[first : first + n], above[first : first + n]]).ravel()


def read(exact, rough):
    """What the rows of one series say, by the names of `held`."""

    def table(row, first, n, width):
        return row[first : first + n * width].reshape(n, width)

    out = {name: exact[place] for name, place in NUMBERS.items()}
    out["last_hour"] = exact[at.LAST_HOUR]
    out["peaks"] = table(rough, at.PEAKS, noise.DAYS + 1, noise.HOURS)
    out["hour_counts"] = rough[at.HOUR_COUNTS : at.HOUR_COUNTS + noise.HOURS]
    accounts = table(exact, at.ACCOUNTS, 2, N_ACCOUNT)
    windows = zip(accounts, table(exact, at.SLOT, 2, SLOTS), strict=True)
    for number, (account, slots) in enumerate(windows):
        out[f"window {number}"] = [account[SUM], account[COUNT], *slots_of(account, slots)]
    tables = {
        "usual": table(exact, at.LEARNED, 5, noise.N_LEARNED)[:, list(LEARNED.values())],
        "recent": table(exact, at.NOISE, 5, noise.N_CARRIED)[:, _RECENT],
        "hour means": table(rough, at.HOUR_MEANS, 5, noise.HOURS),
        "sizes": table(rough, at.SIZES, 4, tails.N_BINS),
        "tail": table(exact, at.TAIL, 4, tails.N_TAIL)[:, _TAIL],
        "crowd": table(exact, at.CLUSTER, 2, at.N_CLUSTER)[:, _CROWD],
    }
    for name, rows in tables.items():
        out |= {f"{name} {number}": row for number, row in enumerate(rows)}
    ends = zip(
        THINGS,
        table(exact, at.PARTS, len(THINGS), novelty.N_PARTS),
        table(exact, at.BELOW, len(THINGS), novelty.N_INTERVALS),
        table(exact, at.ABOVE, len(THINGS), novelty.N_INTERVALS),
        strict=True,
    )
    parts = {"known": novelty.MAIN, "older": novelty.FIRST, "newer": novelty.SECOND}
    for thing, *thing_ends in ends:
        for name, part in parts.items():
            out[f"{thing} {name}"] = intervals_of(*thing_ends, part)
    return {name: np.array(value) for name, value in out.items()}


# The compiled walk


class Walk:
    """Rows of values that are walked piece by piece: first a lesson, then what is said."""

    def __init__(self, step, *, n=1, seasons=(NO_SEASON,), calendar=UTC, start=START, **kind):
        self.step, self.seasons, self.calendar = 1_000 * step, seasons, calendar
        self.rules = rules_of(float(step), kind.get("direction", "both"))
        self.offset = np.broadcast_to(np.float64(kind.get("offset", np.nan)), n).copy()
        exact, rough = walk.blank_memory(n)
        self.memory = walk.Memory(exact, rough.astype(SINGLE))
        self.next, self.n_bins = start, int(first_bins(seasons)[-1])
        places, center = np.arange(n) * self.n_bins, np.zeros(n * self.n_bins, SINGLE)
        self.known = walk.Known(self.offset, np.zeros(n, np.int64), places, center)

    def clock(self, n):
        """What o'clock it is in the next `n` columns, which are over then."""
        lead = max(self.rules.lags)
        local = self.calendar.local(self.next + self.step * np.arange(-lead, n))
        self.next += n * self.step
        places = {"step_milliseconds": self.step, "lead": lead}
        cycles = cycles_of(self.seasons, local, self.calendar, **places)
        return walk.Clock(hours_of(local[lead:]), cycles)

    def learn(self, values):
        """What a lesson of `values` writes, and its clock."""
        values = np.atleast_2d(values)
        n, clock = len(values), self.clock(values.shape[1])
        profiles, counts = (np.zeros((n, self.n_bins), SINGLE) for _ in range(2))
        kinds = np.zeros((n, len(self.seasons), baseline.N_KIND))
        noted = np.full(values.shape, np.nan, np.float32)
        tried = baseline.Tried(profiles, counts, kinds)
        lesson = walk.Lesson(self.offset, np.zeros(n, np.int64), tried, noted)
        walk.learn_walk(values, clock, lesson, self.memory, self.rules)
        self.known = self.known._replace(kind=lesson.kind, center=profiles.ravel())
        return lesson, clock

    def score(self, values):
        """What is said of `values`, and the clock."""
        values = np.atleast_2d(values)
        clock = self.clock(values.shape[1])
        said = walk.room_for(*values.shape, with_views=True)
        walk.score_walk(values, clock, self.known, self.memory, said, self.rules)
        return said, clock
