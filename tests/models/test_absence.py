import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.absence import kin_of
from forewarn_models.budget import DEFAULT_BUDGET, score_of
from forewarn_models.detector import RarityDetector
from forewarn_models.labels import labels_of
from forewarn_models.layout import GAP, GAPS, LONGEST_GAP, NOT_BEGUN, SEEN
from forewarn_models.panel import Panel
from oracles_walk import patient
from strategies import START, noise

MINUTE, DAY = 60_000, 86_400_000
QUARTER = 15 * MINUTE  # of an hour: 96 slots a day
A_DAY = 96


def named(*names, **labels):
    return tuple(labels_of({"pod": name, **labels}) for name in names)


def panel(rows, step, *, series=None, first=0):
    """A panel of noise where `rows` are true."""
    rows = np.atleast_2d(rows)
    values = np.where(rows, noise(rows.size, seed=first).reshape(rows.shape), np.nan)
    series = series or named(*map(str, range(len(rows))))
    return Panel(values, series, START + first * step, step)


def fitted(rows, step, *, series=None, **options):
    return RarityDetector(seasons=(), **options).fit(panel(rows, step, series=series))


def score_at(model, carry, now):
    absence = model.absence(carry, now)
    return score_of(absence.return_period_seconds, DEFAULT_BUDGET.return_period_seconds)


def missed(model, *, slots):
    """The numbers of slots after the history in which the first series is missed in silence."""
    carry, step = model.initial_carry(), model.step_milliseconds
    scores = [score_at(model, carry, carry.next_milliseconds + n * step)[0] for n in range(slots)]
    return [n for n, score in enumerate(scores) if score >= 1]


def rows_missed(model, *, days=0.0, slots=0):
    """The rows that are missed at a time after the history."""
    carry = model.initial_carry()
    now = carry.next_milliseconds + int(days * DAY) + slots * model.step_milliseconds
    return np.flatnonzero(model.absence(carry, now).return_period_seconds > 0).tolist()


# Against a slow, obvious version


def gaps_of(there):
    """How many slots lie between each sample and the next."""
    return (np.diff(np.flatnonzero(there)) - 1).tolist()


def slow_return_period(there, ahead, step_seconds, least_history=60):
    """Of the silence after the last sample, `ahead` slots after the end."""
    seen = np.flatnonzero(there)
    if len(seen) < least_history:
        return 0.0
    silence = len(there) - 1 - seen[-1] + ahead
    known = max(*gaps_of(there), 6, 300 / step_seconds)
    if silence <= known or silence - known > 86_400 / step_seconds:
        return 0.0
    watched = (seen[-1] - seen[0] + 1) * step_seconds
    return watched * ((silence + 1) / (known + 1)) ** 3


@st.composite
def presences(draw):
    """Spans in which a series is there and is not, in turn."""
    spans = draw(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1))
    begun = [False] * draw(st.integers(0, 20))
    spans = [[True] * present + [False] * absent for present, absent in spans]
    return np.array([*begun, *[slot for span in spans for slot in span], *[True] * 60])[:-1]


@pytest.mark.compiled
@patient
@given(
    there=presences(),
    gone=st.integers(0, 60),
    ahead=st.integers(-1, 200),
    part=st.integers(0, 999),
    step=st.sampled_from([15, 60, 900, 3_600]),
)
def test_a_silence_is_as_rare_as_the_slow_version_says(there, gone, ahead, part, step):
    there = np.append(there, [False] * gone)
    steady = np.ones(len(there) + 60, bool)
    history = np.zeros((2, len(steady)), bool)
    history[0, 60:], history[1] = there, steady
    model = fitted(history, 1_000 * step)
    carry = model.initial_carry()
    now = carry.next_milliseconds + 1_000 * step * ahead + part * step
    absence = model.absence(carry, now)
    wanted = slow_return_period(there, ahead, float(step))
    assert absence.return_period_seconds[0] == pytest.approx(wanted, rel=1e-12)
    first_silent = 61 + np.flatnonzero(there)[-1]
    assert absence.since_milliseconds[0] == START + 1_000 * step * first_silent


@pytest.mark.compiled
@patient
@given(first=presences(), second=presences(), gone=st.integers(0, 40))
def test_what_is_known_of_gaps_is_the_longest_and_the_sum_of_those_that_are_over(
    first, second, gone
):
    there = np.concatenate([np.ones(60, bool), first, [False] * gone])
    learned = fitted(there, MINUTE)
    whole = np.append(there, second)
    _, carry = learned.score(
        panel(second, MINUTE, first=len(there)),
        learned.initial_carry(),
    )
    for held, row in ((learned.memory.exact[0], there), (carry.arrays["exact"][0], whole)):
        assert held[LONGEST_GAP] == max(gaps_of(row))
        assert held[GAPS] == sum(gaps_of(row))
        assert held[SEEN] + held[GAPS] + held[GAP] == len(row)


# What is missed, and when


def test_a_single_host_is_missed_after_minutes():
    model = fitted(np.ones(2 * 2_880, bool), MINUTE // 2)
    times = missed(model, slots=120)
    assert times == list(range(times[0], 120))
    assert 10 < times[0] <= 30  # five to fifteen minutes


def test_the_longer_a_host_was_watched_the_sooner_it_is_missed():
    firsts = [missed(fitted(np.ones(n, bool), QUARTER), slots=400)[0] for n in (96, 480, 1_920)]
    assert firsts == sorted(set(firsts), reverse=True)
    assert firsts[-1] <= 8  # two hours are eight steps


@pytest.mark.parametrize(("step", "least"), [(1, 300), (15, 20), (60, 6), (900, 6)])
def test_no_silence_of_six_steps_or_five_minutes_is_news(step, least):
    model = fitted(np.ones(100, bool), 1_000 * step)
    assert rows_missed(model, slots=least) == []
    assert rows_missed(model, slots=least + 1) == [0]


def test_a_slot_that_is_not_over_does_not_count():
    model = fitted(np.ones(100, bool), QUARTER)
    carry = model.initial_carry()
    over = carry.next_milliseconds + 7 * QUARTER
    assert model.absence(carry, over - 1).return_period_seconds[0] == 0
    assert model.absence(carry, over).return_period_seconds[0] > 0


NIGHTS = np.tile(np.arange(A_DAY) < 8, 28)  # two hours of each of four weeks


def test_a_nightly_job_is_missed_only_on_the_night_on_which_it_does_not_come():
    model = fitted(NIGHTS, QUARTER)
    week = NIGHTS[: 7 * A_DAY].copy()
    week[3 * A_DAY : 4 * A_DAY] = False
    live, carry, said = panel(week, QUARTER, first=len(NIGHTS)), model.initial_carry(), []
    for slot in range(live.n_times):
        _, carry = model.score(live.columns(slot, slot + 1), carry)
        if score_at(model, carry, carry.next_milliseconds)[0] >= 1:
            said.append(slot)
    first, last = 3 * A_DAY, 4 * A_DAY - 1
    assert said == list(range(said[0], last + 1))
    assert first <= said[0] < first + 4  # within an hour of its time


def test_a_gap_that_happened_before_is_no_news_until_it_is_longer():
    there = np.ones(10 * A_DAY, bool)
    there[300:340] = False
    model = fitted(there, QUARTER)
    assert rows_missed(model, slots=40) == []
    assert rows_missed(model, slots=41) == [0]


def test_a_gap_is_known_only_when_it_is_over():
    there = np.ones(10 * A_DAY, bool)
    there[-40:] = False
    assert rows_missed(fitted(there, QUARTER)) == [0]


@pytest.mark.parametrize("gap", [0, 40, 3 * A_DAY])
def test_what_is_gone_for_a_day_longer_than_ever_is_forgotten(gap):
    there = np.ones(10 * A_DAY, bool)
    there[300 : 300 + gap] = False
    model = fitted(there, QUARTER)
    last = max(gap, 6) + A_DAY
    assert rows_missed(model, slots=last) == [0]
    assert rows_missed(model, slots=last + 1) == rows_missed(model, days=30) == []


def test_a_series_of_few_samples_is_not_missed():
    for n, is_missed in ((59, False), (60, True)):
        rows = np.zeros((2, 200), bool)
        rows[0, 200 - n :], rows[1] = True, True
        assert (rows_missed(fitted(rows, QUARTER), slots=50)[:1] == [0]) == is_missed


def test_a_series_that_never_was_there_is_not_missed():
    rows = np.zeros((2, 200), bool)
    rows[1] = True
    model = fitted(rows, QUARTER)
    assert model.memory.exact[0, GAP] < NOT_BEGUN / 2
    assert rows_missed(model, slots=50) == [1]


# Siblings


PODS = (*named("a", "b", "c", service="shop"), *named("d", service="mail"))
BY_SERVICE = {"series": PODS, "siblings": ("service",)}


def leaving(*slots_before_the_end):
    rows = np.ones((len(slots_before_the_end), 3 * A_DAY), bool)
    for row, gone in zip(rows, slots_before_the_end, strict=True):
        row[len(row) - gone :] = False
    return rows


def test_a_pod_of_which_a_sibling_lives_is_not_missed():
    rows = leaving(20, 0, 20, 20)
    assert rows_missed(fitted(rows, QUARTER, **BY_SERVICE)) == [3]
    assert rows_missed(fitted(rows, QUARTER, series=PODS)) == [0, 2, 3]


def test_of_siblings_that_are_all_gone_those_are_missed_that_left_last():
    assert rows_missed(fitted(leaving(30, 20, 20, 0), QUARTER, **BY_SERVICE)) == [1, 2]


def test_a_sibling_that_was_never_there_is_not_alive():
    rows = leaving(20, 20, 20, 0)
    rows[1] = False
    assert rows_missed(fitted(rows, QUARTER, **BY_SERVICE)) == [0, 2]


def test_siblings_have_equal_numbers_and_who_has_none_a_number_of_its_own():
    assert kin_of(PODS, ("service",)).tolist() == [0, 0, 0, 1]
    assert kin_of(PODS, ("rack",)).tolist() == [0, 0, 0, 0]
    assert kin_of(PODS, ()).tolist() == [0, 1, 2, 3]
    assert kin_of((), ("service",)).tolist() == []


def test_a_newcomer_knows_the_gaps_of_its_sibling_and_none_before_its_first_sample():
    rows = leaving(0, 0, 0, 0)
    rows[:, 100:130] = False
    model = fitted(rows, QUARTER, **BY_SERVICE)
    (new,) = named("e", service="shop")
    wider, carry = model.welcome({new: 10.0}, model.initial_carry())
    live = np.ones((5, 60), bool)
    live[4, :50] = False
    live_panel = panel(live, QUARTER, series=wider.series, first=rows.shape[1])
    _, after = wider.score(live_panel, carry)
    assert carry.arrays["exact"][4, LONGEST_GAP] == after.arrays["exact"][4, LONGEST_GAP] == 30
    held = carry.arrays["exact"][4]
    assert held[SEEN] + held[GAPS] == pytest.approx(A_DAY * (1 + 30 / (3 * A_DAY - 30)))
    assert wider.absence(after, after.next_milliseconds).return_period_seconds.tolist() == [0] * 5


def test_a_young_pod_of_a_history_that_has_left_is_not_alive():
    rows = leaving(10, 10, 10, 0)
    rows[1, :] = False
    rows[1, 100:105] = True
    model = fitted(rows, QUARTER, **BY_SERVICE)
    assert model.memory.exact[1, GAP] == 3 * A_DAY - 105
    assert rows_missed(model) == [0, 2]
