from copy import deepcopy
from functools import cache

import numpy as np
import pytest

import oracles_walk as oracle
from forewarn_models import layout
from forewarn_models.baseline import KIND_JUDGED, KIND_LEVEL, KIND_LOSS, KIND_RUN
from forewarn_models.calendar import hours_of
from forewarn_models.judging import look_up
from forewarn_models.layout import SEEN
from forewarn_models.learning import learned
from forewarn_models.noise import DAYS, HOURS, MEAN, N_CARRIED, N_LEARNED, RECENT
from forewarn_models.novelty import N_INTERVALS, N_PARTS
from forewarn_models.rules import rules_of
from forewarn_models.seasons import NO_SEASON, Season, first_bins
from forewarn_models.tails import N_BINS, N_TAIL
from forewarn_models.views import (
    CHANGE,
    LEVEL_VIEW,
    N_VIEWS,
    SEASON,
    SLOWER,
    STUCK,
    UNREST,
    VALUE,
)
from forewarn_models.walk import blank_memory, room_for, score_walk
from forewarn_models.windows import N_ACCOUNT, SLOTS
from oracles_walk import Walk
from strategies import (
    START,
    constant,
    counter_with_resets,
    huge,
    noise,
    rare_events,
    sparse,
    tiny,
    zeros,
)

LEARNED, SCORED = 330, 150
FRIDAY_EVENING = START + (2 * 24 + 22) * 3_600_000
DIRECTIONS = {10: "both", 60: "up", 300: "down", 3_600: "both"}
WATCHED_BEFORE = 40_000  # samples: as if a series had been walked for days


def daily_shape(n):
    shape = np.repeat([0.0, 40.0, -25.0], 8)
    return 100 + np.resize(shape, n) + noise(n, seed=1, level=0.0)


def gaps(n):
    values = noise(n, seed=2)
    for first, length in ((20, 5), (40, 6), (60, 7), (90, 10), (120, 11), (150, 60), (300, 61)):
        values[first : first + length] = np.nan
    values[::17] = np.nan
    return values


def spikes(n):
    values = noise(n, seed=3, level=3.0) ** 2
    values[[100, 250, 251, LEARNED + 20, LEARNED + 60, LEARNED + 62]] *= 40
    return values


def level_shift(n):
    values = noise(n, seed=4)
    values[200:] += 9
    values[LEARNED + 50 :] -= 25
    return values


def stuck(n):
    values = noise(n, seed=5)
    values[60:100] = values[60]
    values[LEARNED + 30 : LEARNED + 120] = values[LEARNED + 30]
    return values


def calm_then_wild(n):
    values = noise(n, seed=6)
    values[LEARNED + 20 :] *= 5
    return values


def around_zero(n):
    return noise(n, seed=7, level=0.0)


def large(n):
    return huge(n) * 1e-276


def small(n):
    return tiny(n) * 1e276


def missing(n):
    return np.full(n, np.nan)


KINDS = (
    noise,
    daily_shape,
    constant,
    zeros,
    counter_with_resets,
    gaps,
    sparse,
    spikes,
    level_shift,
    stuck,
    calm_then_wild,
    around_zero,
    rare_events,
    large,
    small,
    missing,
)
VALUES = np.array([make(LEARNED + SCORED) for make in KINDS])
OFFSETS = np.where((VALUES[:, :LEARNED] < 0).any(axis=1), np.nan, 0.3)


# The whole walk against the oracle's


class Walked:
    """Both walks of all series at one step: a lesson, and what is said afterwards."""

    def __init__(self, step):
        second, milliseconds = step == 3_600, 1_000 * step
        seasons = (
            NO_SEASON,
            Season(64 * milliseconds, 16),
            Season(24 * milliseconds, 24, days_off_apart=second),
        )
        self.walk = Walk(
            step,
            n=len(KINDS),
            seasons=seasons,
            start=FRIDAY_EVENING,
            direction=DIRECTIONS[step],
            offset=OFFSETS,
        )
        self.series = [oracle.Series(self.walk.rules, offset) for offset in OFFSETS]
        self._learn()
        self._score()

    def _learn(self):
        self.lesson, clock = self.walk.learn(VALUES[:, :LEARNED])
        self.taught = [
            oracle.learned(row[:LEARNED], clock, series, self.walk.n_bins)
            for row, series in zip(VALUES, self.series, strict=True)
        ]
        self.after_lesson = self._remembered()

    def _score(self):
        self.walk.memory.exact[:, SEEN] += WATCHED_BEFORE
        for series in self.series:
            series.seen += WATCHED_BEFORE
        self.said, clock = self.walk.score(VALUES[:, LEARNED:])
        _, kinds, places, center = self.walk.known
        self.foretold = [
            oracle.scored(row[LEARNED:], clock, (kind, place, center), series)
            for row, kind, place, series in zip(VALUES, kinds, places, self.series, strict=True)
        ]
        self.after_score = self._remembered()

    def _remembered(self):
        rows = zip(self.series, *self.walk.memory, strict=True)
        return [(oracle.held(series), oracle.read(*row)) for series, *row in rows]


@pytest.fixture(scope="module", params=list(DIRECTIONS))
def walked(request):
    return Walked(request.param)


def assert_alike(row, name, actual, wanted):
    is_single = np.asarray(actual).dtype == np.float32
    largest = np.abs(VALUES[row]).max(initial=0.0, where=np.isfinite(VALUES[row]))
    np.testing.assert_allclose(
        actual,
        wanted,
        rtol=1e-4 if is_single else 1e-9,
        atol=1e-11 * largest,
        err_msg=f"{name} of {KINDS[row].__name__}",
    )


def assert_remembered(both):
    for row, (wanted, actual) in enumerate(both):
        assert actual.keys() == wanted.keys()
        for name, value in actual.items():
            assert_alike(row, name, value, wanted[name])


def test_what_a_lesson_leaves_in_memory_is_what_the_oracle_remembers(walked):
    assert_remembered(walked.after_lesson)


def test_the_cycles_that_are_tried_are_those_of_the_oracle(walked):
    tried = walked.lesson.tried
    for row, (best, trial, sizes) in enumerate(walked.taught):
        kinds = np.array([[k.level, k.run, k.loss, k.judged] for k in trial.kinds])
        actual = tried.kinds[row][:, [KIND_LEVEL, KIND_RUN, KIND_LOSS, KIND_JUDGED]]
        assert walked.lesson.kind[row] == best
        assert_alike(row, "kinds", actual, kinds)
        assert_alike(row, "centers", tried.centers[row], trial.centers)
        assert_alike(row, "counts", tried.counts[row], trial.counts)
        assert_alike(row, "noise", walked.lesson.noise[row], sizes)


def test_what_is_said_is_what_the_oracle_says(walked):
    for row, foretold in enumerate(walked.foretold):
        for name, wanted in foretold.items():
            assert_alike(row, name, getattr(walked.said, name)[row], wanted)


def test_what_scoring_leaves_in_memory_is_what_the_oracle_remembers(walked):
    assert_remembered(walked.after_score)


# Where things lie


def test_each_thing_has_a_place_of_its_own_in_the_rows():
    channels, windows, watched = layout.N_CHANNELS, layout.N_WINDOWS, layout.N_NOVEL
    exact = [
        *((place, 1) for place in [*oracle.NUMBERS.values(), layout.LAST_HOUR]),
        (layout.ACCOUNTS, windows * N_ACCOUNT),
        (layout.SLOT, windows * SLOTS),
        (layout.NOISE, (channels + 1) * N_CARRIED),
        (layout.LEARNED, (channels + 1) * N_LEARNED),
        (layout.TAIL, channels * N_TAIL),
        (layout.CLUSTER, windows * layout.N_CLUSTER),
        (layout.PARTS, watched * N_PARTS),
        (layout.BELOW, watched * N_INTERVALS),
        (layout.ABOVE, watched * N_INTERVALS),
    ]
    rough = [
        (layout.HOUR_MEANS, (channels + 1) * HOURS),
        (layout.HOUR_COUNTS, HOURS),
        (layout.SIZES, channels * N_BINS),
        (layout.PEAKS, (DAYS + 1) * HOURS),
    ]
    work = [
        (layout.DECADES, N_VIEWS),
        (layout.SIGNS, N_VIEWS),
        (layout.DEVIATIONS, channels + 1),
        (layout.IN_NOISE, channels),
        (layout.USUAL, channels + 1),
        (layout.RISING, windows * SLOTS),
    ]
    rows = {layout.N_EXACT: exact, layout.N_ROUGH: rough, layout.N_WORK: work}
    for width, things in rows.items():
        cells = [place + cell for place, size in things for cell in range(size)]
        assert sorted(cells) == list(range(width))


def test_a_blank_memory_is_what_the_oracle_begins_with():
    memory = blank_memory(3)
    wanted = oracle.held(oracle.Series(Walk(60).rules, np.nan))
    for exact, rough in zip(*memory, strict=True):
        for name, value in oracle.read(exact, rough).items():
            np.testing.assert_allclose(value, wanted[name], rtol=1e-12, err_msg=name)
    assert memory.rough.dtype == np.float32


def test_there_is_room_for_views_only_where_they_are_asked_for():
    assert room_for(2, 5).views.shape == (0, 5, N_VIEWS)
    assert np.isnan(room_for(2, 5, with_views=True).views).all()
    assert room_for(2, 5, with_views=True).views.shape == (2, 5, N_VIEWS)


# How a walk goes


def test_each_series_is_walked_as_if_it_were_alone(walked):
    for row in (0, 7, 10):
        alone = Walk(
            walked.walk.step // 1_000,
            seasons=walked.walk.seasons,
            start=FRIDAY_EVENING,
            offset=OFFSETS[row],
        )
        lesson, _ = alone.learn(VALUES[row, :LEARNED])
        np.testing.assert_array_equal(lesson.tried.kinds[0], walked.lesson.tried.kinds[row])
        np.testing.assert_array_equal(lesson.noise[0], walked.lesson.noise[row])


def test_a_walk_in_pieces_says_what_it_says_in_one():
    whole, pieces = (Walk(60, n=len(KINDS), offset=OFFSETS) for _ in range(2))
    for walk in (whole, pieces):
        walk.learn(VALUES[:, :LEARNED])
    later = VALUES[:, LEARNED:]
    said, _ = whole.score(later)
    parts = [pieces.score(part)[0] for part in np.split(later, [1, 8, 100], axis=1)]
    for one, *several in zip(said, *parts, strict=True):
        np.testing.assert_array_equal(one, np.concatenate(several, axis=1))
    for actual, wanted in zip(pieces.memory, whole.memory, strict=True):
        np.testing.assert_array_equal(actual, wanted)


def test_a_walk_that_need_not_show_its_views_says_the_same():
    loud, quiet = (Walk(60, offset=1.0) for _ in range(2))
    said, clock = loud.score(VALUES[7])
    short = room_for(1, VALUES.shape[1])
    score_walk(VALUES[7:8], clock, quiet.known, quiet.memory, short, quiet.rules)
    for name in ("expected", "lower", "upper", "decades", "which", "sign", "noise"):
        np.testing.assert_array_equal(getattr(said, name), getattr(short, name))


def test_a_lesson_that_need_not_show_its_noise_teaches_the_same():
    clock, rules = Walk(60).clock(LEARNED), rules_of(60.0)
    values, n_bins = VALUES[:3, :LEARNED], first_bins((NO_SEASON,))
    loud, quiet = (
        learned(values, clock, n_bins, rules, with_noise=with_noise) for with_noise in (True, False)
    )
    assert (loud[2].shape, quiet[2].shape) == ((3, LEARNED), (0, LEARNED))
    for one, other in zip([*loud[0], *loud[1]], [*quiet[0], *quiet[1]], strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_meets_samples_as_scoring_does():
    taught, told = Walk(60, offset=1.0), Walk(60, offset=1.0)
    lesson, _ = taught.learn(VALUES[7])
    said, _ = told.score(VALUES[7])
    np.testing.assert_array_equal(lesson.noise, said.noise)


# What is said


def after(values, later, *, step=300, **where):
    walk = Walk(step, **where)
    walk.learn(values)
    return walk.score(later)[0]


def after_usual(later, direction="both"):
    walk = deepcopy(usual_walk())
    walk.rules = rules_of(300.0, direction)
    return walk.score(later)[0]


@cache
def usual_walk():
    walk = Walk(300, offset=1.0)
    walk.learn(USUAL)
    return walk


def view_of(said, view):
    return said.views[0, :, view]


WEEK = 7 * 288  # at five minutes
USUAL = noise(WEEK, seed=20)
LATER = noise(288, seed=21)
ORDINARY = np.log10(300.0)


def faulty(first, **fault):
    """A day of noise with a fault from `first` on, for `n` samples or for good."""
    values = LATER.copy()
    part = values[first:][: fault.get("n")]
    part[:] = 10 + fault.get("spread", 1.0) * (part - 10) + fault.get("plus", 0.0)
    if fault.get("still"):
        part[:] = part[0]
    return values


def test_before_anything_is_known_a_sample_is_as_rare_as_one_a_step():
    said, _ = Walk(300).score(noise(10))
    assert said.decades[0].tolist() == pytest.approx([ORDINARY] * 10)
    assert said.which[0].tolist() == [CHANGE] * 10


def test_where_there_is_no_sample_a_band_is_given_and_nothing_said():
    later = LATER.copy()
    later[5:9] = np.nan
    said = after_usual(later)
    assert np.flatnonzero(np.isnan(said.decades[0])).tolist() == [5, 6, 7, 8]
    assert set(said.which[0, 5:9].tolist()) == {-1}
    assert set(said.sign[0, 5:9].tolist()) == {0}
    assert np.isnan(said.noise[0, 5:9]).all()
    assert (said.lower < said.expected).all()
    assert (said.expected < said.upper).all()
    assert len(set(said.expected[0, 5:9].tolist())) == 1


@pytest.mark.parametrize(
    ("view", "values"),
    [
        (CHANGE, faulty(100, n=1, plus=25)),
        (VALUE, faulty(100, n=1, plus=25)),
        (SLOWER, faulty(100, plus=12)),
        (LEVEL_VIEW, faulty(100, plus=8)),
        (SEASON, faulty(100, plus=8)),
        (UNREST, faulty(100, spread=3.0)),
        (UNREST, faulty(0, spread=0.02)),
        (STUCK, faulty(100, still=True)),
    ],
)
def test_a_fault_is_rare_in_the_view_that_looks_for_it(view, values):
    quiet, said = view_of(after_usual(LATER), view), view_of(after_usual(values), view)
    assert said[100:].max() > 6
    assert said[100:].max() > quiet.max() + 0.5


@pytest.mark.parametrize(("plus", "sign"), [(25, 1), (-25, -1)])
def test_the_sign_says_on_which_side_a_value_lies(plus, sign):
    values = faulty(100, n=1, plus=plus)
    assert after_usual(values).sign[0, 100] == sign
    told = {d: after_usual(values, d).decades[0, 100] for d in ("both", "up", "down")}
    other = "down" if sign > 0 else "up"
    assert told["both"] == told["up" if sign > 0 else "down"] > 6
    assert told[other] < 4


def test_a_spike_echoes_for_an_hour_at_most_and_fainter():
    decades = after_usual(faulty(100, n=1, plus=25)).decades[0]
    assert decades[101:].max() < decades[100] - 1
    assert decades[112:].max() < np.log10(30 * 86_400)


def test_a_new_value_is_said_for_one_to_two_blocks_and_then_known():
    said = view_of(after_usual(faulty(100, plus=20)), VALUE)
    assert (said[100:106] > 6).all()
    assert said[115:].max() < 6.5
    assert np.median(said[115:]) == 0


def test_a_series_that_grows_shows_no_new_deviations():
    growing = np.arange(WEEK + 288) * 0.02
    steady = growing + np.concatenate([USUAL, LATER])
    said = view_of(after(steady[:WEEK], steady[WEEK:]), VALUE)
    jumping = np.concatenate([steady[WEEK : WEEK + 100], steady[WEEK + 100 :] + 30])
    jumped = view_of(after(steady[:WEEK], jumping), VALUE)
    assert said.max() < 6.0
    assert jumped[100] > said.max() + 1


def test_a_deviation_in_an_hour_that_is_always_wild_is_ordinary():
    hours = hours_of(START + 300_000 * np.arange(WEEK + 288))
    values = 10 + (np.concatenate([USUAL, LATER]) - 10) * np.where(hours == 9, 8.0, 1.0)
    later = values[WEEK:]
    later[[3 * 12 + 6, 9 * 12 + 6]] = 20.0
    said = view_of(after(values[:WEEK], later), CHANGE)
    assert said[3 * 12 + 6] > said[9 * 12 + 6] + 1.5


def test_a_change_that_the_profile_foretold_is_excused():
    jump = np.where(hours_of(START + 300_000 * np.arange(WEEK + 288)) == 9, 60.0, 0.0)
    values = np.concatenate([USUAL, LATER]) + jump
    early = values[WEEK:].copy()
    early[48:51] += 60
    by_day = {"seasons": (NO_SEASON, Season(86_400_000, 288))}
    usual, strange, unexcused = (
        view_of(after(values[:WEEK], later, **where), CHANGE)
        for later, where in ((values[WEEK:], by_day), (early, by_day), (values[WEEK:], {}))
    )
    assert unexcused[108] > usual[108] + 1
    assert strange[48] > usual.max() + 1


def test_what_is_ordinary_in_proportion_is_ordinary():
    values = np.exp(noise(WEEK + 288, seed=23, scale=0.3, level=0.0))
    values[WEEK // 2 :] *= 20
    later = values[WEEK:]
    plain, in_logarithms = (
        view_of(after(values[:WEEK], later, offset=offset), CHANGE) for offset in (np.nan, 0.1)
    )
    assert (in_logarithms <= plain + 0.7).all()
    assert in_logarithms.max() < plain.max() - 0.3


def test_an_incident_hardly_moves_what_is_usual():
    walks = [deepcopy(usual_walk()) for _ in range(2)]
    for walk, later in zip(walks, (LATER, faulty(100, n=6, plus=1e4)), strict=True):
        walk.score(later)
    calm, hurt = (oracle.read(walk.memory.exact[0], walk.memory.rough[0]) for walk in walks)
    assert hurt["level"] == pytest.approx(calm["level"], abs=0.3)
    for channel in range(4):
        mean = oracle.LEARNED["mean"]
        ratio = hurt[f"usual {channel}"][mean] / calm[f"usual {channel}"][mean]
        assert ratio == pytest.approx(1.0, abs=0.05)
        assert hurt[f"tail {channel}"] == pytest.approx(calm[f"tail {channel}"], rel=0.1)


def looked_up(hour_count, recent):
    memory = blank_memory(1)
    exact, rough = memory.exact[0], memory.rough[0].astype(oracle.SINGLE)
    exact[layout.LEARNED + MEAN :: N_LEARNED][:5] = 10.0
    rough[layout.HOUR_MEANS + 7 : layout.HOUR_COUNTS : HOURS] = [20, 30, 40, 50, 60]
    rough[layout.HOUR_COUNTS + 7] = hour_count
    exact[layout.NOISE + RECENT :: N_CARRIED][:5] = recent
    work = np.zeros(layout.N_WORK)
    look_up(exact, rough, work, 7)
    return work[layout.USUAL : layout.USUAL + 5].tolist()


def test_what_is_usual_is_that_of_the_hour_once_it_is_known_or_of_wilder_times_now():
    assert looked_up(0, 0) == [10] * 5
    assert looked_up(20, 0) == [15, 20, 25, 30, 35]
    assert looked_up(1e9, 0) == pytest.approx([20, 30, 40, 50, 60])
    assert looked_up(1e9, 45) == pytest.approx([45, 45, 45, 50, 60])


@pytest.mark.parametrize(("step", "window", "n"), [(60, 0, 10), (60, 1, 60), (10, 0, 60)])
def test_a_gap_longer_than_a_window_empties_it(step, window, n):
    for gap, is_kept in ((n, True), (n + 1, False)):
        walk = Walk(step)
        walk.score(np.concatenate([noise(400), [np.nan] * gap, [5.0]]))
        held = oracle.read(walk.memory.exact[0], walk.memory.rough[0])[f"window {window}"]
        assert (len(held) > 4) == is_kept
        assert walk.memory.exact[0, layout.GAP] == 0


def crowding(*places):
    values = noise(600, seed=24)
    for first in (150, 250, 350, 450, 550):
        values[[first + place for place in places]] += 40
    walk = Walk(300)
    walk.score(values)
    return oracle.read(walk.memory.exact[0], walk.memory.rough[0])["crowd 0"]


def test_deviations_that_crowd_are_rarer_as_clusters_and_lone_ones_are_not():
    lone, pairs, apart = crowding(0), crowding(0, 2), crowding(0, 30)
    assert pairs[0] >= lone[0] + 4
    assert pairs[1] == lone[1]
    assert apart[1] >= lone[1] + 4
    assert pairs[3] > lone[3] + 0.1
    assert apart[3] == pytest.approx(lone[3], abs=0.1)


def test_standing_still_is_news_only_on_a_series_that_changes():
    seldom = np.repeat(np.arange(25.0), 12)
    assert view_of(after(seldom, np.full(200, 24.0)), STUCK).max() == 0
    often = np.repeat(np.arange(50.0), 6)
    assert view_of(after(often, np.full(200, 49.0)), STUCK).max() > 6


def test_a_stay_that_is_no_longer_than_one_before_is_no_news():
    values = USUAL.copy()
    values[500:540] = values[500]
    still = faulty(100, still=True)
    known, new = (view_of(said, STUCK) for said in (after(values, still), after_usual(still)))
    first = np.flatnonzero(new)[0], np.flatnonzero(known)[0]
    assert first == (107, 140)
    assert new[-1] < new[107] - 2  # it becomes known, too
