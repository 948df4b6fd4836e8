"""forewarn_models.forecast_score"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat
from forewarn_models.forecast_score import (
    ENOUGH_OUTCOMES,
    ForecastTally,
    IssuedForecast,
    issued_of,
    tally_of,
)
from forewarn_models.labels import labels_of

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
SERIES = tuple(labels_of({"disk": name}) for name in "abc")


def issued(median, naive, *, series=SERIES, half=1.0) -> IssuedForecast:
    median = np.asarray(median, np.float64)
    quantiles = median[:, None] + half * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    return IssuedForecast(series, LEVELS, quantiles, np.asarray(naive, np.float64))


def test_a_tally_without_outcomes_knows_nothing():
    figures = ForecastTally().figures()
    assert figures.outcomes == 0
    assert np.isnan([figures.error_ratio, figures.bias_ratio, *figures.coverage.values()]).all()
    assert figures.lost_skill() == ""


def test_one_outcome_is_held_against_the_seasonal_naive_forecast():
    # errors 1, 3, 0.5 beside 2, 2, 2; the typical series has half the error
    came = np.array([10.0, 10.0, 10.0])
    figures = ForecastTally().with_outcome(issued([11, 13, 9.5], [12, 8, 12]), came).figures()
    assert figures.outcomes == 1
    assert figures.error_ratio == 0.5
    assert figures.coverage == {0.8: pytest.approx(2 / 3), 0.95: pytest.approx(2 / 3)}
    assert figures.bias_ratio == 1


def test_bias_tells_too_high_from_too_low():
    tally = ForecastTally()
    for median in (12.0, 9.0):
        said = issued([median], [0], series=SERIES[:1])
        tally = tally.with_outcome(said, np.array([10.0]), fading=1.0)
    assert tally.figures().bias_ratio == pytest.approx((2 - 1) / (2 + 1))
    assert tally.mean_error.tolist() == [1.5]


def test_a_gap_or_an_unsaid_forecast_is_no_outcome():
    said = issued([11, np.nan, 13], [12, 12, np.nan])
    tally = ForecastTally().with_outcome(said, np.array([np.nan, 10.0, 10.0]))
    assert tally.series == SERIES[2:]
    assert tally.mean_error.tolist() == [3.0]
    assert np.isnan(tally.error_ratio).all()  # nothing to hold it against


def test_old_outcomes_fade_and_series_that_are_gone_are_forgotten():
    tally = ForecastTally().with_outcome(issued([11], [12], series=SERIES[:1]), np.array([10.0]))
    for _ in range(950):
        tally = tally.with_outcome(issued([20], [20], series=SERIES[1:2]), np.array([10.0]))
    assert tally.series == SERIES[1:2]
    assert tally.figures().outcomes == pytest.approx(200, rel=0.02)


def test_a_constant_is_foretold_up_to_rounding():
    value = 1e12 / 3
    said = issued([value * (1 + 1e-15)], [value], series=SERIES[:1], half=0.0)
    figures = ForecastTally().with_outcome(said, np.array([value])).figures()
    assert figures.coverage == {0.8: 1.0, 0.95: 1.0}
    assert np.isnan(figures.error_ratio)  # there was nothing to err about


@pytest.mark.parametrize(
    ("half", "naive", "words"),
    [
        (3.0, 12.0, ""),
        (3.0, 10.5, "its error is 2.00 times the seasonal naive forecast's"),
        (0.7, 12.0, "its 80% band holds 0% of what came"),
    ],
    ids=["skilled", "unskilled", "too-narrow"],
)
def test_skill_is_lost_once_enough_outcomes_say_so(half, naive, words):
    tally, said = ForecastTally(), issued([11], [naive], series=SERIES[:1], half=half)
    lost = []
    for _ in range(40):
        tally = tally.with_outcome(said, np.array([10.0]))
        lost.append(tally.figures().lost_skill())
    early = int(ENOUGH_OUTCOMES) - 1
    assert set(lost[:early]) == {""}
    assert lost[-1] == words


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=20))
def test_a_tally_is_that_of_its_definition(rows):
    """The sums by the book, in plain Python, over outcomes that all count the same."""
    tally = ForecastTally()
    for median, naive, came in rows:
        said = issued([median], [naive], series=SERIES[:1])
        tally = tally.with_outcome(said, np.array([came]), fading=1.0)
    errors = [abs(median - came) for median, _, came in rows]
    rivals = [abs(naive - came) for _, naive, came in rows]
    inside = [abs(median - came) <= 2.0 + 1e-9 * abs(came) for median, _, came in rows]
    assert tally.mean_error[0] == pytest.approx(np.mean(errors), rel=1e-9, abs=1e-9)
    assert tally.figures().coverage[0.95] == pytest.approx(np.mean(inside))
    if sum(rivals) > 0:
        assert tally.error_ratio[0] == pytest.approx(sum(errors) / sum(rivals), rel=1e-9)


def test_what_is_kept_comes_back_whole():
    said = issued([11, np.nan, 13], [12, 12, np.nan])
    again = issued_of(from_bytes(to_bytes(said.state())))
    assert (again.series, again.levels) == (said.series, said.levels)
    np.testing.assert_array_equal(again.quantiles, said.quantiles)
    np.testing.assert_array_equal(again.naive, said.naive)
    tally = ForecastTally().with_outcome(said, np.array([10.0, 10.0, 10.0]))
    back = tally_of(from_bytes(to_bytes(tally.state())))
    assert back.series == tally.series
    np.testing.assert_array_equal(back.sums, tally.sums)


@pytest.mark.parametrize("restore", [issued_of, tally_of])
def test_another_format_is_refused(restore):
    with pytest.raises(UnknownFormat, match="stored by a newer version"):
        restore(State("forecast_tally", 2))
