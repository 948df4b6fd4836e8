"""forewarn.commands.forecast"""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from typer.testing import CliRunner

from forewarn import file_forecasts
from forewarn.__main__ import app
from forewarn_models.errors import ConfigError, DataError

HEADER = "timestamp,series,q0.025,q0.1,q0.5,q0.9,q0.975,model"


def daily(n: int = 24 * 14, *, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, n)
    return 100 + 20 * np.sin(2 * np.pi * np.arange(n) / 24) + noise


def write_input(path: Path, times: list[str], *columns: np.ndarray, names: str = "a") -> Path:
    rows = [f"timestamp,{names}"]
    for time, values in zip(times, zip(*columns, strict=True), strict=True):
        rows.append(f"{time},{','.join(repr(float(value)) for value in values)}")
    path.write_text("\n".join(rows) + "\n")
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def seconds(n: int, *, step: int = 3600) -> list[str]:
    return [str(1_700_000_000 + step * slot) for slot in range(n)]


def forecast(*arguments: object) -> object:
    return CliRunner().invoke(app, ["forecast", *map(str, arguments)])


@pytest.fixture
def hourly(tmp_path: Path) -> Path:
    n = 24 * 14
    return write_input(tmp_path / "x.csv", seconds(n), daily(), daily(seed=1), names="a,b")


def test_each_series_has_a_row_for_each_step(hourly: Path, tmp_path: Path) -> None:
    assert forecast(hourly, "--out", tmp_path / "out", "--horizon", 48).exit_code == 0
    text = (tmp_path / "out" / "x.csv").read_text()
    assert text.splitlines()[0] == HEADER
    rows = read_rows(tmp_path / "out" / "x.csv")
    assert [row["series"] for row in rows] == ["a"] * 48 + ["b"] * 48
    last = 1_700_000_000 + 3600 * (24 * 14 - 1)
    assert [int(row["timestamp"]) for row in rows[:48]] == [last + 3600 * k for k in range(1, 49)]
    phase = 24 * 14 + np.arange(48)
    actual = [float(row["q0.5"]) for row in rows[:48]]
    np.testing.assert_allclose(actual, 100 + 20 * np.sin(2 * np.pi * phase / 24), atol=3)
    assert rows[0]["model"].startswith("hybrid/")


def test_a_horizon_may_be_a_duration_and_levels_others(hourly: Path, tmp_path: Path) -> None:
    forecast(hourly, "--out", tmp_path / "out", "--horizon", "90m", "--levels", "50")
    rows = read_rows(tmp_path / "out" / "x.csv")
    assert list(rows[0]) == ["timestamp", "series", "q0.25", "q0.5", "q0.75", "model"]
    assert len(rows) == 4


def test_a_horizon_of_months_is_fine_for_hours(hourly: Path, tmp_path: Path) -> None:
    assert forecast(hourly, "--out", tmp_path / "out", "--horizon", "90d").exit_code == 0
    assert len(read_rows(tmp_path / "out" / "x.csv")) == 2 * 90 * 24


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z"], "2024-01-01T02:00:00Z"),
        (["2024-01-01 00:00:00.5", "2024-01-01 01:00:00.5"], "2024-01-01T02:00:00.500Z"),
        (["0.5", "3600.5"], "7200.500"),
        (["0", "60"], "120"),
    ],
)
def test_timestamps_are_in_the_form_of_the_file(tmp_path, times, expected) -> None:
    path = write_input(tmp_path / "x.csv", times, np.array([1.0, 2.0]))
    forecast(path, "--out", tmp_path / "out", "--horizon", 1)
    assert read_rows(tmp_path / "out" / "x.csv")[0]["timestamp"] == expected


@pytest.mark.parametrize("model", ["hybrid", "seasonal_naive", "prophet", "ets"])
def test_the_model_can_be_chosen(tmp_path: Path, model: str) -> None:
    path = write_input(tmp_path / "x.csv", seconds(72), daily(72))
    forecast(path, "--out", tmp_path / "out", "--horizon", 3, "--model", model)
    assert read_rows(tmp_path / "out" / "x.csv")[0]["model"].split("/")[0] == model


def test_jitter_and_gaps_do_no_harm(tmp_path: Path) -> None:
    jitter = np.random.default_rng(0).integers(-900, 900, 24 * 14)
    times = [str(int(time) + shake) for time, shake in zip(seconds(24 * 14), jitter, strict=True)]
    values = daily()
    path = write_input(
        tmp_path / "x.csv", times[:100] + times[130:], np.concatenate([values[:100], values[130:]])
    )
    forecast(path, "--out", tmp_path / "out", "--horizon", 24)
    actual = [float(row["q0.5"]) for row in read_rows(tmp_path / "out" / "x.csv")]
    expected = 100 + 20 * np.sin(2 * np.pi * np.arange(24) / 24)
    assert np.abs(np.array(actual) - expected).mean() < 8


@pytest.mark.parametrize("n_rows", [1, 2])
def test_too_little_history_is_a_warning_and_empty_quantiles(tmp_path: Path, n_rows: int) -> None:
    values = np.array([1.0, 2.0])[:n_rows]
    path = write_input(tmp_path / "x.csv", seconds(n_rows), values * np.nan)
    path.write_text(path.read_text().replace("nan", ""))
    result = forecast(path, "--out", tmp_path / "out", "--horizon", 2)
    assert result.exit_code == 0
    assert "x.csv: nothing can be said" in result.stderr
    rows = read_rows(tmp_path / "out" / "x.csv")
    assert [(row["q0.5"], row["model"]) for row in rows] == [("", "none")] * 2


def test_a_series_that_cannot_be_said_beside_one_that_can_is_a_warning(tmp_path: Path) -> None:
    path = write_input(tmp_path / "x.csv", seconds(48), daily(48), daily(48) * np.nan, names="a,b")
    result = forecast(path, "--out", tmp_path / "out", "--horizon", 2)
    assert result.exit_code == 0
    assert "nothing can be said of 1 series with less than 2 samples: 'b'" in result.stderr
    assert [row["model"] == "none" for row in read_rows(tmp_path / "out" / "x.csv")] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--horizon", "0", "--horizon must be 1 to 100000 steps"),
        ("--horizon", "999999", "--horizon must be 1 to 100000 steps"),
        ("--horizon", "soon", "a duration must be whole numbers with units"),
        ("--levels", "high", "--levels must be percentages"),
        ("--levels", "120", "levels must be percentages"),
        ("--model", "arima", "a forecaster must be one of"),
    ],
)
def test_a_wrong_option_is_refused(hourly, tmp_path, option, value, message) -> None:
    options = {"--out": tmp_path / "out", "--horizon": 3} | {option: value}
    result = forecast(hourly, *(part for pair in options.items() for part in pair))
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_file_with_absurd_gaps_is_refused(hourly, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(file_forecasts, "_MOST_SLOTS", 100)
    result = forecast(hourly, "--out", tmp_path / "out", "--horizon", 3)
    assert isinstance(result.exception, DataError)
    assert "cut it at its long gaps" in result.stderr


def test_a_horizon_of_thousands_of_digits_is_refused(hourly: Path, tmp_path: Path) -> None:
    result = forecast(hourly, "--out", tmp_path / "out", "--horizon", "9" * 5000)
    assert isinstance(result.exception, ConfigError)
    assert "a duration must be" in str(result.exception)


def test_what_was_written_is_said(hourly: Path, tmp_path: Path) -> None:
    result = forecast(hourly, "--out", tmp_path / "out", "--horizon", 1)
    assert result.stderr == f"files written to {tmp_path / 'out'}: 1\n"


def test_holidays_of_a_country_are_forecast_as_holidays(tmp_path: Path) -> None:
    first = datetime(2026, 3, 2, tzinfo=UTC)
    n_known = 24 * 60  # up to Thursday, the 30th of April; the next day is a holiday
    values = np.random.default_rng(0).normal(0, 1, n_known)
    for hour in range(n_known):
        local = (first + timedelta(hours=hour)).astimezone(ZoneInfo("Europe/Berlin"))
        is_off = local.weekday() >= 5 or local.date() in {date(2026, 4, 3), date(2026, 4, 6)}
        values[hour] += 10.0 if is_off or not 8 <= local.hour < 18 else 100.0
    times = [f"{first + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}" for hour in range(n_known)]
    path = write_input(tmp_path / "x.csv", times, values)
    noon = {}
    for options in ((), ("--timezone", "Europe/Berlin", "--country", "DE")):
        out = tmp_path / f"out{len(options)}"
        assert forecast(path, "--out", out, "--horizon", "2d", *options).exit_code == 0
        rows = {row["timestamp"]: float(row["q0.5"]) for row in read_rows(out / "x.csv")}
        noon[len(options)] = rows["2026-05-01T10:00:00Z"]
    assert noon[0] > 80
    assert noon[4] < 20


def test_unknown_places_are_refused_with_the_nearest_known(hourly: Path, tmp_path: Path) -> None:
    options = ("--timezone", "Berlin", "--country", "Germany")
    result = forecast(hourly, "--out", tmp_path / "out", "--horizon", 2, *options)
    assert isinstance(result.exception, ConfigError)
    zone, country = result.exception.problems
    assert zone.startswith("--timezone must be a time zone")
    assert country.endswith("did you mean 'DE'?")
    assert not (tmp_path / "out").exists()
