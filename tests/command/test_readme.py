"""Every command of the README is run here, as a newcomer would type it."""

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import urllib3

from forewarn_adapters.local_servers import (
    LocalServer,
    PrometheusSettings,
    create_blocks,
    free_port,
    start_prometheus,
)
from forewarn_data.log_lines import log_lines
from webhook import wait_until

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
HOURS = 12
FAILED_LOGIN = "Mar  1 10:00:00 host sshd[9]: Failed password for root from 10.0.0.1 port 22 ssh2"
RUN_IN_CI = {"make test"}  # it is what runs this very test
SAME_AS_FOREWARN_DEMO = {"make demo"}  # see test_make_demo_is_forewarn_demo, and test_demo.py


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line.partition("#")[0].strip() for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the README's configuration, on a Prometheus that holds what it asks for."""
    directory = tmp_path_factory.mktemp("readme")
    history = directory / "history.om"
    history.write_text(exposition(int(time.time()) // 60 * 60))
    create_blocks(history, directory / "tsdb")
    server = start_prometheus(directory, PrometheusSettings())
    (directory / "forewarn.yaml").write_text(configuration(server))
    (directory / "series.csv").write_text(series_csv())
    (directory / "logs.yaml").write_text(configuration_of_logs(directory))
    (directory / "app.log").write_text("".join(f"{line}\n" for line in log_lines(1_000)))
    (directory / "auth.log").write_text(f"{FAILED_LOGIN}\n")
    yield directory
    server.stop()


def configuration(server: LocalServer) -> str:
    """The README's own text, on the ports that are free here."""
    text, _ = blocks("yaml")
    text = text.replace("http://127.0.0.1:9090", server.url)
    return f"api: {{listen: 127.0.0.1:{free_port()}}}\n{text}"


def configuration_of_logs(directory: Path) -> str:
    """The README's own text, with logs of this folder in the place of the machine's."""
    _, text = blocks("yaml")
    for ours, port in (("/var/log/", None), (":3100", free_port()), (":4318", free_port())):
        assert ours in text
        text = text.replace(ours, f":{port}" if port else f"{directory}/")
    return f"api: {{listen: 127.0.0.1:{free_port()}}}\nstate_directory: of-logs\n{text}"


def exposition(now: int) -> str:
    rng = np.random.default_rng(1)
    times = np.arange(now - HOURS * 3600, now, 60)
    buckets = "http_request_duration_seconds_bucket"
    lines = [f"# TYPE {buckets.removesuffix('_bucket')} histogram\n"]
    for bound, share in (("0.1", 0.5), ("0.5", 0.9), ("1", 1.0), ("+Inf", 1.0)):
        counts = np.cumsum(rng.poisson(600.0, len(times))) * share
        name = f'{buckets}{{service="api",le="{bound}"}}'
        lines += [f"{name} {c:.0f} {t}\n" for c, t in zip(counts, times, strict=True)]
    lines.append("# TYPE node_filesystem_avail_bytes gauge\n")
    free = 5e10 - np.cumsum(rng.exponential(1e6, len(times)))
    name = 'node_filesystem_avail_bytes{mountpoint="/",fstype="ext4"}'
    lines += [f"{name} {f:.0f} {t}\n" for f, t in zip(free, times, strict=True)]
    return "".join(lines) + "# EOF\n"


def series_csv() -> str:
    rng = np.random.default_rng(2)
    start = 1_767_571_200
    rows = [f"{start + 300 * i},{10 + rng.normal():.3f}" for i in range(1_000)]
    return "timestamp,value\n" + "\n".join(rows) + "\n"


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", *shlex.split(command)]
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, timeout=240
    )


def test_each_command_is_a_test_here() -> None:
    run_here = {*FINISHING, *SERVING}
    assert set(commands()) == run_here | RUN_IN_CI | SAME_AS_FOREWARN_DEMO


def test_make_demo_is_forewarn_demo() -> None:
    command = ["make", "--dry-run", "--no-print-directory", "demo"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1].endswith("/forewarn demo")


FINISHING = (
    "forewarn check --against-prometheus",
    "forewarn plan",
    "forewarn backtest --days 7",
    "forewarn backtest --forecast",
    "forewarn train",
    "forewarn rules --out forewarn-rules.yml",
    "forewarn score series.csv --out scored --train-fraction 0.5 --budget 1/30d",
    "forewarn forecast series.csv --out forecasts --horizon 48 --levels 80,95",
    "forewarn check --config logs.yaml",
    "forewarn logs app.log --out patterns",
    "forewarn security scan auth.log",
)
SERVING = {
    "forewarn run": "forewarn.yaml",
    "forewarn run --role logs --config logs.yaml": "logs.yaml",
}


@pytest.mark.parametrize("command", FINISHING)
def test_the_command_succeeds(command: str, folder: Path) -> None:
    done = run(command, folder)
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parametrize(("command", "config"), SERVING.items())
def test_the_service_answers_until_it_is_told_to_stop(
    command: str, config: str, folder: Path
) -> None:
    log = (folder / "run.log").open("wb")
    words = [sys.executable, "-m", *shlex.split(command)]
    service = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log)
    listen = re.search(r"listen: (\S+)}", (folder / config).read_text())
    assert listen is not None
    try:
        wait_until(lambda: answers(f"http://{listen[1]}/healthz"), seconds=60)
        service.send_signal(signal.SIGTERM)
        assert service.wait(20) == 0, (folder / "run.log").read_text()
    finally:
        service.kill()
        service.wait()
        log.close()


def answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=2.0).status == 200
    except urllib3.exceptions.HTTPError:
        return False
