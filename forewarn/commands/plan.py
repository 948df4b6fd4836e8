"""`forewarn plan`: what a configuration will cost, before anything of it is enabled."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from forewarn.measuring import Cost
    from forewarn.planning import Plan
    from forewarn_adapters.config.schema import Config

# Field, heading, unit: in the order of the table.
_COLUMNS = (
    ("series", "SERIES", ""),
    ("series_written", "WRITTEN", ""),
    ("samples_read_per_second", "READ/S", ""),
    ("samples_written_per_second", "WRITE/S", ""),
    ("queries_per_minute", "QUERIES/MIN", ""),
    ("samples_a_query", "SAMPLES/QUERY", ""),
    ("memory_bytes", "MEMORY", "B"),
    ("training_bytes", "TRAINING MEMORY", "B"),
    ("scoring_seconds_per_hour", "SCORING S/H", ""),
    ("training_seconds_per_hour", "TRAINING S/H", ""),
    ("pages_per_week", "PAGES/WEEK", ""),
)
# One training runs at a time, and a query's size is its own.
_NOT_SUMMED = ("training_bytes", "samples_a_query")


def plan(
    config: Annotated[Path, typer.Option(help="The configuration.")] = Path("forewarn.yaml"),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Say what a configuration will cost, before it is enabled.

    Each signal's series are counted in the source, once, as of now; nothing is read but their
    number. What a series costs is measured on this machine, for a second or two, with the code
    that trains and scores, on made-up series of the same step and history.

    \b
    SERIES, WRITTEN      series read; forewarn_* series that they become
    READ/S, WRITE/S      samples a second from the source and to Prometheus
    QUERIES/MIN          of scoring, and how many samples each gives
    MEMORY               of the service, on top of what the program itself takes
    TRAINING MEMORY      of a training while it lasts; one runs at a time
    SCORING, TRAINING    CPU seconds an hour
    PAGES/WEEK           false pages that the budgets allow for healthy series

    Forecasts are part of what is written, and not of the CPU. Where a team accepts fewer pages
    than its signals allow, a warning says so.

    Exit codes: 0 planned, 1 a signal's series cannot be counted and what depends on them is
    unknown, 2 the configuration is refused.
    """  # noqa: D301  typer keeps the lines of a paragraph that begins with a backspace
    import os

    from forewarn.planning import plan_of
    from forewarn.progress import compile_first, with_progress
    from forewarn_adapters.config.reading import read_config

    settings = read_config(config, environment=os.environ)
    compile_first()
    for path, tell in with_progress([config], what="planning", name_of=str):
        tell(f"reading {path}")
        made = plan_of(settings, progress=tell)
    typer.echo(_json(settings, made) if as_json else "\n".join(_lines(settings, made)))
    if not made.is_complete:
        raise typer.Exit(1)


def _lines(config: "Config", made: "Plan") -> Iterator[str]:
    from forewarn.commands.check import aligned, team_lines
    from forewarn.telling import each_once, listed

    yield from aligned(list(_rows(made)))
    yield ""
    for cost, names in each_once(made.costs.items()).items():
        yield f"measured here for {listed(names)}: {_cost_text(cost)}"
    yield ""
    yield from team_lines(made.teams, basis="" if made.is_complete else ", of the series known")
    yield from (f"warning: {warning}" for warning in _warnings(config, made))
    yield from (f"error: {error}" for error in _errors(made))


def _rows(made: "Plan") -> Iterator[tuple[str, ...]]:
    from forewarn_reports.wording import number_text

    yield ("SIGNAL", *(heading for _, heading, _ in _COLUMNS))
    for name, signal in made.signals.items():
        if signal is None:
            yield (name, *("unknown" for _ in _COLUMNS))
            continue
        yield (name, *(number_text(getattr(signal, field)) + unit for field, _, unit in _COLUMNS))
    total = (
        "-" if field in _NOT_SUMMED else number_text(made.total(field)) + unit
        for field, _, unit in _COLUMNS
    )
    yield ("total" if made.is_complete else "total of those known", *total)


def _cost_text(cost: "Cost") -> str:
    return (
        f"{cost.kept_bytes / 1_000:.0f} kB a series and {cost.working_bytes / 1_000:.0f} kB "
        f"while it is read; CPU: {1e6 * cost.learning_seconds:.2f} us a "
        f"sample of history at each training, {1e3 * cost.tick_seconds:.2f} ms a tick and "
        f"{1e6 * cost.tick_seconds_a_series:.1f} us a series in it"
    )


def _warnings(config: "Config", made: "Plan") -> Iterator[str]:
    from forewarn.commands.check import overload_text
    from forewarn.telling import of_signals

    for load in made.teams:
        if load.is_over:
            yield overload_text(load, least="" if made.is_complete else "at least ")
    empty = [name for name, signal in made.signals.items() if signal and not signal.series]
    if empty:
        where = "now" if config.prometheus else "in the files"
        yield of_signals(empty, f"no series {where}")


def _errors(made: "Plan") -> Iterator[str]:
    """Yield each reason once, with the signals whose series it leaves unknown."""
    from forewarn.telling import told_once

    yield from told_once(
        (name, counted.error) for name, counted in made.counted.items() if counted.error
    )


def _json(config: "Config", made: "Plan") -> str:
    from dataclasses import asdict

    import orjson

    summed = [field for field, _, _ in _COLUMNS if field not in _NOT_SUMMED]
    content = {
        "signals": [
            {
                "name": name,
                "planned": asdict(signal) if signal is not None else None,
                "measured": asdict(made.costs[name]),
            }
            for name, signal in made.signals.items()
        ],
        "totals": {field: made.total(field) for field in summed},
        "complete": made.is_complete,
        "teams": [asdict(load) for load in made.teams],
        "warnings": list(_warnings(config, made)),
        "errors": list(_errors(made)),
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
