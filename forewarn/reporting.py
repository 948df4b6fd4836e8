"""From champions, limits and newest values to a capacity report and its files."""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from forewarn.what_if import TODAY, Load
from forewarn_adapters.config.signals import ForecastPolicy, Signal
from forewarn_adapters.outputs import write_bytes, write_columns
from forewarn_adapters.registry import Champion, Registry
from forewarn_adapters.source import Source
from forewarn_models.catalogue import forecaster_from_state
from forewarn_models.contract import FittedForecaster, Forecast
from forewarn_models.demand import under_load
from forewarn_models.durations import format_duration, milliseconds_of
from forewarn_models.errors import ConfigError, DataError, ForewarnError, RegistryError
from forewarn_models.labels import label_text
from forewarn_models.outlook import TIME_LEVELS, Outlook, growth_per_day
from forewarn_models.panel import Panel
from forewarn_reports.capacity import (
    Accuracy,
    CapacityReport,
    CapacityRow,
    Record,
    SignalCapacity,
    rows_of,
)
from forewarn_reports.capacity_changes import changes_since
from forewarn_reports.capacity_document import (
    ReportDocument,
    columns_of,
    document_of,
    json_of,
    read_document,
)
from forewarn_reports.capacity_page import capacity_page
from forewarn_reports.capacity_pdf import capacity_pdf
from forewarn_reports.capacity_pictures import capacity_picture
from forewarn_reports.plots import ForecastPicture, forecast_plot
from forewarn_service.forecasting import LEVELS, from_now, horizons_of
from forewarn_service.limits import limits_of, side_of, values_of
from forewarn_service.nearing import nearing
from forewarn_training.history import history_span, read_history

Format = Literal["html", "pdf", "png", "csv", "json"]
FORMATS: tuple[Format, ...] = ("html", "pdf", "png", "csv", "json")
PREVIOUS = "capacity.json"
_FORECASTER: Literal["forecaster"] = "forecaster"
_MOST_STEPS = 20_000
_SLOTS_SHOWN = 600  # of the history in a picture, which is about as many dots wide
_HORIZONS_SHOWN = 2  # of history, beside one of forecast


@dataclass(frozen=True, eq=False)
class Order:
    """What a report is to hold.

    Args:
        out: the folder of its files.
        formats: of the files.
        at_milliseconds: the instant from which it looks ahead.
        most_pictures: how many series are drawn, from the first rank on.
        since: an earlier report; None = there is none.
    """

    out: Path
    formats: tuple[Format, ...]
    at_milliseconds: int
    most_pictures: int
    since: ReportDocument | None


def earlier_report(path: Path | None, out: Path) -> ReportDocument | None:
    """Return the report to compare with: the named one, or the last one of the folder if any.

    DataError when the file cannot be read or is no report.
    """
    chosen = out / PREVIOUS if path is None else path
    try:
        content = chosen.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as missing:
        if path is None:
            return None
        raise DataError(f"--since must name an earlier report, got {path}: no file") from missing
    except OSError as failed:
        raise DataError(
            f"--since must name a file that can be read, got {chosen}: {failed.strerror}"
        ) from failed
    return read_document(content, name=str(chosen))


def report_of(
    signals: Iterator[tuple[Signal, Callable[[str], None]]],
    *,
    source: Source,
    registry: Registry,
    at_milliseconds: int,
    load: Load = TODAY,
) -> CapacityReport:
    """Return the report of signals with a limit, each with a function that tells of progress.

    Under another `load` than today's it is a what-if. What cannot be reported becomes a problem
    in it. RegistryError when nothing can.
    """
    found, problems = [], []
    for signal, tell in signals:
        try:
            capacity = _signal_capacity(
                signal,
                source=source,
                registry=registry,
                now=at_milliseconds,
                load=load,
                tell=tell,
            )
            found.append(capacity)
        except ForewarnError as failed:
            problems.append(f"Signal {signal.name}: {failed}.")
    if not found:
        raise RegistryError(*problems)
    return CapacityReport(at_milliseconds, tuple(found), tuple(problems), load.says)


def write_report(
    report: CapacityReport,
    signals: Mapping[str, Signal],
    order: Order,
    *,
    source: Source,
    tell: Callable[[str], None],
) -> list[Path]:
    """Write the files of a report; return them. WriteError when the folder cannot be written."""
    made = report.made_milliseconds
    rows = rows_of(report)
    changes = None
    if order.since is not None:
        changes = changes_since(order.since, rows, made_milliseconds=made)
    pictures = _pictures(report, rows, signals, order, source=source, tell=tell)
    tell("drawing")
    written = {}
    if "html" in order.formats:
        # a page has its own headings
        drawn = {row.rank: forecast_plot(replace(each, title="")) for row, each in pictures}
        page = capacity_page(report, rows, changes=changes, pictures=drawn)
        written["capacity.html"] = page.encode()
    if "pdf" in order.formats:
        written["capacity.pdf"] = capacity_pdf(report, rows, changes=changes, pictures=pictures)
    names = {}
    if "png" in order.formats:
        names = {row.rank: _picture_name(row) for row, _ in pictures}
        written |= {names[row.rank]: forecast_plot(each) for row, each in pictures}
    if "json" in order.formats:
        said = () if changes is None else changes.all
        written[PREVIOUS] = json_of(document_of(report, rows, changes=said, pictures=names))
    return _write(written, rows, order, made=made)


def likely_within(report: CapacityReport, horizon: timedelta) -> list[CapacityRow]:
    """Return the rows that are as likely as not at their limit within a horizon."""
    return [row for row in rows_of(report) if row.middle_seconds <= horizon.total_seconds()]


def _write(
    written: Mapping[str, bytes], rows: Sequence[CapacityRow], order: Order, *, made: int
) -> list[Path]:
    paths = []
    for name, content in written.items():
        write_bytes(order.out / name, content)
        paths.append(order.out / name)
    if "csv" in order.formats:
        paths.append(order.out / "capacity.csv")
        write_columns(paths[-1], columns_of(rows, made_milliseconds=made))
    return paths


def _signal_capacity(
    signal: Signal,
    *,
    source: Source,
    registry: Registry,
    now: int,
    load: Load,
    tell: Callable[[str], None],
) -> SignalCapacity:
    policy = signal.forecast
    if policy is None or policy.limit is None:
        raise ConfigError("it must have `forecast: {limit: ...}` to be reported, got no limit")
    if load != TODAY and policy.limit.above is None:
        raise ConfigError("under another load its limit must be `above`, got one that is `below`")
    tell("loading its forecaster")
    champion = registry.champion(signal.name, _FORECASTER)
    if champion is None:
        raise RegistryError(f"it has no forecaster yet: forewarn train {signal.name}")
    model = forecaster_from_state(champion.state)
    forecast = _under(load, _forecast(signal, model, policy, now))
    tell("reading limits and newest values")
    limits = limits_of(policy.limit, forecast.series, source, now=now)
    values = load.factor * values_of(signal, forecast.series, source, now=now)
    tell(f"looking ahead of {len(forecast.series)} series")
    n_steps = forecast.quantiles.shape[1]
    today = model.extremes(n_steps, side_of(policy.limit), since_milliseconds=now)
    extremes = under_load(today, np.zeros(len(values)), load.factor)
    horizons, ahead = horizons_of(policy), from_now(forecast, now=now, horizon=policy.horizon)
    near = nearing(extremes, limits, values, levels=TIME_LEVELS, horizons=horizons, now=now)
    outlook = Outlook(
        series=forecast.series,
        value=values,
        limit=limits,
        side=extremes.side,
        growth_per_day=growth_per_day(ahead),
        time_to_limit_seconds=near.time_to_limit_seconds,
        horizons_seconds=tuple(horizon.total_seconds() for horizon in horizons),
        breach_probability=near.breach_probability,
    )
    return SignalCapacity(
        name=signal.name,
        outlook=outlook,
        forecast=ahead,
        record=_record(champion, horizons),
        version=champion.version,
        trained_milliseconds=champion.trained_milliseconds,
    )


def _forecast(
    signal: Signal, model: FittedForecaster, policy: ForecastPolicy, now: int
) -> Forecast:
    """Return what the model says of the time from its training to the end of the horizon."""
    step = model.step_milliseconds
    first = model.predict(1, LEVELS).start_milliseconds
    n_past = max(0, (now - first) // step + 1)
    n_steps = n_past + milliseconds_of(policy.horizon) // step
    if n_steps > _MOST_STEPS:
        raise RegistryError(
            f"its forecaster must have learned until less than {_MOST_STEPS} steps before the end "
            f"of the horizon, got {n_steps}: forewarn train {signal.name}"
        )
    return model.predict(n_steps, LEVELS)


def _under(load: Load, forecast: Forecast) -> Forecast:
    return replace(forecast, quantiles=load.factor * forecast.quantiles)


def _record(champion: Champion, horizons: Sequence[timedelta]) -> Record:
    """Return what the champion's run knows of its forecasts; the service adds the live figures."""
    metrics = champion.metrics
    live = (
        (horizon.total_seconds(), _accuracy(metrics, "live", f"_{format_duration(horizon)}"))
        for horizon in horizons
    )
    return Record(
        _accuracy(metrics, "forecast", ""),
        n_origins=round(metrics.get("forecast_origins", 0.0)),
        live=tuple(each for each in live if not math.isnan(each[1].error_ratio)),
    )


def _accuracy(metrics: Mapping[str, float], of: str, ending: str) -> Accuracy:
    names = ("error_ratio", "coverage_80_ratio", "coverage_95_ratio")
    return Accuracy(*(metrics.get(f"{of}_{name}{ending}", math.nan) for name in names))


def _pictures(
    report: CapacityReport,
    rows: Sequence[CapacityRow],
    signals: Mapping[str, Signal],
    order: Order,
    *,
    source: Source,
    tell: Callable[[str], None],
) -> list[tuple[CapacityRow, ForecastPicture]]:
    """Return what is drawn; the history of each signal is read once."""
    if not {"html", "pdf", "png"} & set(order.formats):
        return []
    shown = rows[: order.most_pictures]
    histories: dict[str, Panel] = {}
    for row in shown:
        if row.signal not in histories:
            tell(f"reading the history of {row.signal}")
            histories[row.signal] = _history(signals[row.signal], source, report.made_milliseconds)
    return [(row, capacity_picture(report, row, histories[row.signal])) for row in shown]


def _history(signal: Signal, source: Source, now: int) -> Panel:
    policy = signal.forecast or ForecastPolicy()
    length = min(policy.history, _HORIZONS_SHOWN * policy.horizon)
    step = policy.step * max(1, math.ceil(length / policy.step / _SLOTS_SHOWN))
    span = history_span(now_milliseconds=now, history=length, step=step)
    return read_history(source, signal.query, span=span)


def _picture_name(row: CapacityRow) -> str:
    """Return a name that stays that of the series, whatever its rank."""
    digest = hashlib.sha256(label_text(row.labels).encode()).hexdigest()[:10]
    return f"capacity-{row.signal}-{digest}.png"
