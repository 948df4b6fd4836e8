"""The work of `forewarn backtest --forecast`: signals or files one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from forewarn.backtest_outcomes import (
    Tested,
    errors_of_logging,
    try_files,
    try_signals,
    write_tests,
)
from forewarn.file_forecasts import Horizon, panel_of_file
from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.files import read_series_file
from forewarn_adapters.registry import Registry
from forewarn_adapters.source import open_source
from forewarn_models.durations import format_duration
from forewarn_models.errors import ConfigError
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
) -> list[Tested[ForecastBacktest]]:
    """Return what came of some signals of a configuration, and log each to MLflow."""
    source = open_source(config)
    registry = Registry(config.training.tracking_url, directory=folder)
    now = now_milliseconds()

    def tested(signal: Signal, tell: Progress) -> Tested[ForecastBacktest]:
        case = signal_case(signal, source, now_milliseconds=now, days=order.days, model=order.model)
        backtest, pictures = _run(case, order, tell)
        tell("storing")
        record = record_of(
            backtest,
            at_milliseconds=now,
            params=_params(signal, backtest),
            plots=list(pictures.values()),
        )
        errors = errors_of_logging(registry, record)
        return Tested(case.name, backtest, errors, case.warnings, pictures)

    try:
        return try_signals(signals, tested)
    finally:
        source.close()


def backtest_file_forecasts(
    paths: Sequence[Path], order: ForecastOrder
) -> list[Tested[ForecastBacktest]]:
    """Return what came of some files."""

    def tested(path: Path, tell: Progress) -> Tested[ForecastBacktest]:
        case = file_case(path, order)
        backtest, pictures = _run(case, order, tell)
        return Tested(case.name, backtest, (), case.warnings, pictures)

    return try_files(paths, tested)


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


def write_out(out: Path, tests: Sequence[Tested[ForecastBacktest]]) -> None:
    """Write the figures of all series and the pictures; WriteError when that cannot be done."""
    write_tests(out, tests, "forecasts.csv", series_columns)


def _run(
    case: ForecastCase, order: ForecastOrder, tell: Progress
) -> tuple[ForecastBacktest, dict[str, bytes]]:
    """Return a back-test and its pictures."""
    most_shown = 0 if order.out is None else MOST_PICTURES
    backtest = run_forecast_backtest(case, progress=tell, most_shown=most_shown)
    tell("drawing")
    return backtest, pictures_of(backtest)


def _params(signal: Signal, backtest: ForecastBacktest) -> dict[str, str]:
    step_milliseconds = backtest.case.history.step_milliseconds
    return {
        "query": signal.query,
        "step": format_duration(timedelta(milliseconds=step_milliseconds)),
        "horizon": format_duration(backtest.ahead(backtest.whole)),
    }
