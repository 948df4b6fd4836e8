import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from forewarn_adapters import local_servers
from forewarn_adapters.local_servers import (
    LocalServer,
    PrometheusSettings,
    ScrapeJob,
    create_blocks,
    find_program,
    free_port,
    missing_programs,
    start_node_exporter,
    start_prometheus,
)
from forewarn_models.errors import SourceUnavailable


def ask(server: LocalServer, path: str) -> object:
    with urllib.request.urlopen(server.url + path, timeout=5) as answer:
        return json.load(answer)


def test_all_servers_are_installed_where_tests_run() -> None:
    assert missing_programs((*local_servers.SERVERS, local_servers.RSYSLOG)) == ()


def test_a_program_that_is_not_installed_is_none() -> None:
    assert find_program(("no-such-program",)) is None


def test_a_server_that_is_not_installed_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_servers, "NODE_EXPORTER", ("no-such-program",))
    with pytest.raises(SourceUnavailable, match="make servers"):
        start_node_exporter(tmp_path)


def test_prometheus_scrapes_and_survives_a_kill_on_the_same_port(tmp_path: Path) -> None:
    exporter = start_node_exporter(tmp_path)
    settings = PrometheusSettings(
        jobs=[ScrapeJob("node", exporter.url.removeprefix("http://"))],
        alertmanager="127.0.0.1:1",
        external_labels={"site": "test"},
    )
    server = start_prometheus(tmp_path, settings)
    server.kill()
    server.start()
    status = ask(server, "/api/v1/status/config")
    server.stop()
    exporter.stop()
    assert "job_name: node" in json.dumps(status)
    assert server.process is not None
    assert server.process.poll() is not None


def test_blocks_are_there_when_prometheus_starts(tmp_path: Path) -> None:
    source = tmp_path / "history.om"
    now = int(time.time())
    rows = "".join(f"backfilled {i} {now - 7200 + 60 * i}\n" for i in range(60))
    source.write_text(f"# TYPE backfilled gauge\n{rows}# EOF\n")
    create_blocks(source, tmp_path / "tsdb")
    server = start_prometheus(tmp_path, PrometheusSettings())
    path = f"/api/v1/query?query=count_over_time(backfilled[3h])&time={now}"
    answer = json.dumps(ask(server, path))
    server.stop()
    assert '"60"' in answer


def test_bad_openmetrics_is_refused_in_words(tmp_path: Path) -> None:
    source = tmp_path / "bad.om"
    source.write_text("this is not a metric\n")
    with pytest.raises(SourceUnavailable, match="promtool must accept"):
        create_blocks(source, tmp_path / "tsdb")


def test_a_server_that_cannot_start_gives_its_last_words(tmp_path: Path) -> None:
    command = ("/bin/sh", "-c", "echo no port left; exit 1")
    server = LocalServer("broken", command, f"http://127.0.0.1:{free_port()}", tmp_path / "log")
    with pytest.raises(SourceUnavailable, match="no port left"):
        server.start()


def test_stopping_a_server_that_never_started_does_nothing(tmp_path: Path) -> None:
    server = LocalServer("idle", ("/bin/true",), "http://127.0.0.1:1", tmp_path / "log")
    server.stop()
    server.kill()
    assert server.process is None


def test_a_server_that_ignores_the_request_to_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_servers, "_STOP_SECONDS", 0.2)
    port = free_port()
    serve = (
        "import signal,http.server as h; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"h.HTTPServer(('127.0.0.1', {port}), h.SimpleHTTPRequestHandler).serve_forever()"
    )
    command = (sys.executable, "-c", serve)
    url = f"http://127.0.0.1:{port}"
    server = LocalServer("stubborn", command, url, tmp_path / "log", ready_path="/").start()
    server.stop()
    assert server.process is not None
    assert server.process.poll() == -9


def test_servers_die_with_the_process_that_started_them(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; "
        "from forewarn_adapters.local_servers import start_node_exporter; "
        "server = start_node_exporter(Path(sys.argv[1])); "
        "print(server.process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    status = Path(f"/proc/{done.stdout.strip()}/stat")
    deadline = time.monotonic() + 5
    while status.exists() and " Z " not in status.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not status.exists() or " Z " in status.read_text()
