import numpy as np
import pytest

from forewarn_models.kernels import CHANGE, DRIFT, N_FEATURES, RESIDUAL
from forewarn_models.views import (
    SERIES_CALMEST,
    direction_of,
    fit_standards,
    group_channels,
    series_channels,
    standards_of,
)


def features(residual, change, drift):
    out = np.zeros((1, len(residual), N_FEATURES))
    out[0, :, RESIDUAL], out[0, :, CHANGE], out[0, :, DRIFT] = residual, change, drift
    return out


SEEN = features([2.0, -3.0, np.nan], [-1.0, 5.0, np.nan], [0.5, -0.5, np.nan])
STRANGE = np.array([[0.6, 0.7, np.nan]])


@pytest.mark.parametrize(
    ("direction", "first", "second"),
    [
        ("both", [2, 0, 0, 1, 0.5, 0, 0.6], [0, 3, 5, 0, 0, 0.5, 0.7]),
        ("up", [2, 0, 0, 0, 0.5, 0, 0.6], [0, 0, 5, 0, 0, 0, 0]),
        ("down", [0, 0, 0, 1, 0, 0, 0], [0, 3, 0, 0, 0, 0.5, 0.7]),
    ],
)
def test_a_side_that_never_alarms_is_zero_and_a_gap_stays_one(direction, first, second):
    channels = series_channels(SEEN, STRANGE, direction)
    np.testing.assert_array_equal(channels[0], [first, second, [np.nan] * 7])


def test_the_direction_is_that_of_the_strongest_channel():
    which = np.array([[0, 1, -1], [3, 2, -1], [6, 6, -1]])
    seen = np.repeat(SEEN, 3, axis=0)
    assert direction_of(which, seen).tolist() == [[1, -1, 0], [-1, 1, 0], [1, -1, 0]]


def test_standards_read_a_channel_as_decades_of_rarity():
    channels = np.random.default_rng(0).exponential(size=(2, 5_000, 3))
    channels[1, :, 1] = np.nan
    standards = fit_standards(channels)
    one = np.zeros((2, 4, 3))
    one[:, :, 2] = np.log(10) * np.array([0.5, 1, 2, 4])
    decades, which = standards.combine(one)
    np.testing.assert_allclose(decades, [[0.5, 1, 2, 4]] * 2, rtol=0.2)
    assert (which == 2).all()
    again, _ = standards_of(standards.arrays()).combine(one)
    np.testing.assert_array_equal(decades, again)


def test_a_channel_that_never_moved_is_not_believed_to_stay_so():
    standards = fit_standards(np.zeros((1, 100, 7)), calmest=SERIES_CALMEST)
    at = np.zeros((1, 3, 7))
    at[0, :, 0] = [0.0, 0.5, 50.0]
    low, middle, high = standards.combine(at)[0][0]
    assert low == pytest.approx(0.301, abs=1e-3)
    assert low < middle < 1
    assert high > 10


def test_a_group_shows_its_strangest_member_and_all_together():
    statistic = np.array([[[1.0, np.nan, np.nan], [9.0, 2.0, np.nan]]])
    channels = group_channels(statistic, np.array([[0.5, 0.6, np.nan]]))
    np.testing.assert_array_equal(channels[0], [[9, 3, 0.5], [2, 2, 0.6], [np.nan, np.nan, np.nan]])
