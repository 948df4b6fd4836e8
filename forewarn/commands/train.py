"""`forewarn train`: train signals once and exit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from forewarn_adapters.config.schema import Config
    from forewarn_adapters.config.signals import Signal
    from forewarn_training.outcome import ModelOutcome, TrainingOutcome


def train(
    signals: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SIGNAL]...", help="Names from the configuration; default: all."),
    ] = None,
    *,
    config: Annotated[Path, typer.Option(help="The configuration.")] = Path("forewarn.yaml"),
    json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
) -> None:
    """Train signals once, and show how they would have alerted.

    For each signal: read its history, fit, back-test on samples that the model has not seen,
    compare with the champion (the model in use), and promote what is not worse. A running
    service takes a new champion up by itself.

    Exit codes: 0 all were trained, 1 some failed, 2 the configuration or a name is refused.
    """
    import os

    from forewarn_adapters.config.reading import read_config

    settings = read_config(config, environment=os.environ)
    chosen = signals_named(settings, signals)
    outcomes = _trained(settings, chosen, folder=config.absolute().parent)
    _show(outcomes, is_json=json)
    if any(outcome.has_failed for outcome in outcomes):
        raise typer.Exit(1)


def signals_named(config: "Config", names: list[str] | None) -> list["Signal"]:
    """Return the named signals, or all; ConfigError with every name that is unknown."""
    from difflib import get_close_matches

    from forewarn_models.errors import ConfigError

    known = {signal.name: signal for signal in config.signals}
    problems = []
    for name in names or ():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            problems.append(f"SIGNAL must be a signal of the configuration, got {name!r}: {hint}")
    if problems:
        raise ConfigError(*problems)
    return [known[name] for name in dict.fromkeys(names or known)]


def _trained(config: "Config", signals: list["Signal"], *, folder: Path) -> list["TrainingOutcome"]:
    from forewarn.progress import compile_first, with_progress
    from forewarn_adapters.clock import now_milliseconds
    from forewarn_adapters.registry import Registry
    from forewarn_adapters.source import open_source
    from forewarn_training.job import train_signal

    compile_first()
    source = open_source(config)
    registry = Registry(config.training.tracking_url, directory=folder)
    try:
        return [
            train_signal(
                signal,
                source=source,
                registry=registry,
                now_milliseconds=now_milliseconds(),
                progress=tell,
            )
            for signal, tell in with_progress(signals, what="training", name_of=lambda s: s.name)
        ]
    finally:
        source.close()


def _show(outcomes: list["TrainingOutcome"], *, is_json: bool) -> None:
    if is_json:
        import orjson

        text = orjson.dumps([each.as_mapping() for each in outcomes], option=orjson.OPT_INDENT_2)
        typer.echo(text.decode())
        return
    from rich.console import Console

    Console(markup=False, emoji=False).print(_table(outcomes))
    for outcome in outcomes:
        for model in outcome.models:
            if model.status != "promoted":
                typer.echo(f"{outcome.signal}: {model.kind} {model.status}: {model.why}", err=True)
            for warning in model.warnings:
                typer.echo(f"{outcome.signal}: {model.kind}: warning: {warning}", err=True)


def _table(outcomes: list["TrainingOutcome"]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("signal", "model", "series", "history", "back-test", "version", "outcome"):
        table.add_column(heading, justify="right" if heading == "series" else "left")
    for outcome in outcomes:
        for model in outcome.models:
            table.add_row(outcome.signal, *_cells(model))
    return table


def _cells(model: "ModelOutcome") -> tuple[str, ...]:
    if model.status == "failed":
        return model.kind, "", "", "", "", "failed"
    return (
        model.kind,
        str(model.n_series),
        _span_text(model.history_seconds),
        _measured(model),
        str(model.version),
        model.status,
    )


def _span_text(seconds: float) -> str:
    """Return a length of history in days, or as it is when it is short."""
    from datetime import timedelta

    from forewarn_models.durations import format_duration

    days = seconds / 86_400.0
    return f"{days:.0f}d" if days >= 2 else format_duration(timedelta(seconds=seconds))


def _measured(model: "ModelOutcome") -> str:
    """Return the figures that matter most of a model, or that there are none yet."""
    from math import isfinite, nan

    metrics = model.metrics
    if isfinite(metrics.get("band_coverage_ratio", nan)):
        return (
            f"{metrics['alarms']:.0f} alarms ({metrics['alarm_budget_ratio']:.2g} x budget), "
            f"{metrics['band_coverage_ratio']:.1%} in band"
        )
    if isfinite(metrics.get("forecast_error_ratio", nan)):
        return (
            f"error {metrics['forecast_error_ratio']:.2f} x naive, "
            f"{metrics['forecast_coverage_95_ratio']:.0%} in 95 % band"
        )
    return "nothing unseen to judge on"
