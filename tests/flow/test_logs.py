"""Lines of logs through `forewarn run`, killed at any time: each counted exactly once."""

from pathlib import Path

from forewarn_adapters.local_servers import LocalServer
from log_parts import numbered
from log_service import log_samples, log_service
from webhook import wait_until

N_LINES = 200_000


def service_of(folder: Path) -> LocalServer:
    return log_service(
        folder, [f"{{name: app, files: ['{folder}/*.log'], service: shop, format: line}}"]
    )


def shown(server: LocalServer) -> dict[tuple[str, str], float]:
    """Values by name of metric and pattern."""
    return {
        (sample.name, sample.labels.get("pattern", "")): sample.value
        for sample in log_samples(server)
    }


def lines(server: LocalServer) -> dict[str, float]:
    found = shown(server)
    return {
        pattern: value
        for (name, pattern), value in found.items()
        if name == "forewarn_log_lines_total"
    }


def append(path: Path, first: int, last: int) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in numbered(first, last))


def test_each_line_is_counted_once_whenever_the_process_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, 0, 80_000)
    server = service_of(tmp_path)
    try:
        server.start()
        wait_until(lambda: bool(lines(server)), seconds=120.0)
        before = lines(server)
        append(log, 80_000, 150_000)  # read before the next checkpoint, or not
        server.kill()

        append(log, 150_000, N_LINES - 1_000)
        server.start()
        wait_until(lambda: sum(lines(server).values()) >= sum(before.values()), seconds=60.0)
        server.kill()  # while it reads

        server.start()
        append(log, N_LINES - 1_000, N_LINES)
        wait_until(lambda: sum(lines(server).values()) >= N_LINES, seconds=60.0)
        assert lines(server) == dict.fromkeys(before, float(N_LINES))
        assert shown(server)["forewarn_log_lines_read_total", ""] == N_LINES
    finally:
        server.stop()
