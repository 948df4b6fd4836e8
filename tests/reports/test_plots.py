import io

import numpy as np
import pytest
from matplotlib import image

from forewarn_models.contract import Forecast
from forewarn_reports import plots
from forewarn_reports.plots import (
    ForecastPicture,
    SeriesPicture,
    forecast_plot,
    return_levels_plot,
    series_plot,
)

START = 1_700_000_000_000
RED = np.array([0xD6, 0x45, 0x45]) / 255


def picture(*, score: float = 2.0, title: str = 'load{device="sda"}') -> SeriesPicture:
    n = 500
    times = START + 600_000 * np.arange(n)
    expected = 100 + 10 * np.sin(np.arange(n) / 23)
    value = expected + np.random.default_rng(0).normal(size=n)
    value[300:305] += 30
    scores = np.zeros(n)
    scores[300:305] = score
    value[400:420] = np.nan
    scores[400:420] = np.nan
    return SeriesPicture(title, times, value, expected, expected - 3, expected + 3, scores)


def forecast() -> Forecast:
    steps = np.arange(48.0)
    widths = np.array([-4.0, -2.0, 0.0, 2.0, 4.0])
    quantiles = (100 + steps)[None, :, None] + widths * (1 + steps[None, :, None] / 10)
    series = ((("a", "b"),),)
    levels = (0.025, 0.1, 0.5, 0.9, 0.975)
    return Forecast(series, START, 3_600_000, levels, quantiles, ("hybrid/drift",))


def forecast_picture(*, limit: float | None = 140.0) -> ForecastPicture:
    times = START - 3_600_000 * np.arange(96, 0, -1)
    return ForecastPicture("disk used", times, 90 + np.arange(96.0) / 10, forecast(), 0, limit)


def pixels(png: bytes) -> np.ndarray:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return image.imread(io.BytesIO(png))[..., :3]


def count_of(png: bytes, colour: np.ndarray, *, within: float = 0.02) -> int:
    return int((np.abs(pixels(png) - colour).max(axis=-1) < within).sum())


def test_anomalies_are_drawn_in_red():
    anomalous, ordinary = series_plot(picture()), series_plot(picture(score=0.9))
    # the dashed line of the budget is red in both
    assert count_of(anomalous, RED) > count_of(ordinary, RED) + 50
    assert pixels(anomalous).shape == (572, 1100, 3)


def test_alarms_and_labels_are_shaded_where_there_are_some():
    plain = series_plot(picture())
    spans = START + 600_000 * np.array([[100, 160], [300, 305]])
    for shaded in (series_plot(picture(), alarms=spans), series_plot(picture(), events=spans)):
        changed = np.abs(pixels(shaded) - pixels(plain)).max(axis=-1) > 0.02
        assert 20_000 < changed.sum() < 100_000


def test_the_same_picture_gives_the_same_bytes():
    assert series_plot(picture()) == series_plot(picture())


def test_a_title_is_text_whatever_stands_in_it():
    assert series_plot(picture(title=r'cost{unit="$\frac"}' + "x" * 300))


def test_a_series_of_gaps_can_be_drawn():
    nothing = np.full(10, np.nan)
    times = START + np.arange(10)
    assert series_plot(SeriesPicture("gone", times, *(nothing for _ in range(5))))


def test_a_constant_series_can_be_drawn():
    same = np.full(10, 7.0)
    times = START + 1000 * np.arange(10)
    assert series_plot(SeriesPicture("flat", times, same, same, same, same, np.zeros(10)))


def test_a_limit_is_drawn_where_there_is_one():
    limit = np.array([0xCB, 0x6E, 0x17]) / 255
    assert count_of(forecast_plot(forecast_picture()), limit, within=0.2) > 100
    assert count_of(forecast_plot(forecast_picture(limit=None)), limit, within=0.2) == 0


def test_promised_and_seen_return_periods_are_drawn():
    levels = np.array([3600.0, 86_400.0, 30 * 86_400.0])
    seen = np.array([50.0, 3.0, 0.0])
    assert return_levels_plot("all", levels_seconds=levels, seen=seen, expected=1e5 / levels)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(30.0, "30 s"), (90.0, "1.5 m"), (3600.0, "1 h"), (259_200.0, "3 d"), (63_072_000.0, "2 y")],
)
def test_periods_are_named_in_their_largest_unit(seconds, text):
    assert plots._period_text(seconds) == text
