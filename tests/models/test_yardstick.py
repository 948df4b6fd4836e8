"""forewarn_models.forecasters.yardstick"""

import numpy as np
import pytest

from forewarn_models.catalogue import FORECASTERS
from forewarn_models.errors import ModelError
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.forecasters.yardstick import naive_twin
from forewarn_models.labels import labels_of
from forewarn_models.panel import Panel

pytestmark = pytest.mark.compiled

SERIES = tuple(labels_of({"s": name}) for name in ("wave", "walk", "steep"))


def history(*, n_days: int = 21, step_milliseconds: int = 3_600_000) -> Panel:
    n_day = 86_400_000 // step_milliseconds
    times = np.arange(n_days * n_day)
    noise = np.random.default_rng(4).normal(0, 1, (3, len(times)))
    wave = 10 * np.sin(2 * np.pi * times / n_day)
    values = np.stack([50 + wave, np.cumsum(noise[1]), 1e6 * (5 + wave)]) + noise
    return Panel(values, SERIES, 1_800_000_000_000 // 86_400_000 * 86_400_000, step_milliseconds)


@pytest.mark.parametrize("name", ["hybrid", "ets", "prophet", "seasonal_naive"])
def test_the_twin_of_every_forecaster_is_the_seasonal_naive_forecast_of_its_history(name):
    known = history()
    twin = naive_twin(FORECASTERS[name].fit(known), SERIES)
    expected = SeasonalNaive().fit(known).predict(60, (80.0,)).quantiles[:, :, 1]
    found = twin.predict(60, ()).quantiles[:, :, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-6)


def test_where_a_forecaster_thins_its_history_the_twin_does_not():
    known = history(n_days=28, step_milliseconds=300_000)
    fitted = Hybrid().fit(known)
    assert fitted.thinning > 1
    twin = naive_twin(fitted, SERIES[::2])
    assert twin.series == SERIES[::2]
    median = twin.predict(288, ()).quantiles[:, :, 0]
    np.testing.assert_allclose(median, known.values[::2, -288:], rtol=1e-9, atol=1e-6)


def test_a_series_without_a_season_is_held_at_its_newest_value():
    known = Panel(np.array([[1.0, 5.0, 2.0]]), SERIES[:1], 0, 60_000)
    twin = naive_twin(FORECASTERS["hybrid"].fit(known), SERIES[:1])
    assert twin.predict(3, ()).quantiles[0, :, 0].tolist() == [2.0] * 3


def test_what_cannot_have_a_twin_is_refused():
    with pytest.raises(ModelError, match="must be one that the forecaster knows"):
        naive_twin(SeasonalNaive().fit(history()), [labels_of({"s": "other"})])
    with pytest.raises(ModelError, match="must keep its history, got object"):
        naive_twin(object(), SERIES)
