import numpy as np
import pytest

from forewarn_models.detector import RarityDetector
from forewarn_models.panel import Panel
from forewarn_models.peers import differences
from forewarn_models.views import DISCOUNTS, N_VIEWS, PEERS

pytestmark = pytest.mark.compiled

DAY, STEP = 288, 300_000
LEARNED, JUDGED = 14 * DAY, DAY
MONTH = 30 * 86_400.0
ILL_FROM = LEARNED + 100
N = 8


def fleet(n=N, *, ill=None, seed=0):
    """Pods that share a load which wanders, each with a little noise; one may be ill."""
    generator = np.random.default_rng(seed)
    times = np.arange(LEARNED + JUDGED)
    load = np.exp(
        np.sin(2 * np.pi * times / DAY) + np.cumsum(generator.normal(0, 0.03, len(times)))
    )
    values = 100 * load * (1 + generator.normal(0, 0.03, (n, len(times))))
    if ill is not None:
        values[ill, ILL_FROM:] *= 1.4
    return values


def panel(values, start=0):
    series = tuple((("pod", str(row)), ("service", "shop")) for row in range(len(values)))
    return Panel(values, series, start * STEP, STEP)


def fitted(values, **options):
    return RarityDetector(**options).fit(panel(values[:, :LEARNED]))


def told(model, values):
    return model.score(panel(values[:, LEARNED:], LEARNED), model.initial_carry())[0]


@pytest.fixture(scope="module")
def model():
    return fitted(fleet(), siblings=("service",))


def test_a_difference_is_to_the_median_of_the_siblings_that_have_a_sample():
    values = np.array([[1.0, 1], [2, 2], [4, np.nan], [8, 8], [16, 16], [99, 99]])
    members = np.array([[0, 1, 2, 3, 4, -1]])
    np.testing.assert_array_equal(
        differences(values, members),
        [[-3, np.nan], [-2, np.nan], [0, np.nan], [4, np.nan], [12, np.nan]],
    )
    np.testing.assert_array_equal(
        differences(values, np.array([[5, 4, 3, 1, 0, 2]]))[:, 1], [91, 8, 0, -6, -7, np.nan]
    )


def test_differences_of_many_columns_are_those_of_each_one():
    values = np.random.default_rng(0).normal(size=(7, 50)).repeat(10_000, axis=1)
    members = np.array([[0, 2, 3, 5, 6], [1, 4, -1, -1, -1]])
    whole = differences(values, members)
    assert whole.shape == (7, 500_000)
    np.testing.assert_array_equal(whole[:, ::10_000], differences(values[:, ::10_000], members))
    assert np.isnan(whole[5:]).all()  # two alone have no median


def test_an_ill_sibling_is_found_that_is_ordinary_in_itself(model):
    values = fleet(ill=3)
    alone = told(fitted(values), values)
    beside = told(model, values)
    when = slice(ILL_FROM - LEARNED, ILL_FROM - LEARNED + 36)
    assert (alone.return_period_seconds[3, when] < MONTH).all()
    found = beside.return_period_seconds[3, when] >= MONTH
    assert found.any()
    assert (beside.view[3, when][found] == PEERS).all()
    assert (beside.direction[3, when][found] == 1).all()
    healthy = np.delete(beside.return_period_seconds, 3, axis=0)
    assert (healthy[:, when] < MONTH).all()


def test_what_all_siblings_do_is_nothing_to_their_differences(model):
    values = fleet()
    values[:, ILL_FROM:] *= 1.4
    views = model.views(panel(values[:, LEARNED:], LEARNED), model.initial_carry())
    usual = model.views(panel(fleet()[:, LEARNED:], LEARNED), model.initial_carry())
    assert views[:, :, PEERS].max() <= usual[:, :, PEERS].max() + 0.5


def test_the_rarest_of_the_own_views_and_the_peers_is_told(model):
    values = fleet(ill=3)
    views = model.views(panel(values[:, LEARNED:], LEARNED), model.initial_carry())
    assert views.shape == (N, JUDGED, N_VIEWS)
    best = np.maximum((views - np.array(DISCOUNTS)).max(axis=2), np.log10(300.0))
    seconds = told(model, values).return_period_seconds
    np.testing.assert_allclose(np.log10(seconds), best, rtol=1e-9)


def test_only_the_wanted_side_is_told():
    values = fleet(ill=3)
    periods = {
        direction: told(
            fitted(values, siblings=("service",), direction=direction), values
        ).return_period_seconds[3, ILL_FROM - LEARNED :]
        for direction in ("up", "down")
    }
    assert periods["up"].max() >= MONTH
    assert periods["down"].max() < MONTH


@pytest.mark.parametrize(("n", "options"), [(4, {"siblings": ("service",)}), (N, {})])
def test_few_siblings_and_none_have_no_peers(n, options):
    model = fitted(fleet(n), **options)
    assert model.peers.memory.exact.shape[0] == 0
    views = model.views(panel(fleet(n)[:, LEARNED:], LEARNED), model.initial_carry())
    assert (views[:, :, PEERS] == 0).all()


def test_while_few_siblings_have_samples_the_others_say_what_they_say_alone(model):
    values = fleet(ill=3)
    values[4:, LEARNED:] = np.nan
    beside, alone = told(model, values), told(fitted(fleet()), values)
    np.testing.assert_array_equal(beside.return_period_seconds, alone.return_period_seconds)
    np.testing.assert_array_equal(beside.view, alone.view)


def test_a_difference_that_is_hardly_known_says_nothing():
    values = fleet(ill=3)
    values[:4, : LEARNED - 50] = np.nan  # four have no median: differences begin here
    model = fitted(values, siblings=("service",))
    views = model.views(panel(values[:, LEARNED:], LEARNED), model.initial_carry())[:, :, PEERS]
    assert (views[:, :10] == 0).all()
    assert (views[:, 10] > 0).all()


def test_a_newcomer_waits_for_the_next_training_to_have_peers(model):
    wider, carry = model.welcome(
        {(("pod", "new"), ("service", "shop")): 100.0}, model.initial_carry()
    )
    values = np.concatenate([fleet(ill=3)[:, LEARNED:], fleet()[:1, LEARNED:]])
    series = (*model.series, (("pod", "new"), ("service", "shop")))
    scores, _ = wider.score(Panel(values, series, LEARNED * STEP, STEP), carry)
    assert (scores.view[-1] != PEERS).all()
    np.testing.assert_array_equal(
        scores.return_period_seconds[:-1], told(model, fleet(ill=3)).return_period_seconds
    )
