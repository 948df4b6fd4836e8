"""`forewarn report capacity` on a real file and registry, and in a browser where there is one."""

import csv
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import pytest
from matplotlib import image

from forewarn.reporting import report_of
from forewarn_adapters.config.reading import read_config
from forewarn_adapters.local_servers import (
    PrometheusSettings,
    create_blocks,
    start_prometheus,
)
from forewarn_adapters.registry import Registry, TrainingRecord
from forewarn_adapters.source import open_source
from forewarn_models.contract import State
from forewarn_models.errors import RegistryError
from forewarn_models.forecasters.choice import forecaster_for
from forewarn_models.panel import Panel

HOUR = 3_600_000
END = 1_767_225_600_000  # 2026-01-01
AT = "2026-01-01T00:10:00Z"
HOURS = 20 * 24
SERIES = tuple((("mount", mount),) for mount in ("/data", "/full", "/root"))
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--enable-logging=stderr",
]
needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="there is no Chromium on this machine: it is in Debian's chromium"
)
CONFIG = """
files: [disk.csv]
signals:
  - {name: disk, query: '{}', step: 1h, history: 10d,
     forecast: {step: 1h, history: 20d, horizon: 12d, limit: {above: 200}}}
  - {name: load, query: '{}', step: 1h, history: 10d}
"""


def recorded() -> np.ndarray:
    """A straight growth that needs a week, one that is there, and one that stands still."""
    hours = np.arange(HOURS)
    noise = np.random.default_rng(5).normal(0, 0.3, (3, HOURS))
    return np.stack([80 + 100 * hours / HOURS, 190 + hours / 24, 50 + 0 * hours]) + noise


@pytest.fixture(scope="module")
def state() -> State:
    panel = Panel(recorded(), SERIES, END - HOURS * HOUR, HOUR)
    return forecaster_for("auto", horizon=None).fit(panel).state()


@pytest.fixture
def untrained(clean_directory: Path, empty_registry: None) -> Path:
    """A folder with a configuration, samples until now, and an empty registry."""
    times = END // 1000 - 3600 * np.arange(HOURS - 1, -1, -1)
    table = np.column_stack([times, recorded().T])
    lines = [
        f"{row[0]:.0f},{value:.4f},{mount}"
        for row in table
        for value, mount in zip(row[1:], ("/data", "/full", "/root"), strict=True)
    ]
    Path("disk.csv").write_text("timestamp,value,mount\n" + "\n".join(lines) + "\n")
    Path("forewarn.yaml").write_text(CONFIG)
    return clean_directory


@pytest.fixture
def folder(untrained: Path, state: State) -> Path:
    """The same with a champion."""
    promote(state)
    return untrained


def promote(state: State, signal: str = "disk") -> None:
    registry = Registry("sqlite:///mlruns/mlflow.db")
    metrics = {
        "forecast_error_ratio": 0.62,
        "forecast_coverage_80_ratio": 0.81,
        "forecast_coverage_95_ratio": 0.95,
        "forecast_origins": 4.0,
        "live_error_ratio_6d": 0.5,
        "live_coverage_80_ratio_6d": 0.78,
        "live_coverage_95_ratio_6d": 0.96,
    }
    record = TrainingRecord(signal, "forecaster", state, END, metrics=metrics)
    registry.promote(signal, "forecaster", registry.log_training(record))


@pytest.fixture
def capacity(run_forewarn):
    """Return a function that runs `forewarn report capacity` as of AT into the folder `out`."""
    return partial(run_forewarn, "report", "capacity", "--out", "out", "--at", AT)


def succeeds(run, *arguments):
    """Run where nothing is to be complained of: no exit code but 0."""
    code, out, err = run(*arguments)
    assert code in {0, None}, err
    return out, err


def test_all_files_are_written_and_agree_on_what_runs_out_first(capacity, folder):
    out, err = succeeds(capacity, "--format", "json, html,pdf,png,csv")
    assert out == ""
    assert [line for line in err.splitlines() if "wrote" in line] == [
        f"wrote out/{path}"
        for path in (
            "capacity.html",
            "capacity.pdf",
            *[each["picture"] for each in document()["series"]],
            "capacity.json",
            "capacity.csv",
        )
    ]
    full, data, root = document()["series"]
    assert [each["labels"]["mount"] for each in (full, data, root)] == ["/full", "/data", "/root"]
    assert [each["standing"] for each in (full, data, root)] == ["at_limit", "likely", "unlikely"]
    assert 2 * 86_400 < data["time_to_limit_seconds"]["0.5"] < 8 * 86_400
    assert data["growth_per_day"] == pytest.approx(5.0, rel=0.2)
    with Path("out/capacity.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["series"] for row in rows] == [
        '{mount="/full"}',
        '{mount="/data"}',
        '{mount="/root"}',
    ]
    assert rows[1]["says"] == data["says"]
    assert data["says"] in Path("out/capacity.html").read_text()
    assert all(Path("out", each["picture"]).read_bytes()[:4] == b"\x89PNG" for each in (full, data))


def document(folder: str = "out"):
    return orjson.loads(Path(folder, "capacity.json").read_bytes())


def test_a_report_says_how_right_the_champion_was_in_its_back_test_and_in_use(capacity, folder):
    succeeds(capacity)
    page = Path("out/capacity.html").read_text()
    assert "Tested at 4 earlier dates: its error is 38% smaller" in page
    assert "In use, 6 days ahead: its error is 50% smaller" in page
    (signal,) = document()["signals"]
    assert signal["back_test"]["error_ratio"] == 0.62
    assert [each["horizon_seconds"] for each in signal["live"]] == [6 * 86_400]


def test_the_next_report_says_what_changed_since_the_one_in_the_folder(capacity, folder):
    succeeds(capacity, "--format", "json")
    assert document()["changes"] == []
    Path("forewarn.yaml").write_text(CONFIG.replace("above: 200", "above: 1000"))
    succeeds(capacity, "--format", "json,html")
    assert document()["changes"] == [
        'disk{mount="/full"} is no longer likely to reach its limit',
        'disk{mount="/data"} is no longer likely to reach its limit',
    ]
    assert "No longer at risk" in Path("out/capacity.html").read_text()


def test_another_report_can_be_named_to_compare_with(capacity, run_forewarn, folder):
    Path("forewarn.yaml").write_text(CONFIG.replace("above: 200", "above: 1000"))
    succeeds(capacity, "--format", "json")
    Path("forewarn.yaml").write_text(CONFIG)
    since = ("--since", "out/capacity.json", "--format", "json")
    succeeds(run_forewarn, "report", "capacity", "disk", "--out", "new", "--at", AT, *since)
    assert [text.split(" is ")[0] for text in document("new")["changes"]] == [
        'disk{mount="/full"}',
        'disk{mount="/data"}',
    ]


def test_only_the_wanted_files_are_written_and_nothing_is_drawn_for_numbers(capacity, folder):
    succeeds(capacity, "--format", "csv")
    assert [path.name for path in Path("out").iterdir()] == ["capacity.csv"]
    succeeds(capacity, "--format", "png", "--pictures", "1")
    (picture,) = Path("out").glob("*.png")
    assert re.fullmatch(r"capacity-disk-[0-9a-f]{10}\.png", picture.name)


def test_who_is_at_risk_soon_ends_with_a_code_of_its_own(capacity, folder):
    code, _, err = capacity("--format", "csv", "--fail-within", "10d")
    assert code == 3
    assert 'disk{mount="/data"} is likely at its limit within 10d' in err
    assert Path("out/capacity.csv").exists()
    code, _, err = capacity("--format", "csv", "--fail-within", "1h")
    assert code == 3
    assert "/data" not in err
    Path("forewarn.yaml").write_text(CONFIG.replace("above: 200", "above: 1000"))
    succeeds(capacity, "--format", "csv", "--fail-within", "10d")


def test_under_more_load_limits_come_sooner_and_more_nodes_undo_it(capacity, folder):
    only = ("--format", "json,html,pdf")
    succeeds(capacity, *only, "--pictures", "1")
    today = document()["series"]
    assert document()["assumption"] == ""
    succeeds(capacity, *only, "--pictures", "1", "--growth", "4.5x")
    loaded = {each["labels"]["mount"]: each for each in document()["series"]}
    assert loaded["/root"]["standing"] == "at_limit"
    values = {each["labels"]["mount"]: each["value"] for each in today}
    assert loaded["/data"]["value"] == pytest.approx(4.5 * values["/data"])
    says = "This is a what-if: 4.5 times the demand of today, so that each value is 4.5 times"
    assert document()["assumption"].startswith(says)
    assert says in Path("out/capacity.html").read_text()
    succeeds(capacity, *only, "--growth", "1.5", "--nodes", "4", "--add-nodes", "2")
    assert "1.5 times the demand of today on 6 nodes in place of 4" in document()["assumption"]
    assert document()["series"] == today


def test_what_is_left_of_something_has_no_what_if(capacity, folder):
    Path("forewarn.yaml").write_text(CONFIG.replace("above: 200", "below: 20"))
    code, _, err = capacity("--growth", "2x")
    assert code == 1
    assert "under another load its limit must be `above`" in err


def test_without_a_champion_it_says_to_train_first(capacity, untrained):
    code, _, err = capacity()
    assert code == 1
    assert "Signal disk: it has no forecaster yet: forewarn train disk" in err


def test_a_signal_that_cannot_be_reported_is_told_and_the_others_are_written(capacity, folder):
    config = CONFIG.replace("name: load, query: '{}'", "name: tape, query: '{}'")
    limited = "history: 10d,\n     forecast: {limit: {below: 0}}}"
    Path("forewarn.yaml").write_text(config.replace("history: 10d}", limited))
    code, _, err = capacity("--format", "json,html")
    assert code == 1
    assert "forewarn: Signal tape: it has no forecaster yet: forewarn train tape." in err
    assert document()["problems"] == ["Signal tape: it has no forecaster yet: forewarn train tape."]
    assert len(document()["series"]) == 3


def test_a_champion_that_is_far_too_old_is_told(run_forewarn, folder):
    code, _, err = run_forewarn(
        "report", "capacity", "--out", "out", "--at", "2031-01-01T00:00:00Z"
    )
    assert code == 1
    assert "less than 20000 steps before the end of the horizon" in err


def test_a_series_without_a_newest_sample_still_has_its_forecast(run_forewarn, folder):
    later = ("--at", "2026-01-02T00:00:00Z", "--format", "json")
    succeeds(run_forewarn, "report", "capacity", "--out", "out", *later)
    found = {each["labels"]["mount"]: each for each in document()["series"]}
    assert found["/data"]["value"] is None
    assert found["/data"]["standing"] == "likely"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["disc"],
            "SIGNAL must be a signal of the configuration, got 'disc': did you mean 'disk'?",
        ),
        (["load"], "SIGNAL must have a forecast with a limit, got 'load'"),
        (["--format", "html,doc"], "--format must be some of html, pdf, png, csv, json"),
        (["--fail-within", "soon"], "'soon'"),
        (["--at", "yesterday"], "--at must be an instant"),
        (["--growth", "50%"], "--growth must be a factor such as 1.5x, got '50%'"),
        (["--add-nodes", "2"], "--add-nodes needs --nodes"),
        (["--nodes", "2", "--add-nodes", "-2"], "nodes must be at least 1 before and after"),
        (["--config", "none.yaml"], "none.yaml"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    capacity, folder, arguments, says
):
    code, _, err = capacity(*arguments)
    assert code == 2
    assert says in err
    assert not Path("out").exists()


def test_a_configuration_without_limits_has_nothing_to_report(capacity, folder):
    Path("forewarn.yaml").write_text(CONFIG.replace(", limit: {above: 200}", ""))
    code, _, err = capacity()
    assert code == 2
    assert "a signal must have `forecast: {limit: ...}` to be reported" in err


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("missing.json", "--since must name an earlier report, got missing.json: no file"),
        ("forewarn.yaml", "forewarn.yaml must be the capacity.json of an earlier report"),
        ("mlruns", "--since must name a file that can be read, got mlruns"),
    ],
)
def test_an_earlier_report_that_is_none_is_told(capacity, folder, file, says):
    code, _, err = capacity("--since", file)
    assert code == 1
    assert says in err


def test_a_folder_that_cannot_be_made_is_told(capacity, folder):
    code, _, err = capacity("--out", "disk.csv/reports")
    assert code == 1
    assert "--out must be a folder" in err


def test_a_signal_without_a_limit_is_a_problem_of_the_report(folder):
    config = read_config(Path("forewarn.yaml"), environment={})
    source = open_source(config)
    with pytest.raises(RegistryError, match=r"Signal load: it must have `forecast: \{limit"):
        report_of(
            iter([(config.signals[1], lambda _: None)]),
            source=source,
            registry=Registry("sqlite:///mlruns/mlflow.db"),
            at_milliseconds=END,
        )
    source.close()


@pytest.fixture
def monitored(folder: Path) -> Iterator[Path]:
    """The same folder, on a real Prometheus that also knows how large the volumes are."""
    times = END // 1000 - 3600 * np.arange(HOURS - 1, -1, -1)
    lines = ["# TYPE disk_used gauge"]
    for (_, mount), values in zip((labels[0] for labels in SERIES), recorded(), strict=True):
        lines += [
            f'disk_used{{mount="{mount}"}} {value:.4f} {time}'
            for value, time in zip(values, times.tolist(), strict=True)
        ]
    lines.append("# TYPE disk_size gauge")
    sizes = {"/data": 1000, "/full": 220}
    lines += [f'disk_size{{mount="{each}"}} {size} {times[-1]}' for each, size in sizes.items()]
    Path("history.om").write_text("\n".join([*lines, "# EOF", ""]))
    create_blocks(Path("history.om"), folder / "tsdb")
    server = start_prometheus(folder, PrometheusSettings())
    config = CONFIG.replace("files: [disk.csv]", f"prometheus: {{url: '{server.url}'}}")
    config = config.replace("query: '{}'", "query: max by (mount) (disk_used)")
    Path("forewarn.yaml").write_text(config.replace("above: 200", "above: disk_size * 0.9"))
    yield folder
    server.stop()


def test_on_prometheus_each_volume_is_held_against_its_own_size(run_forewarn, monitored):
    at = ("--at", "2026-01-01T00:02:00Z", "--format", "json,html")
    succeeds(run_forewarn, "report", "capacity", "--out", "out", *at)
    full, data, unknown = document()["series"]
    assert (full["labels"], full["standing"]) == ({"mount": "/full"}, "at_limit")
    assert (full["limit"], data["limit"]) == (198.0, 900.0)
    assert data["standing"] == "unlikely"
    assert data["value"] == pytest.approx(recorded()[0, -1], abs=0.001)
    assert unknown["says"] == "cannot say: its limit is not known"
    assert "data:image/png;base64," in Path("out/capacity.html").read_text()


def browse(page: Path, *arguments: str) -> tuple[str, list[str]]:
    """Open a page in a headless browser; return what its console said and what it asked for."""
    command = [BROWSER or "", *QUIET, "--user-data-dir=profile", "--log-net-log=net.json"]
    command += [*arguments, page.absolute().as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # what the browser asks for by itself is of no site
    of_page = [line for line in Path("net.json").read_text().splitlines() if "{site=file:" in line]
    asked = [found[1] for line in of_page if (found := re.search(r'"url":"([^"]*)"', line))]
    return "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line), asked


@needs_browser
def test_a_browser_shows_and_prints_the_page_and_asks_for_nothing(capacity, folder):
    succeeds(capacity, "--format", "html")
    page = Path("out/capacity.html")
    shown = browse(page, "--screenshot=page.png", "--window-size=1200,1600")
    assert shown == ("", [])
    pixels = image.imread("page.png")[..., :3]
    assert pixels.shape[:2] == (1600, 1200)
    assert 0.02 < (pixels.min(axis=-1) < 0.9).mean() < 0.5  # ink, and paper
    assert browse(page, "--no-pdf-header-footer", "--print-to-pdf=page.pdf") == ("", [])
    printed = Path("page.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", printed)) >= 2


@needs_browser
def test_the_browser_tells_of_a_page_that_asks_for_something(clean_directory):
    asks = "<img src='http://127.0.0.1:9/x.png'><script>console.log('here')</script>"
    Path("bad.html").write_text(asks)
    said, asked = browse(Path("bad.html"), "--screenshot=bad.png")
    assert "here" in said
    assert set(asked) == {"http://127.0.0.1:9/x.png"}
