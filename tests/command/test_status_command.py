"""forewarn.commands.status"""

import json

from typer.testing import CliRunner

from forewarn.__main__ import app
from hostile_server import Exchange, hostile


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    signal = {"name": "load", "step": "1m", "model_version": 1, "series": 2, "anomalous": 0}
    signals = [{**signal, "episodes": 0, "cannot_say": {"[/s]": 1}}]
    reasons = [{"detail": "no [/s] at [::1]"}]

    def behaviour(exchange: Exchange) -> None:
        is_ready = exchange.request.path == "/readyz"
        content = {"status": "failed", "reasons": reasons} if is_ready else {"signals": signals}
        exchange.answer(200, json.dumps(content).encode())

    with hostile(behaviour) as server:
        done = CliRunner().invoke(app, ["status", "--url", server.url])
    assert done.exit_code == 1
    assert "not ready  no [/s] at [::1]" in done.stdout
    assert "1 [/s]" in done.stdout


LINES = """\
# TYPE forewarn_log_lines_read counter
forewarn_log_lines_read_total{source="app"} 12345.0
forewarn_log_lines_total{level="info",pattern="00000000000000ff",service="shop",source="app"} 12345
forewarn_log_read_lag_seconds{source="app"} 1.5
forewarn_log_source_up{source="app"} 1.0
forewarn_log_source_up{source="web"} 0.0
"""


def log_status(*, metrics_status: int, words: tuple[str, ...] = ()) -> str:
    def behaviour(exchange: Exchange) -> None:
        path = exchange.request.path
        if path == "/metrics" and metrics_status == 0:
            return
        status = metrics_status if path == "/metrics" else 200
        content = json.dumps({"status": "ok", "signals": []})
        exchange.answer(status, (LINES if path == "/metrics" else content).encode())

    with hostile(behaviour) as server:
        return CliRunner().invoke(app, ["status", "--url", server.url, *words]).stdout


def test_sources_of_log_lines_are_shown() -> None:
    told = log_status(metrics_status=200)
    rows = [" ".join(line.split()) for line in told.splitlines()]
    assert rows[:2] == ["ready", "log source is read lines lag"]  # no table of no signals
    assert "app yes 12,345 2 s" in rows
    assert "web no 0 0 s" in rows
    logs = json.loads(log_status(metrics_status=200, words=("--json",)))["logs"]
    assert logs == [
        {"name": "app", "up": True, "lines": 12_345, "lag_seconds": 1.5},
        {"name": "web", "up": False, "lines": 0, "lag_seconds": 0.0},
    ]


def test_who_may_not_scrape_sees_the_signals_all_the_same() -> None:
    for status in (403, 0):
        assert "log source" not in log_status(metrics_status=status)
        assert json.loads(log_status(metrics_status=status, words=("--json",)))["logs"] == []
