"""What `forewarn backtest` does and shows where alarms are judged."""

from collections.abc import Iterator, Sequence
from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from forewarn.commands.outcomes import show_complaints, show_json

if TYPE_CHECKING:
    from rich.table import Table

    from forewarn.backtest_outcomes import Tested
    from forewarn.backtests import Order
    from forewarn_training.backtest import Backtest

_DAYS = 7.0
_MOST_ALARMS = 20
_SHOWN = ("start", "end", "series", "direction", "rarity", "view", "verdict")


def alarm_order(
    *,
    days: float | None,
    budget: str | None,
    labels: Path | None,
    alerts: str | None,
    out: Path | None,
) -> "Order":
    """Return what was asked for; ConfigError when it cannot be meant."""
    from forewarn.backtests import Order, check_days
    from forewarn_adapters.labelled import check_alerts_selector, read_labels
    from forewarn_models.budget import parse_budget
    from forewarn_models.errors import ConfigError

    judged_days = _DAYS if days is None else days
    check_days(judged_days)
    if labels is not None and alerts is not None:
        raise ConfigError("--labels and --labels-from-alerts exclude each other: give one")
    if alerts is not None:
        check_alerts_selector(alerts)
    return Order(
        judged_days,
        budget=None if budget is None else parse_budget(budget),
        labels=None if labels is None else read_labels(labels),
        alerts=alerts,
        out=out,
    )


def backtest_alarms(
    config: Path, files: list[Path], names: list[str], order: "Order", *, as_json: bool
) -> bool:
    """Do it, show it, and return whether all went well."""
    from forewarn.backtests import write_out
    from forewarn.progress import compile_first

    compile_first()
    tests = _of_files(files, order) if files else _of_signals(config, names or None, order)
    if order.out is not None:
        write_out(order.out, tests)
    _warn_of_strangers(order, tests)
    _show(tests, as_json=as_json)
    return not any(test.errors for test in tests)


def _of_files(files: list[Path], order: "Order") -> "list[Tested[Backtest]]":
    from forewarn.backtests import backtest_files
    from forewarn_adapters.files import check_stems
    from forewarn_models.errors import ConfigError

    if order.alerts is not None:
        raise ConfigError("--labels-from-alerts asks Prometheus: for files give --labels")
    check_stems(files)
    return backtest_files(files, order)


def _of_signals(config: Path, names: list[str] | None, order: "Order") -> "list[Tested[Backtest]]":
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


def _warn_of_strangers(order: "Order", tests: "Sequence[Tested[Backtest]]") -> None:
    """Name the series that labels speak of and nothing here is called."""
    if order.labels is None:
        return
    known = {name for test in tests if test.backtest for name in test.backtest.row_of}
    strangers = sorted(set(order.labels.series) - known - {""})
    if strangers:
        shown = ", ".join(strangers[:5]) + (" and others" if len(strangers) > 5 else "")
        typer.echo(f"forewarn: warning: labels name series that are not here: {shown}", err=True)


def _show(tests: "Sequence[Tested[Backtest]]", *, as_json: bool) -> None:
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


def _show_json(tests: "Sequence[Tested[Backtest]]") -> None:
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
