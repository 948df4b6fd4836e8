"""The times that follow from a signal's step: how far back to look, when a series is stale."""

from dataclasses import dataclass

from forewarn_models.gaps import stale_after_milliseconds

# Late samples up to this age are scored at their own timestamps.
_WINDOW_MILLISECONDS = 600_000
_WINDOW_SLOTS = (8, 6_000)
_STATES_IN_WINDOW = 4


@dataclass(frozen=True, slots=True)
class Timing:
    """How a signal is read and kept, all in milliseconds unless named otherwise.

    Args:
        step: from one tick to the next, and the width of a slot.
        lateness: how far behind the newest sample each tick reads again: a scrape is stamped when
            it starts and stored when it ends.
        sweep: how often the whole window is read again, for samples that come later still.
        window: how far back samples and fold states are kept.
        state_slots: the number of slots between the fold states that are kept.
        stale: a row whose newest sample is older than this cannot say.
        hold: an episode on a row that cannot say is held for this long after its newest sample,
            as long as Prometheus itself looks back, so that a lost source resolves no page.
    """

    step: int
    lateness: int
    sweep: int
    window: int
    state_slots: int
    stale: int
    hold: int = 300_000


def timing_of(step_milliseconds: int) -> Timing:
    """Return the times of a signal that is scored every `step_milliseconds`.

    >>> timing_of(1_000)
    Timing(step=1000, lateness=10000, sweep=30000, window=600000, state_slots=150, stale=60000, \
hold=300000)
    """
    step = step_milliseconds
    fewest, most = _WINDOW_SLOTS
    slots = min(max(_WINDOW_MILLISECONDS // step, fewest), most)
    return Timing(
        step=step,
        lateness=max(2 * step, min(10_000, 20 * step)),
        sweep=max(30_000, 5 * step),
        window=slots * step,
        state_slots=max(1, slots // _STATES_IN_WINDOW),
        stale=stale_after_milliseconds(step),
        hold=max(300_000, 3 * step),
    )


class Phase:
    """When in its step a signal ticks: soon after its samples are there.

    Ticks stand at whole steps plus the phase. Each tick tells how old the newest sample was; the
    next ones then come a margin after the time at which samples are stamped. A sample that was not
    there yet doubles the margin: scrapes take time.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._margin = max(1, min(50, step // 5))
        self._phase = self._margin
        self._newest = 0

    def next_tick(self, now: int) -> int:
        """Return the time of the first tick after `now`."""
        return now + self._step - (now - self._phase) % self._step

    def learn(self, newest: int | None, *, now: int) -> None:
        """Take in the time of the newest sample that the tick at `now` has seen."""
        if newest is None or newest > now:
            return
        if newest == self._newest and now - newest < 2 * self._step:
            self._margin = min(2 * self._margin, self._step // 2)
        self._newest = newest
        self._phase = (newest + self._margin) % self._step
