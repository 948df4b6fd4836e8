"""`forewarn report`: what people take into a meeting."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import timedelta

    from forewarn.reporting import Format, Order
    from forewarn.what_if import Load
    from forewarn_adapters.config.schema import Config
    from forewarn_adapters.config.signals import Signal
    from forewarn_reports.capacity import CapacityReport

EXIT_FAILED = 1
EXIT_AT_RISK = 3

report = typer.Typer(
    help="Write reports for people: what runs out, and when.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@report.callback()
def _reports() -> None:
    """Write reports for people: what runs out, and when."""


Signals = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SIGNAL]...", help="Signals of the configuration; default: all with a limit."
    ),
]
Out = Annotated[Path, typer.Option(help="The folder for the files; it is made.")]
Configuration = Annotated[Path, typer.Option(help="The configuration.")]
Formats = Annotated[
    str, typer.Option("--format", help="Which files, with commas: html,pdf,png,csv,json.")
]
Since = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The capacity.json of an earlier report. Default: the one in the folder.",
    ),
]
Pictures = Annotated[
    int, typer.Option(min=0, max=200, help="How many series are drawn, the first ones.")
]
At = Annotated[
    str | None, typer.Option(help="Look ahead from this instant, ISO-8601. Default: now.")
]
Growth = Annotated[
    str | None,
    typer.Option(metavar="FACTOR", help="What if demand were so many times today's: 1.5x."),
]
Nodes = Annotated[int | None, typer.Option(min=1, help="How many nodes share the load today.")]
AddNodes = Annotated[
    int, typer.Option(help="What if so many nodes were put beside them; negative: taken away.")
]
FailWithin = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION", help="Exit with 3 when a series is likely at its limit within."
    ),
]


@report.command()
def capacity(  # noqa: PLR0913  one for each option of the command
    signals: Signals = None,
    *,
    out: Out,
    config: Configuration = Path("forewarn.yaml"),
    formats: Formats = "html,pdf,csv,json",
    since: Since = None,
    pictures: Pictures = 10,
    at: At = None,
    growth: Growth = None,
    nodes: Nodes = None,
    add_nodes: AddNodes = 0,
    fail_within: FailWithin = None,
) -> None:
    """Report which series run out first, when, and how sure that is.

    For each signal with `forecast: {limit: ...}` the champion's forecast is held against the
    limits and the newest values of the source: the same figures as forewarn_time_to_limit_seconds
    and /api/v1/capacity. The files, all named capacity:

    \b
    html    one page for everybody: it needs no network, and prints
    pdf     the same for a mail: table, pictures, accuracy, changes
    png     the picture of each of the first series
    csv     all series, a row each
    json    all series and signals; the next report says what changed since

    A time such as "in 3 to 5 weeks" is a range: the limit comes earlier in 1 case of 10, and
    later in 1 of 10. A series is at risk when it is likely (at least even) to reach its limit
    within the horizon of its signal. Train first: a forecast needs a champion.

    --growth and --add-nodes make it a what-if: the load on each node is multiplied, shared
    evenly, and each value with it. That holds for what demand causes (CPU, connections), not
    for what lies there (a disk); limits must be `above`. Write it to a folder of its own.

    Example: forewarn report capacity --out capacity --format html,json --fail-within 14d

    Exit codes: 0 written, 1 a signal could not be reported (the others are), or a file not be
    read or written, 2 the configuration, a name or an option is refused, 3 written, and a series
    is likely at its limit within --fail-within.
    """  # noqa: D301  typer keeps the lines of a paragraph that begins with a backspace
    import os

    from forewarn.reporting import likely_within
    from forewarn.what_if import load_of
    from forewarn_adapters.config.reading import read_config

    settings = read_config(config, environment=os.environ)
    chosen = _with_limit(settings, signals)
    within = _duration(fail_within)
    load = load_of(growth, nodes=nodes, add_nodes=add_nodes)
    order = _order(out, formats, since=since, at=at, pictures=pictures)
    made = _reported(settings, chosen, order, load=load, folder=config.absolute().parent)
    for problem in made.problems:
        typer.echo(f"forewarn: {problem}", err=True)
    at_risk = likely_within(made, within) if within is not None else []
    for row in at_risk:
        typer.echo(f"forewarn: {row.name} is likely at its limit within {fail_within}", err=True)
    if made.problems:
        raise typer.Exit(EXIT_FAILED)
    if at_risk:
        raise typer.Exit(EXIT_AT_RISK)


def _with_limit(config: "Config", names: list[str] | None) -> "list[Signal]":
    from forewarn.commands.train import signals_named
    from forewarn_models.errors import ConfigError

    named = signals_named(config, names)
    limited = [each for each in named if each.forecast is not None and each.forecast.limit]
    missing = [each.name for each in named if each not in limited]
    if names and missing:
        raise ConfigError(
            f"SIGNAL must have a forecast with a limit, got {missing[0]!r}: give it "
            "`forecast: {limit: ...}`"
        )
    if not limited:
        raise ConfigError(
            "a signal must have `forecast: {limit: ...}` to be reported, got none that has"
        )
    return limited


def _order(
    out: Path, formats: str, *, since: Path | None, at: str | None, pictures: int
) -> "Order":
    from forewarn.explaining import instant_of
    from forewarn.reporting import Order, earlier_report
    from forewarn_adapters.clock import now_milliseconds

    wanted = _formats(formats)
    instant = now_milliseconds() if at is None else instant_of(at)
    return Order(out, wanted, instant, pictures, earlier_report(since, out))


def _formats(text: str) -> "tuple[Format, ...]":
    from forewarn.reporting import FORMATS
    from forewarn_models.errors import ConfigError

    parts = [part.strip() for part in text.split(",")]
    unknown = [part for part in parts if part not in FORMATS]
    if unknown:
        raise ConfigError(
            f"--format must be some of {', '.join(FORMATS)} with commas between, got {unknown[0]!r}"
        )
    return tuple(each for each in FORMATS if each in parts)


def _duration(text: str | None) -> "timedelta | None":
    from forewarn_models.durations import parse_duration

    return None if text is None else parse_duration(text)


def _reported(
    config: "Config", signals: "list[Signal]", order: "Order", *, load: "Load", folder: Path
) -> "CapacityReport":
    from forewarn.progress import with_progress
    from forewarn.reporting import report_of, write_report
    from forewarn_adapters.outputs import make_directory
    from forewarn_adapters.registry import Registry
    from forewarn_adapters.source import open_source

    make_directory(order.out)
    source = open_source(config)
    registry = Registry(config.training.tracking_url, directory=folder)
    try:
        made = report_of(
            with_progress(signals, what="forecasting", name_of=lambda each: each.name),
            source=source,
            registry=registry,
            at_milliseconds=order.at_milliseconds,
            load=load,
        )
        by_name = {each.name: each for each in signals}
        for _, tell in with_progress(["report"], what="writing", name_of=str):
            written = write_report(made, by_name, order, source=source, tell=tell)
    finally:
        source.close()
    for path in written:
        typer.echo(f"wrote {path}", err=True)
    return made
