"""forewarn_models.forecasters.holidays, and mixtures that follow a calendar"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.calendar import Calendar
from forewarn_models.catalogue import forecaster_from_state
from forewarn_models.forecasters.choice import forecaster_for
from forewarn_models.forecasters.holidays import holidays_of
from forewarn_models.panel import Panel

HOUR = 3_600_000
EPOCH = date(1970, 1, 1)
FIRST = datetime(2026, 3, 23, tzinfo=UTC)  # a Monday
CHANGE = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()) * 1000
EASTER_MONDAY, LABOUR_DAY = date(2026, 4, 6), date(2026, 5, 1)
BERLIN = Calendar(
    ((0, HOUR), (CHANGE, 2 * HOUR)),
    tuple((day - EPOCH).days for day in (EASTER_MONDAY, LABOUR_DAY)),
)
N_KNOWN, N_AHEAD = 24 * 35, 24 * 7  # up to Sunday, the 26th of April; Friday is a holiday


def local(hour: int) -> datetime:
    return datetime.fromtimestamp(FIRST.timestamp() + 3600 * hour, ZoneInfo("Europe/Berlin"))


def office(*, rests_on: tuple[date, ...], weekends: bool = True, seed: int = 0) -> np.ndarray:
    """Return load of office hours, hour by hour, which is low on some days."""
    noise = np.random.default_rng(seed).normal(0, 1, N_KNOWN + N_AHEAD)
    answer = []
    for hour in range(N_KNOWN + N_AHEAD):
        now = local(hour)
        rests = (weekends and now.weekday() >= 5) or now.date() in rests_on
        answer.append(100.0 if 9 <= now.hour < 17 and not rests else 20.0)
    return np.array(answer) + noise


def panel_of(values: np.ndarray) -> Panel:
    series = tuple((("row", str(row)),) for row in range(len(values)))
    return Panel(values, series, int(FIRST.timestamp()) * 1000, HOUR)


def median(values: np.ndarray, calendar: Calendar) -> np.ndarray:
    """Return the median forecast of the week after the known part of one series."""
    forecaster = forecaster_for("auto", horizon=timedelta(days=7), calendar=calendar)
    fitted = forecaster.fit(panel_of(values[None, :N_KNOWN]))
    return fitted.predict(N_AHEAD, []).quantiles[0, :, 0]


def on_labour_day() -> np.ndarray:
    return np.array([local(N_KNOWN + hour).date() == LABOUR_DAY for hour in range(N_AHEAD)])


def test_a_holiday_is_forecast_as_one_and_the_days_around_it_are_not() -> None:
    values = office(rests_on=(EASTER_MONDAY, LABOUR_DAY))
    off = np.abs(median(values, BERLIN) - values[N_KNOWN:])
    assert off[on_labour_day()].mean() < 4
    assert off[~on_labour_day()].mean() < 4
    unaware = np.abs(median(values, Calendar()) - values[N_KNOWN:])
    assert unaware[on_labour_day()].mean() > 20


def test_where_people_worked_on_the_last_holiday_the_next_is_trusted_less() -> None:
    values = office(rests_on=())
    forecast = median(values, BERLIN)
    working = forecast[on_labour_day()].max()
    assert 60 < working < 90


def test_where_weekends_are_like_any_day_holidays_are() -> None:
    values = office(rests_on=(), weekends=False)
    off = np.abs(median(values, BERLIN) - values[N_KNOWN:])
    assert off.mean() < 2.5


def test_what_a_holiday_lacks_is_what_a_weekend_lacks() -> None:
    values = office(rests_on=(EASTER_MONDAY, LABOUR_DAY))[None, :N_KNOWN]
    times = int(FIRST.timestamp()) * 1000 + HOUR * np.arange(N_KNOWN)
    holidays = holidays_of(values, times, HOUR, BERLIN)
    expected = np.where((np.arange(24) >= 9) & (np.arange(24) < 17), 80.0, 0.0)
    np.testing.assert_allclose(holidays.lacking[0], expected, atol=2.5)
    added = holidays.at(times)[0]
    is_easter = np.array([local(hour).date() == EASTER_MONDAY for hour in range(N_KNOWN)])
    assert added[is_easter].sum() == pytest.approx(640, rel=0.05)
    assert not added[~is_easter].any()


def test_a_history_without_two_types_of_days_lacks_nothing() -> None:
    times = int(FIRST.timestamp()) * 1000 + HOUR * np.arange(72)
    assert not holidays_of(np.ones((2, 72)), times, HOUR, BERLIN).lacking.any()


def test_steps_longer_than_a_day_have_no_holidays() -> None:
    times = int(FIRST.timestamp()) * 1000 + 48 * HOUR * np.arange(30)
    holidays = holidays_of(np.ones((2, 30)), times, 48 * HOUR, BERLIN)
    assert holidays.at(times).tolist() == [[0.0]]


def test_a_calendar_survives_the_way_through_bytes() -> None:
    values = office(rests_on=(EASTER_MONDAY, LABOUR_DAY))[None, :N_KNOWN]
    fitted = forecaster_for("hybrid", horizon=timedelta(days=7), calendar=BERLIN).fit(
        panel_of(values)
    )
    restored = forecaster_from_state(from_bytes(to_bytes(fitted.state())))
    expected = fitted.predict(N_AHEAD, [80]).quantiles
    np.testing.assert_array_equal(restored.predict(N_AHEAD, [80]).quantiles, expected)


def test_holidays_follow_shift_and_scale() -> None:
    values = office(rests_on=(EASTER_MONDAY,))
    moved = median(3 * values - 1000, BERLIN)
    np.testing.assert_allclose(moved, 3 * median(values, BERLIN) - 1000, rtol=1e-9)
