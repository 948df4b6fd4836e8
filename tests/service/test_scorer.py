"""The scorer under all the ways in which samples come."""

from functools import cache

import numpy as np
import pytest

from forewarn_models.contract import FittedDetector
from forewarn_models.fold import FoldPolicy, fold, start_fold
from forewarn_models.labels import labels_of
from forewarn_models.samples import NO_SAMPLES, Samples
from forewarn_models.verdicts import Verdicts
from forewarn_service.scorer import Scorer
from forewarn_service.timing import timing_of
from service_parts import fitted, healthy, history, samples_of

STEP = 1_000
END = 1_800_000_000_000
SERIES = tuple(labels_of({"machine": name, "site": "x"}) for name in "abc")
POLICY = FoldPolicy()


@cache
def model(seed: int = 3) -> FittedDetector:
    return fitted(history(SERIES, end_milliseconds=END, seed=seed), group_by=("site",))


def scorer(seed: int = 3) -> Scorer:
    champion = model(seed)
    start = start_fold(champion, POLICY)
    return Scorer(champion, POLICY, timing=timing_of(STEP), start=start)


def arriving(n_slots: int, *, seed: int = 11) -> Samples:
    """One sample a slot and row, each 300 ms after its slot begins."""
    values = healthy(np.random.default_rng(seed), (n_slots, len(SERIES)))
    times = END + 300 + STEP * np.arange(n_slots, dtype=np.int64)
    row = np.tile(np.arange(len(SERIES), dtype=np.int64), n_slots)
    return Samples(SERIES, row, np.repeat(times, len(SERIES)), values.ravel())


def keyed(*parts: Verdicts) -> dict[tuple[int, int], tuple[float, int]]:
    """Score and severity by row and time; fails when one is there twice."""
    found: dict[tuple[int, int], tuple[float, int]] = {}
    for part in parts:
        for row, time, score, severity in zip(
            part.row, part.timestamp_milliseconds, part.score, part.severity, strict=True
        ):
            assert (row, time) not in found
            found[int(row), int(time)] = (round(float(score), 9), int(severity))
    return found


def offline(samples: Samples, until: int) -> dict[tuple[int, int], tuple[float, int]]:
    order = np.argsort(samples.timestamp_milliseconds, kind="stable")
    champion = model()
    verdicts, _ = fold(
        champion,
        POLICY,
        samples.select(order),
        start_fold(champion, POLICY),
        until_milliseconds=until,
    )
    return keyed(verdicts)


def test_scores_of_single_ticks_equal_those_of_one_offline_fold() -> None:
    samples, live = arriving(200), scorer()
    parts = []
    for slot in range(200):
        chosen = samples.select(np.arange(slot * 3, slot * 3 + 3))
        parts.append(live.advance(chosen, now_milliseconds=END + slot * STEP + 400).emitted)
    parts.append(live.advance(samples.select(np.arange(0)), now_milliseconds=END + 300_000).emitted)
    assert offline(samples, END + 200 * STEP) == keyed(*parts)


def test_who_is_missed_is_known_again_when_a_newcomer_was_taken_in() -> None:
    champion = fitted(history(SERIES, end_milliseconds=END), siblings=("site",))
    start = start_fold(champion, POLICY)
    live = Scorer(champion, POLICY, timing=timing_of(STEP), start=start)
    live.advance(arriving(100), now_milliseconds=END + 100_000)
    until = END + 100_000 + 301_000
    assert live.missed(until - 1) == {}
    assert sorted(live.missed(until)) == [0, 1, 2]
    wider = live.welcome({labels_of({"machine": "new", "site": "x"}): 1.0})
    assert wider is not None
    assert wider.missed(until) == {}  # its samples are not folded yet
    wider.advance(NO_SAMPLES, now_milliseconds=until)
    assert wider.missed(until) == live.missed(until)


def test_what_was_newest_of_series_and_groups_stays_when_a_newcomer_is_taken_in() -> None:
    panel = history(SERIES, end_milliseconds=END)
    champion = fitted(panel, group_by=("site",), siblings=("site",))
    live = Scorer(champion, POLICY, timing=timing_of(STEP), start=start_fold(champion, POLICY))
    samples = arriving(60)
    value = np.where(samples.timestamp_milliseconds > END + 40_000, 5.0, samples.value)
    samples = Samples(SERIES, samples.row, samples.timestamp_milliseconds, value)
    live.advance(samples, now_milliseconds=END + 62_000)
    wider = live.welcome({labels_of({"machine": "new", "site": "x"}): 1.0})
    assert wider is not None
    before, after = live.newest.table, wider.newest.table
    assert after.series == wider.model.output_series
    assert after.row.tolist() == list(range(5))
    rows = [0, 1, 2, 4]  # the newcomer stands between the series and their group
    assert [after.series[row] for row in rows] == list(before.series)
    assert (before.severity > 0).all()
    for name in ("timestamp_milliseconds", "score", "severity", "episode_start_milliseconds"):
        np.testing.assert_array_equal(getattr(after, name)[rows], getattr(before, name))
    assert np.isnan(after.score[3])
    wider.advance(samples, now_milliseconds=END + 62_000)
    np.testing.assert_array_equal(wider.newest.table.score[rows], before.score)


def test_samples_that_were_read_before_are_not_scored_again() -> None:
    samples, live = arriving(10), scorer()
    live.advance(samples, now_milliseconds=END + 60_000)
    again = live.advance(samples, now_milliseconds=END + 61_000)
    assert len(again.emitted) == 0


def test_series_of_one_slot_may_come_one_by_one() -> None:
    samples, live = arriving(20), scorer()
    parts = [
        live.advance(samples.select(np.array([n])), now_milliseconds=END + n * STEP // 3).emitted
        for n in range(len(samples))
    ]
    parts.append(live.advance(samples, now_milliseconds=END + 60_000).emitted)
    found = keyed(*parts)
    assert offline(samples, END + 20 * STEP) == found


def test_a_late_sample_is_scored_once_and_what_follows_is_as_if_it_had_been_there() -> None:
    samples, live = arriving(120), scorer()
    late = np.arange(len(samples)) == 3 * 20 + 1
    parts = [live.advance(samples.select(~late), now_milliseconds=END + 120_000).emitted]
    parts.append(live.advance(samples, now_milliseconds=END + 121_000).emitted)
    assert [key for key in keyed(parts[1]) if key[0] < 3] == [(1, END + 20 * STEP + 300)]
    assert offline(samples, END + 120 * STEP).keys() == keyed(*parts).keys()
    following = samples_of({SERIES[1]: [(END + 120 * STEP + 300, 1.3)]})
    straight = scorer()
    straight.advance(samples, now_milliseconds=END + 120_000)
    after = [
        keyed(each.advance(following, now_milliseconds=END + 121_000).emitted)
        for each in (straight, live)
    ]
    key = (1, END + 120 * STEP + 300)
    assert after[0][key] == after[1][key]


def test_a_sample_older_than_the_window_is_counted_and_not_scored() -> None:
    samples, live = arriving(1_500), scorer()
    live.advance(samples, now_milliseconds=END + 1_500_000)
    late = samples_of({SERIES[0]: [(END + 500, 1.0)]})
    found = live.advance(late, now_milliseconds=END + 1_500_000)
    assert (found.n_too_late, len(found.emitted)) == (1, 0)


def test_a_long_gap_is_crossed_and_scoring_goes_on() -> None:
    live = scorer()
    live.advance(arriving(5), now_milliseconds=END + 6_000)
    later = END + 7_200_000 + 300
    found = live.advance(samples_of({SERIES[0]: [(later, 1.0)]}), now_milliseconds=later + 100)
    assert [(0, later)] == list(keyed(found.emitted))


def test_groups_are_handed_out_once_when_their_slot_is_over() -> None:
    samples, live = arriving(3), scorer()
    first = live.advance(samples, now_milliseconds=END + 2_400).emitted
    assert first.timestamp_milliseconds[first.row == 3].tolist() == [END]
    second = live.advance(samples, now_milliseconds=END + 60_000).emitted
    assert list(keyed(second)) == [(3, END + 1_000), (3, END + 2_000)]


def test_an_unknown_series_is_named_with_its_newest_time() -> None:
    other = labels_of({"machine": "new"})
    found = scorer().advance(
        samples_of({other: [(END, 1.0), (END + 1_000, 1.0)], SERIES[0]: [(END, 1.0)]}),
        now_milliseconds=END + 1_400,
    )
    assert ({other: (END + 1_000, 1.0)}, 1) == (found.unknown, len(found.emitted))


def test_verdicts_up_to_a_given_time_do_not_leave_but_are_known() -> None:
    samples, live = arriving(10), scorer()
    found = live.advance(
        samples, now_milliseconds=END + 60_000, emitted_until_milliseconds=END + 5_300
    )
    is_series = found.emitted.row < 3
    assert found.emitted.timestamp_milliseconds[is_series].min() == END + 6_300
    assert is_series.sum() == 12
    assert np.isfinite(live.newest.table.score[:3]).all()


def test_the_checkpointed_state_leads_to_the_same_scores() -> None:
    samples, live = arriving(300), scorer()
    live.advance(samples, now_milliseconds=END + 300_000)
    state = live.state_before(END + 200_000)
    resumed = Scorer(model(), POLICY, timing=timing_of(STEP), start=state)
    rest = samples.select(samples.timestamp_milliseconds >= state.carry.next_milliseconds)
    found = keyed(resumed.advance(rest, now_milliseconds=END + 400_000).emitted)
    expected = offline(samples, END + 300 * STEP)
    assert {key: expected[key] for key in found} == found
    assert len({time for _, time in found if time > END + 200_000 and time % 1_000}) + 200 == 300


@pytest.mark.parametrize("seed", range(8))
def test_any_order_of_arrival_scores_each_sample_once(seed: int) -> None:
    generator = np.random.default_rng(seed)
    samples, live = arriving(150, seed=seed), scorer()
    delay = generator.exponential(8_000, len(samples)).astype(np.int64)
    order = np.argsort(samples.timestamp_milliseconds + delay)
    parts, now = [], END
    for chosen in np.array_split(order, 40):
        now = max(now, int(samples.timestamp_milliseconds[chosen].max())) + 10
        parts.append(live.advance(samples.select(chosen), now_milliseconds=now).emitted)
    series = [key for key in keyed(*parts) if key[0] < 3]
    assert sorted(series) == sorted(key for key in offline(samples, END + 150_000) if key[0] < 3)


def test_a_new_champion_hands_out_only_what_the_old_one_has_not() -> None:
    samples, old, new = arriving(60), scorer(), scorer(seed=4)
    seen = samples.timestamp_milliseconds < END + 40_000
    old.advance(samples.select(seen), now_milliseconds=END + 40_000)
    silently = samples.timestamp_milliseconds < END + 50_000
    new.advance(
        samples.select(silently), now_milliseconds=END + 50_000, emitted_until_milliseconds=1 << 42
    )
    new.adopt(old)
    found = new.advance(samples, now_milliseconds=END + 62_000).emitted
    is_series = found.row < 3
    assert sorted({*range(40, 60)}) == sorted(
        {int(time - END) // STEP for time in found.timestamp_milliseconds[is_series]}
    )
    assert is_series.sum() == 60
