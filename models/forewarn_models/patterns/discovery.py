"""How often something new comes: from what a service did, and what its fleet did at its age.

The rate of one service has a gamma distribution before anything is known of it, and its events and
the time it was heard give the rest (gamma-Poisson). Its mean is a predictive rate, which claims no
more than that time supports. Before anything is known the rate is what other services had at this
age, age in steps that double, because new things grow fewer the longer something is known, as the
words of a language do (Heaps 1978); or, for services unlike the others, what is assumed of any.
Both, and several lengths of memory, are trusted as far as they foretold (Herbster, Warmuth 1998).

Events come in bursts: after a release more follow, and in a lull there are few. How many times as
many come so long after the one before is learned of all services together.
"""

from collections.abc import Mapping

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, FloatArray, IntegerArray

ANY, ERROR = range(2)  # kinds of events: of any level, and of errors alone
N_KINDS = 2

_DAY = 86_400.0
_N_STEPS = 15  # of age: the first ends after an hour, each other at twice the age
_AGES = 3_600.0 * 2.0 ** np.arange(_N_STEPS)
# What is assumed of any service, events a second: at first one an hour, of errors fewer.
_AT_FIRST = np.array([1.0, 0.2]) / 3_600.0
_FALL = 0.5**0.5  # from one step to the next
_ASSUMED = _AT_FIRST[:, None] * _FALL ** np.arange(_N_STEPS)

_TRUST_BEFORE = 2.0  # in events, in what the age before foretells
_SHAPE = 0.5  # of the gamma distribution, in events
_MEMORY_SECONDS = np.array([10.0, 40.0, 160.0, 640.0]) * _DAY
_MEMORY_AGES = np.array([0.2, 0.5, np.inf, np.inf])  # at most so much of the time known
_N_MEMORIES = len(_MEMORY_SECONDS)
_N_FORETELLERS = 2 * _N_MEMORIES  # the fleet and what is assumed, with each memory
_SHARED = 0.05  # of the trust in each: given back at each event to what the fleet trusts

# How long ago the last event of any kind was, in steps of events that were to be expected since,
# and how many events say that it makes no difference.
_LULLS = np.array([0.03, 0.1, 0.3, 1.0, 3.0, np.inf])
_LULL_BEGINS = np.append(0.0, _LULLS[:-1])
_TRUST_EVEN = 10.0

_COLUMNS = ("seconds", "events", "recent_seconds", "recent_events", "trust", "lull")
OF_FLEET = ("fleet_seconds", "fleet_events", "lull_events", "lull_expected")


class Discovery:
    """Rates of new events, one row a service; rows of one call must differ."""

    def __init__(self, n_rows: int) -> None:
        self._seconds = np.zeros((n_rows, _N_STEPS))
        self._events = np.zeros((n_rows, N_KINDS, _N_STEPS))
        self._recent_seconds = np.zeros((n_rows, _N_MEMORIES))
        self._recent_events = np.zeros((n_rows, N_KINDS, _N_MEMORIES))
        self._trust = np.full((n_rows, N_KINDS, _N_FORETELLERS), 1.0 / _N_FORETELLERS)
        self._lull = np.zeros(n_rows)
        self._lull_events = np.zeros((N_KINDS, len(_LULLS)))
        self._lull_expected = np.zeros((N_KINDS, len(_LULLS)))
        self._fleet_seconds = np.zeros(_N_STEPS)
        self._fleet_events = np.zeros((N_KINDS, _N_STEPS))

    def begin(self, rows: IntegerArray) -> None:
        """Let services begin anew; what those of the rows before taught of the fleet stays."""
        for column in (self._seconds, self._events, self._recent_seconds, self._recent_events):
            column[rows] = 0.0
        self._lull[rows] = 0.0
        self._trust[rows] = self._usual_trust()

    def rates(self, rows: IntegerArray) -> FloatArray:
        """Return how many events of each kind are to be expected in a second, (n, 2)."""
        even = (self._trust[rows] * self._foretold(rows)).sum(axis=-1)
        times_as_many = (self._lull_events + _TRUST_EVEN) / (self._lull_expected + _TRUST_EVEN)
        rates: FloatArray = even * times_as_many[:, self._lull_steps(rows)].T
        return rates

    def watch(self, rows: IntegerArray, seconds: FloatArray) -> None:
        """Note that services were heard for so much longer."""
        foretold = self._foretold(rows)
        self._pass_lull(rows, seconds, (self._trust[rows] * foretold).sum(axis=-1))
        expected = foretold * seconds[:, None, None]
        nothing_came = np.exp(expected.min(axis=-1, keepdims=True) - expected)
        self._trust[rows] = _normal(self._trust[rows] * nothing_came)
        age = self.age_seconds(rows) + seconds
        memory = np.minimum(_MEMORY_SECONDS, _MEMORY_AGES * (age[:, None] + 1.0))
        kept = np.exp(-seconds[:, None] / memory)
        self._recent_events[rows] *= kept[:, None, :]
        self._recent_seconds[rows] *= kept
        self._recent_seconds[rows] += memory * (1.0 - kept)
        steps = self._steps(rows)
        self._seconds[rows, steps] += seconds
        np.add.at(self._fleet_seconds, steps, seconds)

    def learn(self, rows: IntegerArray, has_kind: BooleanArray) -> None:
        """Note an event of each service, of the kinds that it has, (n, 2)."""
        trust = _normal(self._trust[rows] * self._foretold(rows))
        trust = (1.0 - _SHARED) * trust + _SHARED * self._usual_trust()
        self._trust[rows] = np.where(has_kind[:, :, None], trust, self._trust[rows])
        self._recent_events[rows] += has_kind[:, :, None]
        steps = self._steps(rows)
        self._events[rows, :, steps] += has_kind
        np.add.at(self._fleet_events.T, steps, has_kind)
        np.add.at(self._lull_events.T, self._lull_steps(rows), has_kind)
        self._lull[rows] = 0.0

    def age_seconds(self, rows: IntegerArray) -> FloatArray:
        """Return for how long each service was heard, (n,)."""
        age: FloatArray = self._seconds[rows].sum(axis=1)
        return age

    def arrays(self, rows: IntegerArray) -> Mapping[str, AnyArray]:
        """Return what is to be stored of these rows and of the fleet."""
        of_rows = {name: getattr(self, f"_{name}")[rows] for name in _COLUMNS}
        return of_rows | {name: getattr(self, f"_{name}").copy() for name in OF_FLEET}

    def restore(self, rows: IntegerArray, arrays: Mapping[str, AnyArray]) -> None:
        """Take over what `arrays` gave: one row of it for each of these, and the fleet."""
        for name in _COLUMNS:
            getattr(self, f"_{name}")[rows] = arrays[name]
        for name in OF_FLEET:
            setattr(self, f"_{name}", arrays[name].copy())

    def _lull_steps(self, rows: IntegerArray) -> IntegerArray:
        return np.searchsorted(_LULLS, self._lull[rows], side="right")

    def _pass_lull(self, rows: IntegerArray, seconds: FloatArray, rates: FloatArray) -> None:
        """Note how many events were to be expected, if they came evenly, by time since the last."""
        passed = rates[:, ANY] * seconds
        begin = self._lull[rows][:, None]
        until = np.minimum(begin + passed[:, None], _LULLS)
        within = np.maximum(until - np.maximum(begin, _LULL_BEGINS), 0.0)
        self._lull_expected += (rates / rates[:, [ANY]]).T @ within
        self._lull[rows] += passed

    def _usual_trust(self) -> FloatArray:
        """Return what services trust on average, and one more that trusts all alike."""
        is_known = self._seconds.any(axis=1)
        even = np.full((N_KINDS, _N_FORETELLERS), 1.0 / _N_FORETELLERS)
        trust: FloatArray = (even + self._trust[is_known].sum(axis=0)) / (1 + is_known.sum())
        return trust

    def _steps(self, rows: IntegerArray) -> IntegerArray:
        """Return the step of age that each service is in."""
        passed = np.searchsorted(_AGES, self.age_seconds(rows), side="right")
        return np.minimum(passed, _N_STEPS - 1)

    def _usual(self, rows: IntegerArray, steps: IntegerArray) -> FloatArray:
        """Return the rates that other services had at this age, (n, 2).

        Where few were that old, it is as if the rate had fallen since as it is assumed to.
        """
        events = self._fleet_events - self._events[rows]
        seconds = self._fleet_seconds - self._seconds[rows]
        usual = np.empty((len(rows), N_KINDS))
        expected = np.tile(_AT_FIRST, (len(rows), 1))
        for step in range(_N_STEPS):
            rate = (events[:, :, step] + _TRUST_BEFORE) / (
                seconds[:, step, None] + _TRUST_BEFORE / expected
            )
            usual[steps == step] = rate[steps == step]
            expected = rate * _FALL
        return usual

    def _foretold(self, rows: IntegerArray) -> FloatArray:
        """Return the rate that each foreteller gives, (n, 2, n_foretellers)."""
        steps = self._steps(rows)
        before = np.stack([self._usual(rows, steps), _ASSUMED[:, steps].T], axis=-1)
        events = self._recent_events[rows][:, :, None, :] + _SHAPE
        seconds = self._recent_seconds[rows][:, None, None, :] + _SHAPE / before[..., None]
        rates: FloatArray = (events / seconds).reshape(len(rows), N_KINDS, _N_FORETELLERS)
        return rates


def _normal(trust: FloatArray) -> FloatArray:
    normal: FloatArray = trust / trust.sum(axis=-1, keepdims=True)
    return normal
