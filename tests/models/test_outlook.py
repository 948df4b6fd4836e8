import numpy as np
import pytest

from forewarn_models.contract import Forecast
from forewarn_models.outlook import Outlook, growth_per_day, ranked

HOUR = 3_600_000
NEVER = np.inf


def forecast(medians: np.ndarray, *, step: int = HOUR) -> Forecast:
    quantiles = medians[:, :, None] + np.array([-1.0, 0.0, 1.0])
    series = tuple((("n", str(row)),) for row in range(len(medians)))
    return Forecast(series, 0, step, (0.1, 0.5, 0.9), quantiles, ("hybrid",) * len(medians))


@pytest.mark.parametrize("n_steps", [2, 3, 24, 30, 47, 48, 240, 1000])
def test_growth_is_that_of_a_straight_line_however_long_the_forecast_is(n_steps):
    line = 5.0 + 2.4 / 24 * np.arange(n_steps)
    found = growth_per_day(forecast(np.stack([line, -line, np.full(n_steps, 7.0)])))
    np.testing.assert_allclose(found, [2.4, -2.4, 0.0], atol=1e-9)


def test_growth_does_not_see_the_hour_at_which_a_forecast_ends():
    hours = np.arange(10 * 24 + 7)
    daily = 50.0 * np.sin(2 * np.pi * hours / 24)
    (found,) = growth_per_day(forecast((daily + hours / 24)[None]))
    assert found == pytest.approx(1.0)


def test_growth_of_a_step_longer_than_a_day_is_still_a_day_s():
    line = 7.0 * np.arange(6.0)
    (found,) = growth_per_day(forecast(line[None], step=7 * 24 * HOUR))
    assert found == pytest.approx(1.0)


def test_growth_is_not_known_of_one_slot_or_where_the_median_is_not():
    assert np.isnan(growth_per_day(forecast(np.zeros((2, 1))))).all()
    assert growth_per_day(forecast(np.zeros((2, 0)))).shape == (2,)
    unknown = np.full((1, 5), np.nan)
    assert np.isnan(growth_per_day(forecast(unknown))).all()


def outlook(times: list[list[float]], chance: list[list[float]]) -> Outlook:
    n_series = len(times)
    numbers = np.zeros(n_series)
    return Outlook(
        series=tuple((("n", str(row)),) for row in range(n_series)),
        value=numbers,
        limit=numbers,
        side="above",
        growth_per_day=numbers,
        time_to_limit_seconds=np.array(times),
        horizons_seconds=tuple(60.0 * (1 + place) for place in range(len(chance[0]))),
        breach_probability=np.array(chance),
    )


def test_the_soonest_is_first_and_what_cannot_be_said_is_last():
    times = [
        [np.nan, np.nan, np.nan],
        [NEVER, NEVER, NEVER],
        [5.0, 9.0, NEVER],
        [7.0, NEVER, NEVER],
        [6.0, 9.0, 12.0],
        [1.0, 2.0, 3.0],
        [NEVER, NEVER, NEVER],
        [5.0, 9.0, 10.0],
    ]
    chance = [np.nan, 0.01, 0.8, 0.3, 0.95, 1.0, 0.05, 0.9]
    rows = ranked([outlook(times, [[each] for each in chance])])
    assert rows[:, 1].tolist() == [5, 7, 2, 4, 3, 6, 1, 0]


def test_rows_of_several_signals_are_ranked_together():
    first = outlook([[9.0, 18.0, 27.0], [1.0, 2.0, 3.0]], [[0.1], [0.2]])
    second = outlook([[4.0, 8.0, 12.0]], [[0.1, 0.4, 0.8]])
    assert ranked([first, second]).tolist() == [[0, 1], [1, 0], [0, 0]]


def test_where_there_are_no_signals_nothing_is_ranked():
    assert ranked([]).shape == (0, 2)
