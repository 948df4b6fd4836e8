"""`forewarn check`: is the configuration right, and what does it imply."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from forewarn.mask_hours import Readings
    from forewarn_adapters.config.implied import TeamLoad
    from forewarn_adapters.config.schema import Config
    from forewarn_adapters.config.servers import Prometheus
    from forewarn_adapters.config.signals import Signal
    from forewarn_adapters.masks import MaskReading
    from forewarn_adapters.prometheus_discovery import QueryInspection
    from forewarn_adapters.signal_bounds import FoundBounds

_HOUR_SECONDS = 3_600
_DAY_SECONDS = 86_400


def check(
    config: Annotated[Path, typer.Option(help="The configuration.")] = Path("forewarn.yaml"),
    *,
    against_prometheus: Annotated[
        bool,
        typer.Option(
            "--against-prometheus",
            help="Also run every query and read every mask: how many series, how much history, "
            "which types of metrics, which bounds of their values, how many hours are hidden, "
            "which problems.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
    effective: Annotated[
        bool,
        typer.Option("--print", help="Print the configuration with all defaults; no secrets."),
    ] = False,
) -> None:
    """Check a configuration, and count the false pages that it allows.

    Every problem is listed at once, with its line. A false alarm is a page about a series that
    is healthy; a budget of 1/30d allows each series one in 30 days, so 1,000 series may page 33
    times a day. This command does the sum and warns where a team accepts less.

    Asked, Prometheus also tells the types of metrics that it scrapes. A counter only grows, so a
    query that reads one as it is gets a warning with the query to write, such as
    rate(requests_total[5m]). Types, names, query and history tell which bounds values have, where
    `bounds` do not say it.

    Exit codes: 0 right, 1 a query failed or found nothing to learn from or a mask cannot be read,
    2 the configuration is refused.
    """
    import os

    from forewarn_adapters.config.effective import effective_text
    from forewarn_adapters.config.reading import read_config

    settings = read_config(config, environment=os.environ)
    if effective:
        typer.echo(effective_text(settings), nl=False)
        return
    found, hidden = _inspected(settings) if against_prometheus else ({}, {})
    told = _json(settings, found, hidden) if as_json else _text(config, settings, found, hidden)
    typer.echo(told)
    if any(map(_is_blocked, found.values())) or any(_masks(hidden, broken=True)):
        raise typer.Exit(1)


def _inspected(config: "Config") -> "tuple[dict[str, QueryInspection], Readings]":
    """Return what Prometheus says of each signal's query, and what its masks hide.

    A few are asked at a time.
    """
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import closing

    from rich.console import Console
    from rich.progress import track

    from forewarn.mask_hours import readings_of
    from forewarn_adapters.clock import now_milliseconds
    from forewarn_adapters.source import open_source
    from forewarn_models.errors import ConfigError

    server = config.prometheus
    if server is None:
        raise ConfigError("--against-prometheus needs `prometheus` in the file, got `files`")
    now = now_milliseconds()

    def inspect(signal: "Signal") -> tuple["QueryInspection", tuple["MaskReading", ...]]:
        hidden = readings_of(signal, source, now_milliseconds=now)
        return _inspection(server, signal, now=now), hidden

    names = [signal.name for signal in config.signals]
    console = Console(stderr=True)
    with closing(open_source(config)) as source, ThreadPoolExecutor(server.concurrency) as workers:
        answers = workers.map(inspect, config.signals)
        told = list(track(answers, "Asking Prometheus", total=len(names), console=console))
    found = {name: inspection for name, (inspection, _) in zip(names, told, strict=True)}
    return found, {name: hidden for name, (_, hidden) in zip(names, told, strict=True)}


def _inspection(server: "Prometheus", signal: "Signal", *, now: int) -> "QueryInspection":
    from dataclasses import replace

    from forewarn_adapters.prometheus_discovery import QueryInspection, inspect_query
    from forewarn_models.durations import milliseconds_of
    from forewarn_models.errors import SourceError

    try:
        found = inspect_query(
            server,
            signal.query,
            now_milliseconds=now,
            step_milliseconds=signal.step_milliseconds,
            history_milliseconds=milliseconds_of(signal.history),
        )
        if _is_blocked(found):
            return found
        return replace(found, problems=(*found.problems, *_forecast_problems(server, signal, now)))
    except SourceError as failed:
        return QueryInspection(0, None, None, (str(failed),))


def _forecast_problems(server: "Prometheus", signal: "Signal", now: int) -> Iterator[str]:
    """Yield that there is less history than the forecast of a signal learns from.

    And what is wrong with its regressor: a training goes on without one that it cannot use.
    """
    from forewarn_adapters.prometheus_discovery import inspect_query, lacking_history
    from forewarn_models.durations import milliseconds_of

    if signal.forecast is None:
        return
    lack = lacking_history(
        server,
        signal.query,
        key="forecast.history",
        now_milliseconds=now,
        step_milliseconds=milliseconds_of(signal.forecast.step),
        history_milliseconds=milliseconds_of(signal.forecast.history),
    )
    if lack is not None:
        yield lack
    if signal.forecast.regressor is not None:
        found = inspect_query(
            server,
            signal.forecast.regressor,
            now_milliseconds=now,
            step_milliseconds=milliseconds_of(signal.forecast.step),
            history_milliseconds=milliseconds_of(signal.forecast.history),
            key="forecast.history",
        )
        yield from (f"its `forecast.regressor`: {problem}" for problem in found.problems)


def _bounds(signal: "Signal", inspection: "QueryInspection") -> "FoundBounds":
    """Return the bounds that a training would find, as far as the server tells the extent."""
    import numpy as np

    from forewarn_adapters.signal_bounds import bounds_of_signal

    return bounds_of_signal(signal, inspection.metric_types, np.array(inspection.extent or ()))


def _problems(found: Mapping[str, "QueryInspection"], *, blocking: bool) -> Iterator[str]:
    """Yield each problem once, with all signals that have it and can, or cannot, be learned."""
    from forewarn.telling import told_once

    yield from told_once(
        (name, problem)
        for name, inspection in found.items()
        if _is_blocked(inspection) == blocking
        for problem in inspection.problems
    )


def _is_blocked(inspection: "QueryInspection") -> bool:
    """Tell whether nothing can be learned: the query fails, or there is no history."""
    return inspection.oldest_milliseconds is None


def _warnings(config: "Config", found: Mapping[str, "QueryInspection"]) -> Iterator[str]:
    from forewarn.log_listing import log_warnings

    yield from _problems(found, blocking=False)
    yield from _beyond_bounds(config, found)
    yield from log_warnings(config.logs)
    for load in _loads(config, found):
        if load.is_over:
            yield overload_text(load, least="" if found else "at least ")


def _beyond_bounds(config: "Config", found: Mapping[str, "QueryInspection"]) -> Iterator[str]:
    from forewarn.telling import told_once

    yield from told_once(
        (signal.name, warning)
        for signal in config.signals
        if signal.name in found
        for warning in _bounds(signal, found[signal.name]).warnings
    )


def overload_text(load: "TeamLoad", *, least: str) -> str:
    """Return what is wrong where signals allow more pages than their team accepts."""
    return (
        f"team {load.team}: its signals allow {least}{load.pages_per_week:.2f} false pages "
        f"a week and it accepts {load.accepted_per_week:.2f}: give its signals a stricter "
        "`budget`, such as 1/1y, or let it accept more in `budgets`"
    )


def _errors(found: Mapping[str, "QueryInspection"], hidden: "Readings") -> Iterator[str]:
    yield from _problems(found, blocking=True)
    yield from _masks(hidden, broken=True)


def _masks(hidden: "Readings", *, broken: bool) -> Iterator[str]:
    """Yield what is said of masks, each with all signals that it is said of."""
    if not hidden:
        return
    from forewarn.mask_hours import told
    from forewarn.telling import told_once

    yield from told_once(told(hidden, broken=broken))


def _loads(config: "Config", found: Mapping[str, "QueryInspection"]) -> tuple["TeamLoad", ...]:
    from forewarn_adapters.config.implied import team_loads

    return team_loads(config, {name: inspection.n_series for name, inspection in found.items()})


def _text(
    path: Path, config: "Config", found: Mapping[str, "QueryInspection"], hidden: "Readings"
) -> str:
    from forewarn.log_listing import log_bounds, log_rows
    from forewarn_adapters.config.values import redacted

    source = config.prometheus.url if config.prometheus else _counted(len(config.files), "file")
    way_out = (
        f"scores are written to {config.remote_write.url}"
        if config.remote_write
        else f"scores wait to be scraped at {config.api.listen}/metrics"
    )
    lines = [
        f"{path} is right: {_counted(len(config.signals), 'signal')} from {source}; {way_out};",
        f"models in {redacted(config.training.tracking_url)}.",
        "",
        *_with_space(aligned(_signal_rows(config, found))),
        *_with_space(aligned(log_rows(config.logs))),
        *team_lines(
            _loads(config, found), basis="" if found else ", if each signal had one series"
        ),
        *log_bounds(config.logs),
        *_masks(hidden, broken=False),
        *(f"warning: {warning}" for warning in _warnings(config, found)),
        *(f"error: {error}" for error in _errors(found, hidden)),
    ]
    return "\n".join(lines)


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _heading(found: Mapping[str, "QueryInspection"]) -> tuple[str, ...]:
    plain = ("SIGNAL", "STEP", "HISTORY", "FORECAST", "TEAM", "BUDGET", "FALSE PAGES A WEEK")
    return (*plain, "SERIES", "HISTORY THERE", "METRIC TYPES", "BOUNDS") if found else plain


def _signal_rows(config: "Config", found: Mapping[str, "QueryInspection"]) -> list[tuple[str, ...]]:
    """Return the cells of a table with a heading; nothing where there are no signals."""
    rows = [_row(signal, found) for signal in config.signals]
    return [_heading(found), *rows] if rows else []


def _row(signal: "Signal", found: Mapping[str, "QueryInspection"]) -> tuple[str, ...]:
    from forewarn_adapters.config.implied import pages_per_week
    from forewarn_models.durations import format_duration

    pages = pages_per_week(signal.budget)
    inspection = found.get(signal.name)
    cells = (
        signal.name,
        format_duration(signal.step),
        format_duration(signal.history),
        format_duration(signal.forecast.horizon) if signal.forecast else "-",
        signal.team or "-",
        str(signal.budget),
    )
    if inspection is None:
        return (*cells, f"{pages:.2f} a series")
    bounds = _bounds(signal, inspection)
    known = (_types(inspection), str(bounds) if bounds.why else "-")
    if _is_blocked(inspection) and not inspection.n_series:
        return (*cells, "-", "-", "-", *known)
    there = _in_words(_history_seconds(inspection))
    n_series = inspection.n_series
    return (*cells, f"{pages * n_series:.2f}", str(n_series), there, *known)


def _types(inspection: "QueryInspection") -> str:
    from forewarn.telling import listed

    types = [f"{name} {metric_type}" for name, metric_type in inspection.metric_types.items()]
    return listed(types) or "-"


def _in_words(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 2 * _HOUR_SECONDS:
        return f"{seconds / 60:.0f} minutes"
    if seconds < 2 * _DAY_SECONDS:
        return f"{seconds / _HOUR_SECONDS:.1f} hours"
    return f"{seconds / _DAY_SECONDS:.1f} days"


def _with_space(lines: Iterator[str]) -> Iterator[str]:
    """Yield lines and an empty one after them, nothing where there are none."""
    told = list(lines)
    yield from [*told, ""] if told else []


def aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows as lines whose cells stand below each other."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def team_lines(loads: "Sequence[TeamLoad]", *, basis: str) -> Iterator[str]:
    """Yield what each team must expect and accepts."""
    for load in loads:
        who = f"team {load.team}" if load.team else "signals without a team"
        accepts = load.accepted_per_week
        limit = "" if accepts is None else f"; accepts {accepts:.2f}"
        yield f"{who}: {load.pages_per_week:.2f} false pages a week{basis}{limit}"


def _history_seconds(inspection: "QueryInspection") -> float | None:
    oldest, newest = inspection.oldest_milliseconds, inspection.newest_milliseconds
    return None if oldest is None or newest is None else (newest - oldest) / 1_000


def _json(config: "Config", found: Mapping[str, "QueryInspection"], hidden: "Readings") -> str:
    import json
    from dataclasses import asdict

    from forewarn.log_listing import log_entries

    report = {
        "signals": [
            _entry(signal, found.get(signal.name), hidden.get(signal.name, ()))
            for signal in config.signals
        ],
        "logs": log_entries(config.logs),
        "teams": [asdict(load) for load in _loads(config, found)],
        "warnings": list(_warnings(config, found)),
        "errors": list(_errors(found, hidden)),
    }
    return json.dumps(report, indent=2)


def _entry(
    signal: "Signal", inspection: "QueryInspection | None", hidden: "tuple[MaskReading, ...]"
) -> dict[str, object]:
    from forewarn.mask_hours import plain
    from forewarn_adapters.config.implied import pages_per_week

    entry: dict[str, object] = {
        "name": signal.name,
        "step_seconds": signal.step.total_seconds(),
        "history_seconds": signal.history.total_seconds(),
        "team": signal.team,
        "budget": str(signal.budget),
        "false_pages_per_week_and_series": pages_per_week(signal.budget),
    }
    if inspection is not None:
        entry["series"] = inspection.n_series
        entry["history_there_seconds"] = _history_seconds(inspection)
        entry["metric_types"] = dict(inspection.metric_types)
        entry["bounds"] = _bounds(signal, inspection).plain()
        entry["problems"] = list(inspection.problems)
        entry["masks"] = [plain(reading) for reading in hidden]
    return entry
