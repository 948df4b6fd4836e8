"""`forewarn status`: what a running service says of itself."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def status(
    url: Annotated[str, typer.Option(help="Where the service listens.")] = "http://127.0.0.1:9464",
    *,
    variable: Annotated[
        str,
        typer.Option(
            "--token-variable",
            help="The environment variable that holds the token, where one is needed.",
        ),
    ] = "FOREWARN_TOKEN",
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Show a running service: signals, sources of logs.

    Whether it is ready and what it waits for, each signal's verdicts, how many lines of each source
    of logs were read and how late.

    Exit codes: 0 ready, 1 not ready or not reached.
    """
    import os

    import orjson

    from forewarn.log_status import log_sources, show_log_sources

    token = os.environ.get(variable, "")
    ready = _asked(f"{url.rstrip('/')}/readyz", token)
    signals = _asked(f"{url.rstrip('/')}/api/v1/signals", token)["signals"]
    logs = log_sources(_exposition(f"{url.rstrip('/')}/metrics", token))
    if as_json:
        content = {"ready": ready, "signals": signals, "logs": logs}
        typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
    else:
        _show(ready, signals)
        show_log_sources(logs)
    if ready.get("status") != "ok":
        raise typer.Exit(1)


def _asked(url: str, token: str) -> "dict[str, Any]":
    """Return the answer of a service; SourceUnavailable when there is none, AccessDenied on 401."""
    import orjson
    import urllib3

    from forewarn_models.errors import AccessDenied, SourceUnavailable

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = urllib3.request("GET", url, headers=headers, timeout=5.0, retries=False)
        content = orjson.loads(answer.data)
    except (urllib3.exceptions.HTTPError, orjson.JSONDecodeError) as failed:
        raise SourceUnavailable(
            f"a Forewarn service must answer at {url}, got {type(failed).__name__}: is it "
            "running, and is --url right?"
        ) from failed
    if answer.status in (401, 403):
        raise AccessDenied(f"{url} needs a token with the role `read`: see --token-variable")
    if not isinstance(content, dict):
        raise SourceUnavailable(f"a Forewarn service must answer at {url}, got something else")
    return content


def _exposition(url: str, token: str) -> str:
    """Return what a scrape gets; nothing where this token may not scrape."""
    import urllib3

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = urllib3.request("GET", url, headers=headers, timeout=5.0, retries=False)
    except urllib3.exceptions.HTTPError:
        return ""
    return answer.data.decode("utf-8", "replace") if answer.status == 200 else ""


def _show(ready: "Mapping[str, Any]", signals: "Sequence[Mapping[str, Any]]") -> None:
    """Print readiness and a table of the signals."""
    from rich.console import Console
    from rich.table import Table

    # What the service says is no markup, such as a reason with [brackets].
    console = Console(highlight=False, markup=False, emoji=False)
    reasons = "; ".join(reason["detail"] for reason in ready.get("reasons", ()))
    state = "ready" if ready.get("status") == "ok" else "not ready"
    console.print(f"{state}  {reasons}".rstrip())
    if not signals:
        return
    table = Table(box=None, pad_edge=False)
    for column in ("signal", "step", "model", "series", "anomalous", "episodes", "cannot say"):
        table.add_column(column, justify="left" if column in ("signal", "cannot say") else "right")
    for signal in signals:
        silent = ", ".join(f"{count} {why}" for why, count in signal["cannot_say"].items())
        facts = (signal[name] for name in ("model_version", "series", "anomalous", "episodes"))
        shown = ("-" if fact is None else str(fact) for fact in facts)
        table.add_row(signal["name"], signal["step"], *shown, silent or "-")
    console.print(table)
