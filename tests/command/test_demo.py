import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3
from typer.testing import CliRunner

from forewarn.__main__ import app
from forewarn.demo.receiver import PageReceiver
from forewarn.demo.scenario import FAULTY_SERIES, Places, config_text, recorded_config_text
from forewarn.demo.watch import ask, series_views
from forewarn_adapters import local_servers
from forewarn_adapters.config.reading import parse_config
from forewarn_data.recordings import recording_path
from webhook import wait_until


def post(url: str, body: bytes) -> int:
    return urllib3.request("POST", url, body=body, timeout=5.0).status


def test_pages_are_kept_in_the_order_in_which_they_came() -> None:
    receiver = PageReceiver()
    pages = [{"alerts": [{"status": status}]} for status in ("firing", "resolved")]
    assert [post(receiver.url, json.dumps(page).encode()) for page in pages] == [200, 200]
    receiver.close()
    assert receiver.pages == pages
    assert receiver.firing() == [{"status": "firing"}]


def test_a_page_without_a_body_is_not_kept() -> None:
    receiver = PageReceiver()
    assert post(receiver.url, b"") == 200
    receiver.close()
    assert receiver.pages == []


def test_the_configurations_of_the_demo_are_accepted(tmp_path: Path) -> None:
    live = config_text(Places("http://127.0.0.1:1", "127.0.0.1:2", str(tmp_path)))
    recorded = recorded_config_text(recording_path("demo"), str(tmp_path))
    assert len(parse_config(live, environment={}).signals) == 5
    assert len(parse_config(recorded, environment={}).signals) == 4


def test_a_prometheus_that_is_away_shows_nothing(tmp_path: Path) -> None:
    assert ask("http://127.0.0.1:9", "/api/v1/query", {}) == {"result": []}
    assert series_views("http://127.0.0.1:9", seconds=60.0) == []


def test_on_a_recording_the_planted_faults_are_paged() -> None:
    shown = CliRunner().invoke(app, ["demo", "--embedded"], env={"COLUMNS": "160"})
    assert shown.exit_code == 0, shown.output
    assert f"latency{FAULTY_SERIES.partition('latency_seconds')[2]} is above" in shown.output
    assert "once in" in shown.output


def test_without_servers_the_demo_says_so_in_one_line_and_plays_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_servers, "_SYSTEM_FOLDERS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    shown = CliRunner().invoke(app, ["demo"], env={"COLUMNS": "160"})
    assert shown.exit_code == 0, shown.output
    (line,) = [line for line in shown.output.splitlines() if "cannot be had here" in line]
    assert "running on a recording instead" in line
    assert "is above what is normal" in shown.output


@pytest.mark.timeout(420)
def test_on_real_servers_the_page_that_alertmanager_delivered_is_shown() -> None:
    shown = CliRunner().invoke(app, ["demo", "--no-stay"], env={"COLUMNS": "160"})
    assert shown.exit_code == 0, shown.output
    assert "Alertmanager delivered this page" in shown.output
    assert 'service="checkout"' in shown.output
    assert "/api/v1/signals" in shown.output
    assert "node_memory_available" in shown.output


@pytest.mark.timeout(120)
def test_ctrl_c_stops_everything_and_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "forewarn", "demo", "--stay"]
    demo = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: len(running(tmp_path)) >= 3, seconds=60)
    time.sleep(1.0)
    demo.send_signal(signal.SIGINT)
    said, _ = demo.communicate(timeout=30)
    assert "Stopped" in said
    wait_until(lambda: running(tmp_path) == [], seconds=5)
    assert list(tmp_path.glob("forewarn-*")) == []


def running(folder: Path) -> list[str]:
    """The command lines, of processes that are alive, which name a folder."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(str(folder).encode() in word for word in words):
            lines.append(b" ".join(words).decode())
    return lines
