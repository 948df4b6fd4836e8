"""`forewarn backtest`: what would have alerted."""

from collections.abc import Iterator, Sequence
from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forewarn.commands.backtest_forecasts import backtest_forecasts, forecast_order
from forewarn.commands.outcomes import show_complaints, show_json

if TYPE_CHECKING:
    from rich.table import Table

    from forewarn.backtests import Order, Tested
    from forewarn_training.backtest import Backtest

_DAYS = 7.0
_MOST_ALARMS = 20
_SHOWN = ("start", "end", "series", "direction", "rarity", "view", "verdict")


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
    from forewarn.backtests import write_out

    files, names = _kinds(targets or [])
    if forecast:
        _check_alone(
            forecast=True, budget=budget, labels=labels, labels_from_alerts=labels_from_alerts
        )
        order = forecast_order(days=days, horizon=horizon, model=model, out=out)
        if not backtest_forecasts(config, files, names, order, as_json=as_json):
            raise typer.Exit(1)
        return
    _check_alone(forecast=False, horizon=horizon, model=model)
    asked = _order(
        _DAYS if days is None else days, budget, labels=labels, alerts=labels_from_alerts, out=out
    )
    tests = _tested(config, files, names, asked)
    if out is not None:
        write_out(out, tests)
    _warn_of_strangers(asked, tests)
    _show(tests, as_json=as_json)
    if any(test.errors for test in tests):
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


def _order(
    days: float, budget: str | None, *, labels: Path | None, alerts: str | None, out: Path | None
) -> "Order":
    from forewarn.backtests import Order, check_days
    from forewarn_adapters.labelled import check_alerts_selector, read_labels
    from forewarn_models.budget import parse_budget
    from forewarn_models.errors import ConfigError

    check_days(days)
    if labels is not None and alerts is not None:
        raise ConfigError("--labels and --labels-from-alerts exclude each other: give one")
    if alerts is not None:
        check_alerts_selector(alerts)
    return Order(
        days,
        budget=None if budget is None else parse_budget(budget),
        labels=None if labels is None else read_labels(labels),
        alerts=alerts,
        out=out,
    )


def _tested(config: Path, files: list[Path], names: list[str], order: "Order") -> "list[Tested]":
    from forewarn.progress import compile_first

    compile_first()
    return _of_files(files, order) if files else _of_signals(config, names or None, order)


def _of_files(files: list[Path], order: "Order") -> "list[Tested]":
    from forewarn.backtests import backtest_files
    from forewarn_adapters.files import check_stems
    from forewarn_models.errors import ConfigError

    if order.alerts is not None:
        raise ConfigError("--labels-from-alerts asks Prometheus: for files give --labels")
    check_stems(files)
    return backtest_files(files, order)


def _of_signals(config: Path, names: list[str] | None, order: "Order") -> "list[Tested]":
    import os

    from forewarn.backtests import backtest_signals
    from forewarn.commands.train import signals_named
    from forewarn_adapters.config.reading import read_config
    from forewarn_models.errors import ConfigError

    settings = read_config(config, environment=os.environ)
    if order.alerts is not None and settings.prometheus is None:
        raise ConfigError("--labels-from-alerts needs `prometheus` in the file, got `files`")
    chosen = signals_named(settings, names)
    return backtest_signals(settings, chosen, order, folder=config.absolute().parent)


def _warn_of_strangers(order: "Order", tests: "Sequence[Tested]") -> None:
    """Name the series that labels speak of and nothing here is called."""
    if order.labels is None:
        return
    known = {name for test in tests if test.backtest for name in test.backtest.row_of}
    strangers = sorted(set(order.labels.series) - known - {""})
    if strangers:
        shown = ", ".join(strangers[:5]) + (" and others" if len(strangers) > 5 else "")
        typer.echo(f"forewarn: warning: labels name series that are not here: {shown}", err=True)


def _show(tests: "Sequence[Tested]", *, as_json: bool) -> None:
    done = [test.backtest for test in tests if test.backtest is not None]
    if as_json:
        _show_json(tests)
    elif done:
        from rich.console import Console

        # A column may be called like markup or an emoji, such as `latency [ms]`.
        Console(markup=False, emoji=False).print(_summary(done))
        for line in (line for each in done for line in _alarm_lines(each)):
            typer.echo(line)
    show_complaints(tests)


def _show_json(tests: "Sequence[Tested]") -> None:
    from forewarn_training.backtest_report import as_mapping

    show_json(
        (test, as_mapping(test.backtest, most_alarms=_MOST_ALARMS) if test.backtest else {})
        for test in tests
    )


def _summary(backtests: "Sequence[Backtest]") -> "Table":
    from rich.table import Table

    from forewarn_training.backtest_report import figures_of, noisiest_of

    table = Table(box=None, pad_edge=False)
    table.add_column("name")
    for heading in ("series", "days", "alarms", "a week", "allowed"):
        table.add_column(heading, justify="right")
    table.add_column("noisiest")
    for each in backtests:
        figures = figures_of(each)
        noisiest = noisiest_of(each)[:1]
        table.add_row(
            each.name,
            f"{figures['series']:.0f}",
            f"{figures['judged_days']:.1f}",
            f"{figures['alarms']:.0f}",
            f"{figures['alarms_per_week']:.2f}",
            f"{figures['allowed_alarms_per_week']:.2f}",
            *(f"{name} ({n})" for name, n in noisiest),
        )
    return table


def _alarm_lines(backtest: "Backtest") -> Iterator[str]:
    """Yield the rarest alarms of a signal, a line each, and how they met the events."""
    from forewarn.commands.check import aligned
    from forewarn_training.backtest_report import alarm_rows

    rows = alarm_rows(backtest, most=_MOST_ALARMS)
    n_alarms = len(backtest.alarms)
    more = f": the {_MOST_ALARMS} rarest of" if n_alarms > _MOST_ALARMS else ":"
    yield ""
    yield f"{backtest.name}{more} {n_alarms} {'alarm' if n_alarms == 1 else 'alarms'}"
    shown = [[str(row[name]) for name in _SHOWN if name in row] for row in rows]
    yield from aligned([tuple(cells) for cells in shown])
    yield from _event_lines(backtest)


def _event_lines(backtest: "Backtest") -> Iterator[str]:
    found, curve = backtest.detection, backtest.curve
    if found is None:
        return
    yield (
        f"events found: {found.n_found} of {found.n_events} (recall {_share(found.recall_ratio)}), "
        f"false alarms: {found.n_false} of {found.n_alarms} (precision "
        f"{_share(found.precision_ratio)}), F1 {_share(found.f1_ratio)}, median delay "
        f"{_seconds(found.median_delay_seconds)}"
    )
    if curve is not None:
        points = ", ".join(
            f"{_share(point.event_recall_ratio)} at {point.times_budget}x"
            + (f" (score {point.score:.2f})" if isfinite(point.score) else "")
            for point in curve.points
        )
        yield (
            f"recall with the threshold that accepts so many times the budget: {points}; average "
            f"precision of samples {curve.average_precision_ratio:.2f}"
        )


def _share(ratio: float) -> str:
    return "-" if isnan(ratio) else f"{ratio:.0%}"


def _seconds(seconds: float) -> str:
    return "-" if isnan(seconds) else f"{seconds:.0f} s"
