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
