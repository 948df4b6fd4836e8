"""How often something new comes: from what a service did, and what its fleet did at its age.

New things grow fewer the longer something is known, as the words of a language do (Heaps 1978).
What is usual at an age is learned from all other services, age in steps that double. How much
busier or quieter than usual one service is has a gamma distribution, of which its own events and
what was usual meanwhile give the rest (gamma-Poisson). Its mean is a predictive rate, which never
claims more than the time watched supports. Several lengths of memory are kept, each trusted as far
as it foretold (Herbster and Warmuth 1998), because services change how often they are released.
"""

from collections.abc import Mapping

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, FloatArray, IntegerArray

ANY, ERROR = range(2)  # kinds of events: of any level, and of errors alone
N_KINDS = 2

_DAY = 86_400.0
_FIRST_STEP_SECONDS = 3_600.0  # of age; each further step ends at twice the age
_N_STEPS = 15
# What is usual where no fleet says it, events a second: one an hour at first, then ever fewer.
_AGES = _FIRST_STEP_SECONDS * 2.0 ** np.arange(_N_STEPS)
_ERRORS = 0.1  # of all events
_ASSUMED = (_FIRST_STEP_SECONDS / _AGES) ** 0.7 / 3_600.0 * np.array([[1.0], [_ERRORS]])
_FALLS = np.hstack([_ASSUMED[:, :1], _ASSUMED[:, 1:] / _ASSUMED[:, :-1]])
_TRUST_BEFORE = 2.0  # in events, in what the age before foretells
_TRUST_USUAL = 1.0  # in events: the shape of the gamma distribution

_MEMORY_SECONDS = np.array([10.0, 40.0, 160.0, 640.0]) * _DAY
_N_MEMORIES = len(_MEMORY_SECONDS)
_SHARED = 0.05  # of the trust in each memory: given to all alike at each event

_COLUMNS = ("seconds", "events", "recent_events", "recent_usual", "trust")
_FLEET = ("fleet_seconds", "fleet_events")


class Discovery:
    """Rates of new events, one row a service; rows of one call must differ."""

    def __init__(self, n_rows: int) -> None:
        self._seconds = np.zeros((n_rows, _N_STEPS))
        self._events = np.zeros((n_rows, N_KINDS, _N_STEPS))
        self._recent_events = np.zeros((n_rows, N_KINDS, _N_MEMORIES))
        self._recent_usual = np.zeros((n_rows, N_KINDS, _N_MEMORIES))
        self._trust = np.full((n_rows, N_KINDS, _N_MEMORIES), 1.0 / _N_MEMORIES)
        self._fleet_seconds = np.zeros(_N_STEPS)
        self._fleet_events = np.zeros((N_KINDS, _N_STEPS))

    def rates(self, rows: IntegerArray) -> FloatArray:
        """Return how many events of each kind are to be expected in a second, (n, 2)."""
        rates: FloatArray = (self._trust[rows] * self._rates_by_memory(rows)).sum(axis=-1)
        return rates

    def watch(self, rows: IntegerArray, seconds: FloatArray) -> None:
        """Note that services were heard for so much longer."""
        by_memory, usual = self._rates_by_memory(rows), self._usual(rows)[:, :, None]
        longer = seconds[:, None, None]
        self._trust[rows] = _normal(self._trust[rows] * np.exp(-by_memory * longer))
        kept = np.exp(-longer / _MEMORY_SECONDS)
        self._recent_events[rows] *= kept
        expected = usual * _MEMORY_SECONDS * (1.0 - kept)
        self._recent_usual[rows] = self._recent_usual[rows] * kept + expected
        steps = self._steps(rows)
        self._seconds[rows, steps] += seconds
        np.add.at(self._fleet_seconds, steps, seconds)

    def learn(self, rows: IntegerArray, has_kind: BooleanArray) -> None:
        """Note an event of each service, of the kinds that it has, (n, 2)."""
        trust = _normal(self._trust[rows] * self._rates_by_memory(rows))
        trust = (1.0 - _SHARED) * trust + _SHARED / _N_MEMORIES
        self._trust[rows] = np.where(has_kind[:, :, None], trust, self._trust[rows])
        self._recent_events[rows] += has_kind[:, :, None]
        steps = self._steps(rows)
        self._events[rows, :, steps] += has_kind
        np.add.at(self._fleet_events.T, steps, has_kind)

    def forget(self, rows: IntegerArray) -> None:
        """Let services begin anew; what they taught of the fleet stays."""
        for column in (self._seconds, self._events, self._recent_events, self._recent_usual):
            column[rows] = 0.0
        self._trust[rows] = 1.0 / _N_MEMORIES

    def age_seconds(self, rows: IntegerArray) -> FloatArray:
        """Return for how long each service was heard, (n,)."""
        age: FloatArray = self._seconds[rows].sum(axis=1)
        return age

    def arrays(self, rows: IntegerArray) -> Mapping[str, AnyArray]:
        """Return what is to be stored of these rows and of the fleet."""
        of_rows = {name: getattr(self, f"_{name}")[rows] for name in _COLUMNS}
        return of_rows | {name: getattr(self, f"_{name}").copy() for name in _FLEET}

    def restore(self, rows: IntegerArray, arrays: Mapping[str, AnyArray]) -> None:
        """Take over what `arrays` gave: one row of it for each of these, and the fleet."""
        for name in _COLUMNS:
            getattr(self, f"_{name}")[rows] = arrays[name]
        for name in _FLEET:
            np.add(getattr(self, f"_{name}"), arrays[name], out=getattr(self, f"_{name}"))

    def _steps(self, rows: IntegerArray) -> IntegerArray:
        """Return the step of age that each service is in."""
        passed = np.searchsorted(_AGES, self.age_seconds(rows), side="right")
        return np.minimum(passed, _N_STEPS - 1)

    def _usual(self, rows: IntegerArray) -> FloatArray:
        """Return the rates that other services had at this age, (n, 2).

        Where few were that old, it is as if the rate had fallen since as it is assumed to.
        """
        events = self._fleet_events - self._events[rows]
        seconds = self._fleet_seconds - self._seconds[rows]
        steps = self._steps(rows)
        usual = np.empty((len(rows), N_KINDS))
        rate = np.ones(1)
        for step in range(_N_STEPS):
            expected = rate * _FALLS[:, step]
            rate = (events[:, :, step] + _TRUST_BEFORE) / (
                seconds[:, step, None] + _TRUST_BEFORE / expected
            )
            is_here = steps == step
            usual[is_here] = rate[is_here]
        return usual

    def _rates_by_memory(self, rows: IntegerArray) -> FloatArray:
        """Return the rates that each length of memory foretells, (n, 2, n_memories)."""
        busier = (_TRUST_USUAL + self._recent_events[rows]) / (
            _TRUST_USUAL + self._recent_usual[rows]
        )
        rates: FloatArray = self._usual(rows)[:, :, None] * busier
        return rates


def _normal(trust: FloatArray) -> FloatArray:
    normal: FloatArray = trust / trust.sum(axis=-1, keepdims=True)
    return normal
