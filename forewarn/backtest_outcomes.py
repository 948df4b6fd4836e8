"""Back-tests of signals or files, one after the other: what came of each, kept and written."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from forewarn.progress import with_progress
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.outputs import make_directory, write_bytes, write_columns
from forewarn_adapters.registry import BacktestRecord, Registry
from forewarn_models.arrays import AnyArray
from forewarn_models.errors import ForewarnError, NotEnoughHistory
from forewarn_training.task import Progress

# A Backtest or a ForecastBacktest.
Result = TypeVar("Result")
Columns = Mapping[str, list[str] | AnyArray]

_UNSAFE = re.compile(r"[^\w.=-]+")
_LONGEST_NAME = 100


@dataclass(frozen=True, eq=False)
class Tested(Generic[Result]):
    """What came of one signal or file.

    Args:
        name: of it.
        backtest: None when it could not be made.
        errors: what failed.
        warnings: what it went on without.
        pictures: PNGs by the names of their series.
    """

    name: str
    backtest: Result | None = None
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def try_signals(
    signals: Sequence[Signal], test: Callable[[Signal, Progress], Tested[Result]]
) -> list[Tested[Result]]:
    """Return what came of each signal; where one fails, its outcome says so and others go on."""
    told = with_progress(signals, what="back-test", name_of=lambda signal: signal.name)
    return [_attempt(signal.name, partial(test, signal), tell) for signal, tell in told]


def try_files(
    paths: Sequence[Path], test: Callable[[Path, Progress], Tested[Result]]
) -> list[Tested[Result]]:
    """Return what came of each file; where one fails, its outcome says so and others go on."""

    def of_file(path: Path, tell: Progress) -> Tested[Result]:
        try:
            return test(path, tell)
        except NotEnoughHistory as too_little:  # whose advice is for a configuration
            return Tested(path.stem, errors=(f"nothing can be said: {too_little.fact}",))

    told = with_progress(paths, what="back-test", name_of=lambda path: path.name)
    return [_attempt(path.stem, partial(of_file, path), tell) for path, tell in told]


def errors_of_logging(registry: Registry, record: BacktestRecord) -> tuple[str, ...]:
    """Log a back-test to MLflow; return why that failed, for what came of it is still told."""
    try:
        registry.log_backtest(record)
    except ForewarnError as failed:
        return (str(failed),)
    return ()


def write_tests(
    out: Path,
    tests: Sequence[Tested[Result]],
    table_name: str,
    columns_of: Callable[[Result], Columns],
) -> None:
    """Write one table of all and the pictures; WriteError when that cannot be done."""
    make_directory(out)
    tables = [columns_of(test.backtest) for test in tests if test.backtest]
    if tables:
        columns = {name: _joined([table[name] for table in tables]) for name in tables[0]}
        write_columns(out / table_name, columns)
    for test in tests:
        for number, (series, image) in enumerate(test.pictures.items(), start=1):
            write_bytes(out / _picture_name(test.name, number, series), image)


def _attempt(
    name: str, work: Callable[[Progress], Tested[Result]], tell: Progress
) -> Tested[Result]:
    tell("reading")
    try:
        return work(tell)
    except ForewarnError as failed:
        return Tested(name, errors=(str(failed),))


def _joined(parts: Sequence[list[str] | AnyArray]) -> list[str] | AnyArray:
    """Return columns of several tables as one."""
    whole: AnyArray = np.concatenate([np.asarray(part) for part in parts])
    return [str(cell) for cell in whole] if isinstance(parts[0], list) else whole


def _picture_name(name: str, number: int, series: str) -> str:
    """Return a name of letters that any file system takes; the number keeps names apart."""
    return f"{name}-{number:02d}-{_UNSAFE.sub('_', series).strip('_')}"[:_LONGEST_NAME] + ".png"
