"""`forewarn forecast`: the offline twin of the service's forecasts."""

from pathlib import Path
from typing import Annotated

import typer


def forecast(  # noqa: PLR0913, PLR0917  one for each option of the command
    inputs: Annotated[list[Path], typer.Argument(help="CSV or Parquet files.")],
    out: Annotated[
        Path, typer.Option(help="The folder for the forecasts, one CSV for each input.")
    ],
    horizon: Annotated[
        str, typer.Option(help="How far ahead: a duration such as 7d, or a number of steps.")
    ],
    levels: Annotated[str, typer.Option(help="Central bands in percent, such as 80,95.")] = "80,95",
    model: Annotated[
        str, typer.Option(help="auto (which is hybrid), hybrid, seasonal_naive, prophet or ets.")
    ] = "auto",
    timezone: Annotated[
        str, typer.Option(help="The clocks that people keep there, such as Europe/Berlin.")
    ] = "UTC",
    country: Annotated[
        str | None, typer.Option(help="The country whose holidays are days off, such as DE.")
    ] = None,
) -> None:
    """Forecast recordings from their last row on, as the service does.

    An input has a column `timestamp` (seconds since the epoch, or ISO-8601) and either a column
    for each series, or `value` and columns of labels, such as `series`. An output
    has a row for each series and coming step: `q0.5` is the median, `q0.1` and `q0.9` are the
    ends of the central 80 % band.

    Example: forewarn forecast series.csv --out forecasts --horizon 48

    Exit codes: 0 done, 1 a file failed (the others are done), 2 an option is refused.
    """
    from forewarn.file_forecasts import ForecastJob, Horizon
    from forewarn.file_work import run_jobs
    from forewarn_adapters.civil_time import check_place
    from forewarn_adapters.config.learning import CivilTime
    from forewarn_adapters.files import check_stems
    from forewarn_adapters.outputs import make_directory
    from forewarn_models.forecasters.choice import forecaster_for

    wanted = _levels(levels)
    forecaster_for(model, horizon=None)
    place = CivilTime(timezone=timezone, country=country)
    check_place(place, prefix="--")
    job = ForecastJob(out, Horizon(horizon), wanted, model, place)
    job.horizon.check()
    check_stems(inputs)
    make_directory(out)
    run_jobs(job, inputs, what="forecasting")
    typer.echo(f"files written to {out}: {len(inputs)}", err=True)


def _levels(text: str) -> tuple[float, ...]:
    from forewarn_models.errors import ConfigError
    from forewarn_models.forecasters.bands import quantile_levels

    try:
        levels = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(
            f"--levels must be percentages with commas between, such as 80,95, got {text!r}"
        ) from None
    quantile_levels(levels)
    return levels
