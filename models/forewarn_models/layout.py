"""Where everything lies in the two rows of numbers that are carried for each series.

The `exact` row is in double precision: levels, sums, intervals of values. The `rough` row is in
single precision: counts and mean sizes by the hour. `work` is room for one sample's arithmetic
and is forgotten. Rows of numbers, not structures, because the compiled walk then passes three
arrays from function to function: with an array for each thing it spends nine tenths of its time
counting references.
"""

from forewarn_models.noise import DAYS, HOURS, N_CARRIED, N_LEARNED
from forewarn_models.novelty import N_INTERVALS, N_PARTS
from forewarn_models.tails import N_BINS, N_TAIL
from forewarn_models.views import N_VIEWS
from forewarn_models.windows import N_ACCOUNT, SLOTS

N_WINDOWS = 2  # the last ten minutes, the last hour
N_CHANNELS = 4  # both windows in the series' own units, then both in logarithms
SEASONAL = 4  # the channel of the noise around the baseline
N_NOVEL = 6  # things whose novelty is watched
NOVEL_VALUE, NOVEL_DEVIATION, NOVEL_LEVEL, NOVEL_SEASON, NOVEL_UNREST, NOVEL_DRIFT = range(N_NOVEL)

# The exact row begins with single numbers.
(
    GAP,  # slots since the last sample; far below zero before the first
    SEEN,  # samples
    IN_BLOCK,  # samples in the block that waits to be known
    LAST,  # value
    RUN,  # samples for which it has stayed
    LONGEST,  # such run that is known
    WAITING_RUN,  # the run as it was a block ago
    CHANGES,  # of value
    MOVING,  # share of samples, over hours, that differ from the one before
    LEVEL,  # of the baseline
    LEVEL_RUN,  # how one-sided its errors are
    EDGE_LOW,  # of the band, in spreads
    EDGE_HIGH,
    LONG_MEAN,  # of the value, over hours
    SHORT_MEAN,  # of the deviation from the baseline, over an hour
    UNREST_NOW,  # mean change from one sample to the next, over hours
    UNREST_USUAL,  # over days
    DAY_MEAN,  # of the value, over a day
    WEEK_MEAN,  # over a week
    IN_DRIFT_BLOCK,  # samples in the block of drifts that waits to be known
    DRIFT_TOLD,  # samples for which a drift was told that is not learned yet
    SETTLING,  # samples for which a drift is still learned at once, and not told
    NEXT_FIT,  # samples after which the tails are fitted again
    LAST_HOUR,
    LONGEST_GAP,  # that is over, in slots
    GAPS,  # slots of all gaps that are over
) = range(26)
NOT_BEGUN = -1e9  # the gap before the first sample is none
ACCOUNTS = 26  # (N_WINDOWS, N_ACCOUNT)
SLOT = ACCOUNTS + N_WINDOWS * N_ACCOUNT  # (N_WINDOWS, SLOTS)
NOISE = SLOT + N_WINDOWS * SLOTS  # (N_CHANNELS + 1, N_CARRIED)
LEARNED = NOISE + (N_CHANNELS + 1) * N_CARRIED  # (N_CHANNELS + 1, N_LEARNED)
TAIL = LEARNED + (N_CHANNELS + 1) * N_LEARNED  # (N_CHANNELS, N_TAIL)
CLUSTER = TAIL + N_CHANNELS * N_TAIL  # (N_WINDOWS, N_CLUSTER)
EXCEEDANCES, CLUSTERS, QUIET, CROWDING = range(4)
N_CLUSTER = 4
LONG_QUIET = 1e9  # slots: before anything was seen, so that the first is a cluster of its own
PARTS = CLUSTER + N_WINDOWS * N_CLUSTER  # (N_NOVEL, N_PARTS)
BELOW = PARTS + N_NOVEL * N_PARTS  # (N_NOVEL, N_INTERVALS)
ABOVE = BELOW + N_NOVEL * N_INTERVALS
N_EXACT = ABOVE + N_NOVEL * N_INTERVALS

# The rough row.
HOUR_MEANS = 0  # (N_CHANNELS + 1, HOURS) mean sizes of deviations
HOUR_COUNTS = HOUR_MEANS + (N_CHANNELS + 1) * HOURS
SIZES = HOUR_COUNTS + HOURS  # (N_CHANNELS, N_BINS) how many deviations had which size
PEAKS = SIZES + N_CHANNELS * N_BINS  # (DAYS + 1, HOURS) largest deviations from ten minutes before
N_ROUGH = PEAKS + (DAYS + 1) * HOURS

# The work row.
DECADES = 0  # (N_VIEWS,)
SIGNS = DECADES + N_VIEWS
DEVIATIONS = SIGNS + N_VIEWS  # (N_CHANNELS + 1,) their sizes
IN_NOISE = DEVIATIONS + N_CHANNELS + 1  # (N_CHANNELS,)
USUAL = IN_NOISE + N_CHANNELS  # (N_CHANNELS + 1,) mean sizes at this hour
RISING = USUAL + N_CHANNELS + 1  # (N_WINDOWS, SLOTS) the slots in order
N_WORK = RISING + N_WINDOWS * SLOTS
