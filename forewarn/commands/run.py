"""`forewarn run`: the only long-lived command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import threading

ROLES = ("train", "score", "logs", "api")


def run(
    config: Annotated[Path, typer.Option(help="The configuration.")] = Path("forewarn.yaml"),
    *,
    role: Annotated[
        list[str] | None,
        typer.Option(
            help="What this process does: train, score, logs, api. Repeatable; default: all, logs "
            "where the file has `logs`."
        ),
    ] = None,
) -> None:
    """Run the service: train, score, read logs, answer.

    It trains on the schedule, scores every tick and counts lines of logs by pattern until it is
    told to stop. Every process serves /metrics and the API. Signals on logs read the counters back
    from Prometheus, so it must scrape /metrics, whichever process has the role `logs`.

    SIGTERM or Ctrl-C stops within two seconds; what was learned and where the scoring stood is
    kept, so that the next start goes on from there. The log is JSON, a line an event, on stderr.

    Exit codes: 0 stopped, 1 failed, 2 the configuration is refused.
    """
    import os
    import threading

    from forewarn.serving import run_roles
    from forewarn_adapters.config.reading import read_config
    from forewarn_models.errors import ConfigError

    roles = _checked(role)
    settings = read_config(config, environment=os.environ)
    if "logs" in (role or ()) and settings.logs is None:
        raise ConfigError(
            f"--role logs needs `logs` in {config}, which names none: see docs/logs.md"
        )
    stop = threading.Event()
    _stop_on_signals(stop)
    run_roles(settings, path=config, roles=roles, stop=stop)


def _checked(role: list[str] | None) -> frozenset[str]:
    unknown = [name for name in role or () if name not in ROLES]
    if unknown:
        raise typer.BadParameter(
            f"must be one of {', '.join(ROLES)}, got {unknown[0]!r}", param_hint="--role"
        )
    return frozenset(role or ROLES)


def _stop_on_signals(stop: "threading.Event") -> None:
    import signal

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
