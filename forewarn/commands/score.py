"""`forewarn score`: the offline twin of the service's scoring."""

from pathlib import Path
from typing import Annotated

import typer


def score(
    inputs: Annotated[list[Path], typer.Argument(help="CSV or Parquet files.")],
    out: Annotated[Path, typer.Option(help="The folder for the scores, one CSV for each input.")],
    train_fraction: Annotated[
        float,
        typer.Option(
            help="How much of each file, from its start, is history: 0.5 is the first half."
        ),
    ],
    budget: Annotated[
        str, typer.Option(help="Acceptable false alarms for each series, such as 1/30d or 2/week.")
    ] = "1/30d",
    timezone: Annotated[
        str, typer.Option(help="The clocks that people keep there, such as Europe/Berlin.")
    ] = "UTC",
    country: Annotated[
        str | None, typer.Option(help="The country whose holidays are days off, such as DE.")
    ] = None,
) -> None:
    """Score recordings as the service would have, with the same code.

    An input has a column `timestamp` (seconds since the epoch, or ISO-8601) and either a column
    for each series, or `value` and columns of labels, such as `series`. Several series of a
    file are also scored together, as the series `*`. A sample is `anomalous` when its score is at
    least 1: rarer than the budget allows. Where nothing can be said, as of the history itself,
    the cells are empty.

    Example: forewarn score series.csv --out scored --train-fraction 0.5

    Exit codes: 0 done, 1 a file failed (the others are done), 2 an option is refused.
    """
    from forewarn.file_scores import ScoreJob
    from forewarn.file_work import run_jobs
    from forewarn.progress import compile_first
    from forewarn_adapters.civil_time import check_place
    from forewarn_adapters.config.learning import CivilTime
    from forewarn_adapters.files import check_stems
    from forewarn_adapters.outputs import make_directory
    from forewarn_models.budget import parse_budget
    from forewarn_models.errors import ConfigError

    if not 0 < train_fraction < 1:
        raise ConfigError(f"--train-fraction must lie between 0 and 1, got {train_fraction:g}")
    place = CivilTime(timezone=timezone, country=country)
    check_place(place, prefix="--")
    job = ScoreJob(out, train_fraction, parse_budget(budget), place)
    check_stems(inputs)
    make_directory(out)
    compile_first()
    run_jobs(job, inputs, what="scoring")
    typer.echo(f"files written to {out}: {len(inputs)}", err=True)
