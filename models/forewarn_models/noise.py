"""Noise: how large the deviations of a series usually are, by the hour of the day.

A deviation is judged against the mean size of those before it: of its own hour where enough were
seen, of the last hours where these were wilder, and, on a series that mostly rests at one value, of
the times when it did not. Large deviations count for no more than a few times what is usual, so
that an incident does not pass for noise.
"""

from math import inf
from typing import NamedTuple

from forewarn_models.arrays import AnyArray, FloatArray
from forewarn_models.compiled import compiled

HOURS = 24
DAYS = 5  # on which something must have come back at its hour to be called recurring
_TRUST = 20.0  # deviations of an hour that weigh as much as all others
_CALMEST = 0.2  # of the whole series' noise: an hour that was calmer is not believed to stay so
_FELT = 4.0  # times what is usual that one deviation counts for at most
_A_LITTLE = 0.1  # of all hours' mean: lets an hour that was still learn at all
OF_MEAN = 1.25  # a Gaussian's standard deviation, in mean absolute deviations
_NOTHING = 1e-3  # of the mean: as good as no deviation
_MOSTLY = 0.5
FEWEST = 10  # deviations without which nothing is usual yet
_LARGEST = 1e9

# Columns of what is learned of one channel.
MEAN, RESTING, MOVING_MEAN, N_MOVING, TOTAL = range(5)
N_LEARNED = 5
# Columns of the recent noise of one channel.
RECENT, WAITING, SUM, COUNT = range(4)
N_CARRIED = 4


class NoiseGains(NamedTuple):
    """How much one deviation moves what is usual, in (0, 1].

    Args:
        usual: of two weeks.
        hour: of two weeks of one hour of the day.
        recent: of some hours, for one block.
        block: deviations in a block; it counts when the next one is over.
    """

    usual: float
    hour: float
    recent: float
    block: float


@compiled
def trust_in(hour_count: float) -> float:
    """Return how much an hour of which so many deviations were seen speaks for itself."""
    return hour_count / (hour_count + _TRUST)


@compiled
def usual_size(hour_mean: float, trust: float, row: FloatArray, learned: int) -> float:
    """Return the mean size of deviations at an hour; `learned` is where the channel begins."""
    overall, moving = float(row[learned + MEAN]), float(row[learned + MOVING_MEAN])
    mean = max(overall + trust * (hour_mean - overall), _CALMEST * overall)
    return max(mean, moving) if row[learned + RESTING] > _MOSTLY else mean


@compiled
def in_noise(size: float, usual: float) -> float:
    """Return a deviation's size in standard deviations of noise of a usual mean size."""
    if usual > 0.0:
        return min(size / (OF_MEAN * usual), _LARGEST)
    return 0.0 if size == 0.0 else _LARGEST


@compiled
def feel(size: float, usual: float, row: FloatArray, noise: int, gains: NoiseGains) -> None:
    """Let the recent noise take in a deviation, when the block after its own is over."""
    row[noise + SUM] += size
    row[noise + COUNT] += 1.0
    if row[noise + COUNT] < gains.block:
        return
    recent = row[noise + RECENT]
    felt = min(row[noise + WAITING], _FELT * max(recent, usual))
    row[noise + RECENT] = recent + gains.recent * (felt - recent)
    row[noise + WAITING] = row[noise + SUM] / row[noise + COUNT]
    row[noise + SUM] = row[noise + COUNT] = 0.0


@compiled
def learn_size(size: float, row: FloatArray, learned: int, gain: float, usual: float) -> None:
    """Let what is usual over all hours learn the size of a deviation.

    `gain` is that of the channel's latest sample, `usual` the one that it comes down to.
    """
    row[learned + TOTAL] += 1.0
    mean = row[learned + MEAN]
    mean += gain * ((min(size, _FELT * mean) if mean > 0.0 else size) - mean)
    row[learned + MEAN] = mean
    if size <= _NOTHING * mean:
        row[learned + RESTING] += gain * (1.0 - row[learned + RESTING])
        return
    row[learned + RESTING] -= gain * row[learned + RESTING]
    n, moving = row[learned + N_MOVING] + 1.0, row[learned + MOVING_MEAN]
    felt = min(size, _FELT * moving) if n > 5.0 else size
    share = 5.0 * usual if n * 5.0 * usual > 1.0 else 1.0 / n
    row[learned + MOVING_MEAN] = moving + share * (felt - moving)
    row[learned + N_MOVING] = n


@compiled
def hour_gain(hour_count: float, gains: NoiseGains) -> float:
    """Return how far an hour's mean moves, of which so many deviations were seen before."""
    return max(1.0 / (hour_count + 1.0), min(gains.hour, 0.5))


@compiled
def hour_after(size: float, hour_mean: float, gain: float, overall: float) -> float:
    """Return an hour's mean after a deviation."""
    if gain == 1.0:
        return min(size, _FELT * overall)
    return hour_mean + gain * (min(size, _FELT * hour_mean + _A_LITTLE * overall) - hour_mean)


@compiled
def recurring(row: AnyArray, peaks: int, hour: int) -> float:
    """Return the size that deviations about this hour reached on each of the last days.

    From `peaks` on the row holds (DAYS + 1, HOURS) largest deviations: of today, of yesterday ...
    Of the hour that comes next, the latest is yesterday's.
    """
    least = inf
    for day in range(1, DAYS + 1):
        largest = row[peaks + (day - 1) * HOURS + (hour + 1) % HOURS]
        for near in range(-1, 1):
            largest = max(largest, row[peaks + day * HOURS + (hour + near) % HOURS])
        least = min(least, largest)
    return least


@compiled
def begin_hour(row: AnyArray, peaks: int, hour: int) -> None:
    """Let the days of an hour move on: it has come again."""
    for day in range(DAYS, 0, -1):
        row[peaks + day * HOURS + hour] = row[peaks + (day - 1) * HOURS + hour]
    row[peaks + hour] = 0.0


@compiled
def note_peak(row: AnyArray, peaks: int, size: float, hour: int) -> None:
    """Let the peaks of an hour take in a deviation."""
    row[peaks + hour] = max(row[peaks + hour], size)
