"""The work of `forewarn backtest --forecast`: signals or files one after the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from forewarn.backtests import joined, picture_name
from forewarn.file_forecasts import Horizon, panel_of_file
from forewarn.progress import with_progress
from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.files import read_series_file
from forewarn_adapters.outputs import make_directory, write_bytes, write_columns
from forewarn_adapters.registry import Registry
from forewarn_adapters.source import open_source
from forewarn_models.durations import format_duration
from forewarn_models.errors import ConfigError, ForewarnError, NotEnoughHistory
from forewarn_training.forecast_backtest import (
    ForecastBacktest,
    ForecastCase,
    newest_days,
    run_forecast_backtest,
    signal_case,
)
from forewarn_training.forecast_backtest_report import (
    MOST_PICTURES,
    pictures_of,
    record_of,
    series_columns,
)
from forewarn_training.task import Progress

_DEFAULT_HORIZON = Horizon("1d")


@dataclass(frozen=True, slots=True)
class ForecastOrder:
    """What `forewarn backtest --forecast` was told.

    Args:
        days: how much is judged; None = the newer half.
        horizon: of files.
        model: in place of each signal's own.
        out: the folder for the table and the pictures.
    """

    days: float | None = None
    horizon: Horizon = _DEFAULT_HORIZON
    model: str | None = None
    out: Path | None = None


@dataclass(frozen=True, eq=False)
class ForecastTested:
    """What came of one signal or file.

    Args:
        name: of it.
        backtest: None when that could not be found out.
        errors: what failed.
        pictures: PNGs by the names of their series.
    """

    name: str
    backtest: ForecastBacktest | None = None
    errors: tuple[str, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What it went on without."""
        return self.backtest.case.warnings if self.backtest else ()


def forecast_signals_named(config: Config, chosen: Sequence[Signal]) -> Sequence[Signal]:
    """Return the signals to try where none is named: those that are forecast.

    ConfigError when there is none.
    """
    forecast = [signal for signal in chosen if signal.forecast is not None]
    if not forecast:
        raise ConfigError(
            f"a signal must have `forecast`, got {len(config.signals)} without: name those to try "
            "with the defaults"
        )
    return forecast


def backtest_signal_forecasts(
    config: Config, signals: Sequence[Signal], order: ForecastOrder, *, folder: Path
) -> list[ForecastTested]:
    """Return what came of some signals of a configuration, and log each to MLflow."""
    source = open_source(config)
    registry = Registry(config.training.tracking_url, directory=folder)
    now = now_milliseconds()

    def tested(signal: Signal, tell: Progress) -> ForecastTested:
        tell("reading")
        case = signal_case(signal, source, now_milliseconds=now, days=order.days, model=order.model)
        outcome = _tested(case, order, tell)
        tell("storing")
        return _logged(outcome, registry, now=now, query=signal.query)

    try:
        return [
            _attempt(signal.name, partial(tested, signal, tell))
            for signal, tell in with_progress(signals, what="back-test", name_of=lambda s: s.name)
        ]
    finally:
        source.close()


def backtest_file_forecasts(paths: Sequence[Path], order: ForecastOrder) -> list[ForecastTested]:
    """Return what came of some files."""

    def tested(path: Path, tell: Progress) -> ForecastTested:
        tell("reading")
        try:
            return _tested(file_case(path, order), order, tell)
        except NotEnoughHistory as too_little:  # whose advice is for a configuration
            return ForecastTested(path.stem, errors=(f"nothing can be said: {too_little.fact}",))

    return [
        _attempt(path.stem, partial(tested, path, tell))
        for path, tell in with_progress(paths, what="back-test", name_of=lambda p: p.name)
    ]


def file_case(path: Path, order: ForecastOrder) -> ForecastCase:
    """Return a file as what is to be forecast."""
    file = read_series_file(path)
    panel = panel_of_file(file)
    names = dict(zip(file.samples.series, file.names, strict=True))
    n_steps = order.horizon.steps(panel.step_milliseconds)
    return ForecastCase(
        path.stem,
        panel,
        timedelta(milliseconds=n_steps * panel.step_milliseconds),
        order.model or "auto",
        from_slot=None if order.days is None else newest_days(panel, order.days),
        name_of=lambda labels: names[labels],
    )


def write_out(out: Path, tests: Sequence[ForecastTested]) -> None:
    """Write the figures of all series and the pictures; WriteError when that cannot be done."""
    make_directory(out)
    tables = [series_columns(test.backtest) for test in tests if test.backtest]
    if tables:
        columns = {name: joined([table[name] for table in tables]) for name in tables[0]}
        write_columns(out / "forecasts.csv", columns)
    for test in tests:
        for number, (series, image) in enumerate(test.pictures.items(), start=1):
            write_bytes(out / picture_name(test.name, number, series), image)


def _tested(case: ForecastCase, order: ForecastOrder, tell: Progress) -> ForecastTested:
    most_shown = 0 if order.out is None else MOST_PICTURES
    backtest = run_forecast_backtest(case, progress=tell, most_shown=most_shown)
    tell("drawing")
    return ForecastTested(case.name, backtest, pictures=pictures_of(backtest))


def _logged(tested: ForecastTested, registry: Registry, *, now: int, query: str) -> ForecastTested:
    """Log a back-test; where that fails, what came of it is still told."""
    if tested.backtest is None:
        return tested
    history = tested.backtest.case.history
    params = {
        "query": query,
        "step": format_duration(timedelta(milliseconds=history.step_milliseconds)),
        "horizon": format_duration(tested.backtest.ahead(tested.backtest.whole)),
    }
    record = record_of(
        tested.backtest, at_milliseconds=now, params=params, plots=list(tested.pictures.values())
    )
    try:
        registry.log_backtest(record)
    except ForewarnError as failed:
        return replace(tested, errors=(str(failed),))
    return tested


def _attempt(name: str, work: Callable[[], ForecastTested]) -> ForecastTested:
    try:
        return work()
    except ForewarnError as failed:
        return ForecastTested(name, errors=(str(failed),))
