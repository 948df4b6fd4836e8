"""forewarn.commands.score"""

import csv
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from typer.testing import CliRunner

from forewarn import file_work
from forewarn.__main__ import app
from forewarn.file_scores import ScoreJob
from forewarn_models.budget import DEFAULT_BUDGET
from forewarn_models.errors import ConfigError, DataError

HEADER = "timestamp,series,value,expected,lower,upper,score,return_period_seconds,anomalous"
N = 600
FAULT = slice(500, 510)
CLOCKS_GO_BACK = 1_729_990_800  # in Berlin, in October 2024


def series(n: int = N, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(50, 1, n)


def write_input(path: Path, *columns: np.ndarray, names: str = "a") -> Path:
    rows = [f"timestamp,{names}"]
    for slot, values in enumerate(zip(*columns, strict=True)):
        cells = ("" if np.isnan(value) else repr(float(value)) for value in values)
        rows.append(f"{1_700_000_000 + 60 * slot},{','.join(cells)}")
    path.write_text("\n".join(rows) + "\n")
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def score(*arguments: object) -> object:
    runner = CliRunner()
    return runner.invoke(app, ["score", *map(str, arguments)], catch_exceptions=True)


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    values = series()
    values[FAULT] += 30
    values[450] = np.nan
    return write_input(tmp_path / "faulty.csv", values)


def test_a_planted_fault_is_anomalous_and_rare(faulty: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert score(faulty, "--out", out, "--train-fraction", 0.5).exit_code == 0
    assert (out / "faulty.csv").read_text().splitlines()[0] == HEADER
    rows = read_rows(out / "faulty.csv")
    assert len(rows) == N
    assert rows[500]["anomalous"] == "true"
    assert float(rows[500]["score"]) >= 1
    assert float(rows[500]["return_period_seconds"]) >= 30 * 86_400
    assert float(rows[500]["lower"]) < float(rows[500]["expected"]) < float(rows[500]["upper"])
    assert sum(row["anomalous"] == "true" for row in rows[300:500]) == 0


def test_what_cannot_be_said_is_empty(faulty: Path, tmp_path: Path) -> None:
    score(faulty, "--out", tmp_path / "out", "--train-fraction", 0.5)
    rows = read_rows(tmp_path / "out" / "faulty.csv")
    for row in (rows[0], rows[299], rows[450]):
        assert (row["score"], row["return_period_seconds"], row["anomalous"]) == ("", "", "false")
    assert rows[450]["value"] == ""
    assert rows[300]["score"] != ""


def test_a_stricter_budget_gives_lower_scores(faulty: Path, tmp_path: Path) -> None:
    for name, budget in (("loose", "1/day"), ("strict", "1/365d")):
        score(faulty, "--out", tmp_path / name, "--train-fraction", 0.5, "--budget", budget)
    loose, strict = (read_rows(tmp_path / name / "faulty.csv")[500] for name in ("loose", "strict"))
    assert loose["return_period_seconds"] == strict["return_period_seconds"]
    expected = float(loose["score"]) - np.log10(365) / 3
    np.testing.assert_allclose(float(strict["score"]), expected)


def test_several_columns_form_a_group_with_a_row_of_its_own(tmp_path: Path) -> None:
    a, b = series(seed=1), series(seed=2)
    a[FAULT] += 30
    b[FAULT] += 30
    path = write_input(tmp_path / "two.csv", a, b, names="a,b")
    score(path, "--out", tmp_path / "out", "--train-fraction", 0.5)
    rows = read_rows(tmp_path / "out" / "two.csv")
    assert [row["series"] for row in rows] == ["a", "b", "*"] * N
    assert {row["timestamp"] for row in rows[1500:1503]} == {str(1_700_000_000 + 60 * 500)}
    group = rows[1502]
    assert group["anomalous"] == "true"
    assert (group["value"], group["expected"]) == ("", "")
    assert rows[2]["score"] == ""
    assert rows[3 * 300 + 2]["score"] != ""


def test_repeated_missing_and_irregular_rows_come_back_as_they_were(tmp_path: Path) -> None:
    path = write_input(tmp_path / "x.csv", series(), series(seed=1), names="a,b")
    lines = path.read_text().splitlines()
    lines[400:410] = []
    lines[450:450] = [lines[450], lines[440], lines[449].replace("0,", "0.25,", 1)]
    path.write_text("\n".join(lines) + "\n")
    score(path, "--out", tmp_path / "out", "--train-fraction", 0.5)
    rows = read_rows(tmp_path / "out" / "x.csv")
    assert [row["timestamp"] for row in rows[::3]] == [line.split(",")[0] for line in lines[1:]]
    assert all(row["score"] != "" for row in rows[900:])


def test_the_training_part_of_a_wide_file_ends_at_a_whole_row(tmp_path: Path) -> None:
    columns = [series() for _ in range(38)]
    path = write_input(tmp_path / "wide.csv", *columns, names=",".join(map(str, range(38))))
    for n_trained in (199, 203):
        fraction = round(n_trained / N, 4)
        score(path, "--out", tmp_path / "out", "--train-fraction", fraction)
        rows = read_rows(tmp_path / "out" / "wide.csv")
        first = next(place for place, row in enumerate(rows) if row["score"] != "")
        assert first == n_trained * 39


def test_a_long_file_keeps_its_order_and_has_group_rows(tmp_path: Path) -> None:
    values = series()
    lines = ["timestamp,series,value"]
    for slot in range(N):
        lines += [f"{60 * slot},x y,{values[slot]}", f"{60 * slot},z,{values[-slot]}"]
    (tmp_path / "long.csv").write_text("\n".join(lines) + "\n")
    score(tmp_path / "long.csv", "--out", tmp_path / "out", "--train-fraction", 0.5)
    rows = read_rows(tmp_path / "out" / "long.csv")
    assert [row["series"] for row in rows[:4]] == ["x y", "z", "*", "x y"]
    assert rows[-1]["score"] != ""


def test_later_rows_change_no_earlier_score(faulty: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.csv"
    cut.write_text("\n".join(faulty.read_text().splitlines()[:506]) + "\n")
    score(faulty, "--out", tmp_path / "out", "--train-fraction", 300 / N)
    score(cut, "--out", tmp_path / "out", "--train-fraction", 300 / 505)
    whole, part = (read_rows(tmp_path / "out" / name) for name in ("faulty.csv", "cut.csv"))
    assert whole[:505] == part


def test_too_little_history_is_a_warning_and_empty_scores(tmp_path: Path) -> None:
    path = write_input(tmp_path / "short.csv", series(20), series(20), names="a,b")
    result = score(path, "--out", tmp_path / "out", "--train-fraction", 0.5)
    assert result.exit_code == 0
    assert result.stderr == (
        f"forewarn: warning: {path}: nothing can be said: "
        "a detector needs at least 60 samples of history, got 20\n"
        f"files written to {tmp_path / 'out'}: 1\n"
    )
    rows = read_rows(tmp_path / "out" / "short.csv")
    assert len(rows) == 60
    assert {row["score"] for row in rows} == {""}


def test_one_bad_file_does_not_stop_the_others(faulty: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("timestamp,a\n1,x\n")
    result = score(bad, faulty, "--out", tmp_path / "out", "--train-fraction", 0.5)
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == "1 of 2 files failed; the others are done"
    assert f"forewarn: {bad}: line 2: a value must be a number" in result.stderr
    assert (tmp_path / "out" / "faulty.csv").exists()
    assert not (tmp_path / "out" / "bad.csv").exists()


def test_an_error_that_does_not_name_the_file_gets_its_name(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise DataError("no")

    assert file_work.outcome(refuse, tmp_path / "x.csv") == (None, f"{tmp_path}/x.csv: no")


def test_a_fault_of_our_own_in_a_process_is_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        list(file_work._in_processes(int, [tmp_path / "x", tmp_path / "y"], n_processes=2))


@pytest.mark.parametrize("fraction", ["0", "1", "-1", "nan"])
def test_an_absurd_training_fraction_is_refused(faulty, tmp_path, fraction) -> None:
    result = score(faulty, "--out", tmp_path / "out", "--train-fraction", fraction)
    assert isinstance(result.exception, ConfigError)
    assert "--train-fraction must lie between 0 and 1" in str(result.exception)


def test_a_place_that_nobody_knows_is_refused_before_any_work(faulty, tmp_path) -> None:
    options = ("--timezone", "Berlin", "--country", "Germany")
    result = score(faulty, "--out", tmp_path / "out", "--train-fraction", 0.5, *options)
    assert isinstance(result.exception, ConfigError)
    zone, country = result.exception.problems
    assert zone.startswith("--timezone must be a time zone")
    assert zone.endswith("did you mean 'Europe/Berlin'?")
    assert country.startswith("--country must be the code of a country")
    assert country.endswith("did you mean 'DE'?")
    assert not (tmp_path / "out").exists()


def test_a_recording_is_scored_in_the_civil_time_of_its_place(tmp_path: Path) -> None:
    times = CLOCKS_GO_BACK + 1_800 * np.arange(-20 * 48, 2 * 48)
    hours = [datetime.fromtimestamp(time, ZoneInfo("Europe/Berlin")).hour for time in times]
    busy = 100.0 * np.isin(hours, range(8, 18)) + series(len(times))
    rows = [f"{time},{value!r}" for time, value in zip(times, busy.tolist(), strict=True)]
    path = tmp_path / "daily.csv"
    path.write_text("\n".join(["timestamp,a", *rows]) + "\n")
    errors = []
    for options in (("--timezone", "Europe/Berlin", "--country", "DE"), ()):
        out = tmp_path / f"out{len(options)}"
        assert score(path, "--out", out, "--train-fraction", 0.9, *options).exit_code == 0
        after = read_rows(out / "daily.csv")[20 * 48 :]
        errors.append(max(abs(float(row["expected"]) - float(row["value"])) for row in after))
    aware, unaware = errors
    assert aware < 30
    assert unaware > 60


def test_equal_stems_are_refused_before_any_work(faulty: Path, tmp_path: Path) -> None:
    result = score(faulty, faulty, "--out", tmp_path / "out", "--train-fraction", 0.5)
    assert isinstance(result.exception, DataError)
    assert not (tmp_path / "out").exists()


def test_a_process_for_each_core_gives_the_same_files(tmp_path: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.fail("this test needs two cores")
    paths = [write_input(tmp_path / f"f{k}.csv", series(seed=k)) for k in range(4)]
    program = [sys.executable, "-m", "forewarn", "score", *map(str, paths)]
    subprocess.run(
        [*program, "--out", str(tmp_path / "many"), "--train-fraction", "0.5"],
        check=True,
        capture_output=True,
        text=True,
    )
    job = ScoreJob(tmp_path, 0.5, DEFAULT_BUDGET)
    for path in paths:
        target = tmp_path / "one"
        target.mkdir(exist_ok=True)
        ScoreJob(target, job.train_fraction, job.budget)(path)
        assert (target / path.name).read_text() == (tmp_path / "many" / path.name).read_text()


def test_the_program_exits_with_one_for_a_failed_file(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "forewarn", "score", str(tmp_path / "absent.csv")]
    done = subprocess.run(
        [*program, "--out", str(tmp_path / "out"), "--train-fraction", "0.5"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"forewarn: {tmp_path}/absent.csv: a file that can be read is needed: "
        "No such file or directory\nforewarn: 1 of 1 files failed\n"
    )
