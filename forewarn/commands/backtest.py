"""`forewarn backtest`: what would have alerted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from forewarn.commands.backtest_alarms import alarm_order, backtest_alarms
from forewarn.commands.backtest_forecasts import backtest_forecasts, forecast_order

_Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SIGNAL|FILE]...",
        help="Signals of the configuration (default: all), or CSV or Parquet files.",
    ),
]
_Days = Annotated[
    float | None,
    typer.Option(
        help="How many of the last days are judged; default: 7, of forecasts the newer half of "
        "the history."
    ),
]
_Budget = Annotated[
    str | None,
    typer.Option(
        help="Acceptable false alarms for each series, such as 2/week, in place of the "
        "signal's own budget; files: 1/30d."
    ),
]
_Labels = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help="When something was wrong: a CSV with the columns start, end and, where one "
        "series alone was, series: its column, or its labels as instance=a,job=b.",
    ),
]
_Alerts = Annotated[
    str | None,
    typer.Option(
        metavar="SELECTOR",
        help="Take the times at which one of these alerts fired for such labels, as in "
        "'ALERTS{alertname=\"Down\"}'.",
    ),
]
_Horizon = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION|STEPS",
        help="How far ahead files are forecast; default: 1d. Signals have their own horizon.",
    ),
]


def backtest(  # noqa: PLR0913  one for each option of the command
    targets: _Targets = None,
    *,
    config: Annotated[Path, typer.Option(help="The configuration.")] = Path("forewarn.yaml"),
    days: _Days = None,
    budget: _Budget = None,
    labels: _Labels = None,
    labels_from_alerts: _Alerts = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder for a table and a picture of each series.")
    ] = None,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Judge forecasts in place of alarms.")
    ] = False,
    horizon: _Horizon = None,
    model: Annotated[
        str | None,
        typer.Option(help="The forecaster to try in place of the signal's own; files: auto."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Show what would have alerted in the last days, or how good forecasts would have been.

    The past is lived through again with the code that scores live: a model is trained on what
    came before, judges what came then, and is trained again on the schedule. Nothing is enabled
    and no champion changes. Of a short history the first half trains and the second is judged.

    An alarm is an episode, and again each four hours that it stays on, as Alertmanager would
    repeat it. Their number is held against what the budget allows; the rarest are shown.

    With labels it also says how many of these events had an alarm inside (recall), how many
    alarms were near one, from half an hour before to an hour after (precision), how late the
    first came, and what a threshold that accepts 1, 3 or 10 times the budget would find.

    With --forecast the signals, or files, are forecast from up to eight earlier instants, and that
    is held against what came: error beside that of the value a season before, how much came inside
    the bands, and whether it was too high or too low; by distance, and with --out by series.

    Back-tests of signals are kept in MLflow, beside the signal's trainings.

    Example: forewarn backtest api_latency_p99 --days 7 --labels incidents.csv --out back-test

    Example: forewarn backtest disk_used --forecast --out back-test

    Exit codes: 0 done, 1 a signal or file failed (the others are done), 2 the configuration, a
    name or an option is refused.
    """
    files, names = _kinds(targets or [])
    if forecast:
        _check_alone(
            forecast=True, budget=budget, labels=labels, labels_from_alerts=labels_from_alerts
        )
        asked = forecast_order(days=days, horizon=horizon, model=model, out=out)
        is_done = backtest_forecasts(config, files, names, asked, as_json=as_json)
    else:
        _check_alone(forecast=False, horizon=horizon, model=model)
        order = alarm_order(
            days=days, budget=budget, labels=labels, alerts=labels_from_alerts, out=out
        )
        is_done = backtest_alarms(config, files, names, order, as_json=as_json)
    if not is_done:
        raise typer.Exit(1)


def _check_alone(*, forecast: bool, **options: object) -> None:
    """Refuse options of the other kind of back-test."""
    from forewarn_models.errors import ConfigError

    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise ConfigError(
            f"{given[0]} is for {'alarms' if forecast else 'forecasts'}: leave it out, or "
            f"{'leave out' if forecast else 'add'} --forecast"
        )


def _kinds(targets: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Return what are files and what are signals, in whose names there is neither dot nor slash."""
    from forewarn_models.errors import ConfigError

    files = [Path(target) for target in targets if "." in target or "/" in target]
    names = [target for target in targets if "." not in target and "/" not in target]
    if files and names:
        raise ConfigError(
            f"one call takes signals or files, got the signal {names[0]!r} and the file {files[0]}"
        )
    return files, names
