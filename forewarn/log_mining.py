"""Logs mined as files: read, counted, written; or followed until somebody stops it."""

import glob
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event

import numpy as np

from forewarn_adapters.config.log_sources import LogFormat, LogSourceConfig
from forewarn_adapters.logs.batch import Cursor, Lines, LogBatch, LogStream
from forewarn_adapters.logs.enrichment import enriched
from forewarn_adapters.logs.files.cutting import STANDARD_INPUT, LineCutter, LogFile
from forewarn_adapters.logs.files.followed import FollowedFiles
from forewarn_adapters.logs.outputs import RowsOfLines, write_lines, write_patterns
from forewarn_models.patterns.miner import Miner, Pattern

_PATIENCE_SECONDS = 2.0
_POLL_SECONDS = 0.5


class Mining:
    """A miner, the rows of the lines that it was given, and which patterns were told.

    Args:
        directory: where to write.
        most_patterns: how many are kept.
        log_format: what lines look like. But for `line`, their messages are mined, and lines that
            go on with another one have no row.
    """

    def __init__(
        self, directory: Path, *, most_patterns: int, log_format: LogFormat = "line"
    ) -> None:
        self.miner = Miner(most_patterns=most_patterns)
        self._rows = RowsOfLines(directory)
        self._numbers = None if log_format == "line" else RowsOfLines(directory, n_bytes=8)
        self._settings = LogSourceConfig(name="files", files=(directory,), format=log_format)
        self._directory = directory
        self._told: set[str] = set()
        self._n_lines = 0

    def take(self, lines: Lines) -> None:
        """Mine some lines, all of one file."""
        n_lines = len(lines[1])
        zeros = np.zeros(n_lines, dtype=np.int64)
        levels = np.zeros(n_lines, dtype=np.int8)
        self.take_batch(LogBatch(lines, lines, zeros, levels, zeros, (LogStream(),), {}))

    def take_batch(self, batch: LogBatch) -> None:
        """Mine some lines."""
        if self._numbers is None:
            self._rows.append(self.miner.mine(*batch.messages))
            return
        read, owner = enriched(batch, self._settings)
        self._rows.append(self.miner.mine(*read.messages))
        _, first = np.unique(owner[owner >= 0], return_index=True)
        self._numbers.append(self._n_lines + 1 + np.flatnonzero(owner >= 0)[first])
        self._n_lines += batch.n_lines

    def new_patterns(self) -> Sequence[Pattern]:
        """Return the patterns that were not there at the last call, those with most lines first."""
        patterns = self.miner.patterns()
        new = [pattern for pattern in patterns if pattern.pattern_id not in self._told]
        self._told = {pattern.pattern_id for pattern in patterns}
        return new

    def close(self) -> None:
        """Remove what was kept of the lines."""
        self._rows.close()
        if self._numbers is not None:
            self._numbers.close()

    def write(self) -> None:
        """Write both files and say what is in them."""
        patterns = self.miner.patterns()
        write_lines(self._directory, self.miner, self._rows, self._numbers)
        write_patterns(self._directory, patterns)
        sys.stderr.write(
            f"files written to {self._directory}: {self.miner.n_lines:,} lines, "
            f"{len(patterns):,} patterns\n"
        )


def mine_files(paths: Sequence[Path], mining: Mining) -> None:
    """Mine files one after another, as if they were one, and write what was found."""
    with ExitStack() as opened:
        logs = [opened.enter_context(closing(LogFile(path))) for path in paths]
        advance = opened.enter_context(_progress([log.size_bytes() for log in logs]))
        for log in logs:
            cutter = LineCutter()
            while block := log.read():
                mining.take(cutter.cut(block))
                advance(len(block))
            mining.take(cutter.end())
    mining.write()


def follow_files(paths: Sequence[Path], mining: Mining) -> None:
    """Mine files and what is added to them, and tell new patterns, until a signal or an end.

    Only standard input ends. Afterwards what was found is written.
    """
    with ExitStack() as opened:
        stopped = opened.enter_context(_until_signal())
        followed = opened.enter_context(closing(_Followed(paths, mining)))
        is_caught_up = False
        told_seconds = time.monotonic()
        while not stopped.is_set() and not followed.is_ended:
            is_idle = not followed.read()
            if is_idle and not is_caught_up:
                is_caught_up = True
                _tell_known(mining)
            elif is_caught_up and (is_idle or time.monotonic() - told_seconds > _PATIENCE_SECONDS):
                told_seconds = time.monotonic()
                _tell_new(mining)
            if is_idle:
                stopped.wait(_POLL_SECONDS)
        followed.end()
        _tell_new(mining)
    mining.write()


class _Followed:
    """Files and standard input that are mined as they grow."""

    def __init__(self, paths: Sequence[Path], mining: Mining) -> None:
        for path in paths:
            with closing(LogFile(path)) as log:
                if log.size_bytes() is not None:
                    log.read()  # says what is wrong with it now, not in a warning later
        self._mining = mining
        files = [Path(glob.escape(str(path))) for path in paths if path != STANDARD_INPUT]
        self._files = FollowedFiles("files", files)
        self._cursor: Cursor | None = None
        self._input = LogFile(STANDARD_INPUT) if STANDARD_INPUT in paths else None
        self._has_files = bool(files)
        self._cutter = LineCutter()

    @property
    def is_ended(self) -> bool:
        """Say whether nothing can come any more."""
        return not self._has_files and self._input is not None and self._input.is_ended

    def read(self) -> bool:
        """Mine what has come since; say whether there was anything."""
        block = self._input.read_when_ready() if self._input is not None else b""
        if block:
            self._mining.take(self._cutter.cut(block))
        batch = self._files.read(self._cursor)
        self._take(batch)
        return bool(block) or batch.n_lines > 0

    def end(self) -> None:
        """Mine last lines that have no line feed."""
        self._mining.take(self._cutter.end())
        self._take(self._files.unfinished(self._cursor))

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    def _take(self, batch: LogBatch) -> None:
        self._mining.take_batch(batch)
        self._cursor = batch.cursor


def _tell_known(mining: Mining) -> None:
    n_patterns = len(mining.new_patterns())
    sys.stderr.write(
        f"forewarn: {n_patterns:,} patterns in {mining.miner.n_lines:,} lines so far; "
        "new ones are told as they come, Ctrl-C writes the files\n"
    )


def _tell_new(mining: Mining) -> None:
    for pattern in mining.new_patterns():
        sys.stdout.write(f"{pattern.pattern_id} {pattern.template}\n")
    sys.stdout.flush()


@contextmanager
def _until_signal() -> Iterator[Event]:
    """Lend an event that is set by Ctrl-C or SIGTERM; the second Ctrl-C interrupts at once."""
    stopped = Event()

    def stop(number: int, _frame: object) -> None:
        stopped.set()
        signal.signal(number, previous[signal.Signals(number)])

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def _progress(sizes: Sequence[int | None]) -> Iterator[Callable[[int], None]]:
    """Lend a function that is told how many bytes were read; what it shows begins after a while."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    known = [size for size in sizes if size is not None]
    total = sum(known) if len(known) == len(sizes) else None
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    bar = Progress(*columns, TransferSpeedColumn(), console=console, transient=True)
    task = bar.add_task("mining", total=total)
    began, is_shown = time.monotonic(), False

    def advance(n_bytes: int) -> None:
        nonlocal is_shown
        bar.advance(task, n_bytes)
        if not is_shown and time.monotonic() - began >= _PATIENCE_SECONDS and console.is_terminal:
            is_shown = True
            bar.start()

    try:
        yield advance
    finally:
        if is_shown:
            bar.stop()
