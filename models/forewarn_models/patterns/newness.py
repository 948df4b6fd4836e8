"""How rare it is that a service says something new: the score of the first line of a pattern.

First sightings within an hour of one another are one event, as those of a release are. A service
that said something new once a week for a year says it with a return period of a week; an error
is judged against new errors alone, which are rarer. See docs/models/new_patterns.md.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, FloatArray, IntegerArray
from forewarn_models.budget import Budget, score_of
from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat
from forewarn_models.patterns.discovery import ANY, ERROR, N_KINDS, OF_FLEET, Discovery
from forewarn_models.patterns.listening import Listening

MOST_SERVICES = 10_000
KIND, FORMAT_VERSION = "new_patterns", 1

_EVENT_SECONDS = 3_600.0
_LEAST_AGE_SECONDS = 3_600.0  # a service that was heard for less is just being met


class Newness:
    """What is known of how often services say something new.

    Times are seconds since the epoch and must not lie in the future: whoever reads lines cuts them
    off at the clock. Of more than `most_services` those not heard of for longest are dropped.
    """

    def __init__(self, budget: Budget, *, most_services: int = MOST_SERVICES) -> None:
        self._budget_seconds = budget.return_period_seconds
        self._block = max(most_services // 2, 1)
        n_rows = 2 * self._block
        self._listening = Listening(n_rows)
        self._discovery = Discovery(n_rows)
        self._event_start = np.full((n_rows, N_KINDS), -np.inf)
        self._event_period = np.full((n_rows, N_KINDS), np.nan)

    def advance(self, services: Sequence[str], heard_seconds: FloatArray) -> None:
        """Note when services were heard, (n,): the newest line, or one of each hour in a backlog.

        A service may be named several times.
        """
        for first in range(0, len(services), self._block):
            block = slice(first, first + self._block)
            rows, seconds = self._rows_of(services[block]), heard_seconds[block]
            order = np.lexsort((seconds, rows))
            place = _running_count(rows[order], np.ones(len(rows), dtype=np.bool_))
            for each in range(1, int(place.max(initial=0)) + 1):
                chosen = order[place == each]
                self._hear(rows[chosen], seconds[chosen])

    def judge(
        self, services: Sequence[str], is_error: BooleanArray, timestamp_seconds: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the score and the return period in seconds of first sightings, (n,) each.

        They come in order of time; each is judged before it is learned. NaN = cannot say, because
        the service was heard for less than an hour.
        """
        period = np.full(len(services), np.nan)
        for first in range(0, len(services), self._block):
            block = slice(first, first + self._block)
            rows = self._rows_of(services[block])
            period[block] = self._judge(rows, is_error[block], timestamp_seconds[block])
        return score_of(period, self._budget_seconds), period

    def state(self) -> State:
        """Return what is to be stored."""
        services, rows = self._listening.names_in_order()
        arrays = {
            **self._listening.arrays(rows),
            **self._discovery.arrays(rows),
            "event_start": self._event_start[rows],
            "event_period": self._event_period[rows],
        }
        return State(KIND, FORMAT_VERSION, {"services": services}, arrays)

    def absorb(self, state: State) -> None:
        """Go on from what was stored; for a new object, before anything else.

        Raises UnknownFormat when the state is not one that this version reads.
        """
        if (state.kind, state.format_version) != (KIND, FORMAT_VERSION):
            raise UnknownFormat(
                f"what is stored of new patterns must be {KIND} {FORMAT_VERSION}, got "
                f"{state.kind} {state.format_version}"
            )
        services = state.manifest["services"]
        for first in range(max(len(services) - 2 * self._block, 0), len(services), self._block):
            part = slice(first, first + self._block)
            self._restore(
                self._rows_of(services[part]),
                {
                    name: array if name in OF_FLEET else array[part]
                    for name, array in state.arrays.items()
                },
            )

    def _restore(self, rows: IntegerArray, arrays: Mapping[str, AnyArray]) -> None:
        self._listening.restore(rows, arrays)
        self._discovery.restore(rows, arrays)
        self._event_start[rows] = arrays["event_start"]
        self._event_period[rows] = arrays["event_period"]

    def _rows_of(self, services: Sequence[str]) -> IntegerArray:
        rows, begun = self._listening.rows_of(services)
        if len(begun):
            self._discovery.begin(begun)
            self._event_start[begun], self._event_period[begun] = -np.inf, np.nan
        return rows

    def _hear(self, rows: IntegerArray, newest_seconds: FloatArray) -> None:
        self._discovery.watch(rows, self._listening.hear(rows, newest_seconds))

    def _judge(self, rows: IntegerArray, is_error: BooleanArray, at: FloatArray) -> FloatArray:
        """Return return periods; in each round the next event of each service begins."""
        kind = np.where(is_error, ERROR, ANY)
        period = np.empty(len(rows))
        pending = np.lexsort((at, rows))
        while len(pending):
            begins = self._begins(rows[pending], is_error[pending], at[pending])
            does_begin = begins[:, ANY] | begins[:, ERROR]
            n_begun = _running_count(rows[pending], does_begin)
            within, first = pending[n_begun == 0], pending[does_begin & (n_begun == 1)]
            period[within] = self._event_period[rows[within], kind[within]]
            self._begin(rows[first], is_error[first], at[first])
            period[first] = self._event_period[rows[first], kind[first]]
            pending = pending[(n_begun > 1) | ((n_begun == 1) & ~does_begin)]
        return period

    def _begins(self, rows: IntegerArray, is_error: BooleanArray, at: FloatArray) -> BooleanArray:
        """Return of which kinds a sighting begins an event, (n, 2)."""
        is_over: BooleanArray = at[:, None] >= self._event_start[rows] + _EVENT_SECONDS
        is_over[:, ERROR] &= is_error
        return is_over

    def _begin(self, rows: IntegerArray, is_error: BooleanArray, at: FloatArray) -> None:
        self._hear(rows, at)
        begins = self._begins(rows, is_error, at)
        period = 1.0 / self._discovery.rates(rows)
        period[self._discovery.age_seconds(rows) < _LEAST_AGE_SECONDS] = np.nan
        period = np.where(begins, period, self._event_period[rows])
        period[:, ERROR] = np.fmax(period[:, ERROR], period[:, ANY])  # errors are among all
        self._event_period[rows] = period
        self._event_start[rows] = np.where(begins, at[:, None], self._event_start[rows])
        self._discovery.learn(rows, begins)


def _running_count(rows: IntegerArray, is_counted: BooleanArray) -> IntegerArray:
    """Return how many are counted of the same row up to and with each place; rows are in order."""
    count = np.cumsum(is_counted)
    starts = np.flatnonzero(np.diff(rows, prepend=rows[:1] - 1))
    before: IntegerArray = (count - is_counted)[starts]
    counts: IntegerArray = count - np.repeat(before, np.diff(starts, append=len(rows)))
    return counts
