"""One job for each input file, a process for each core, progress on standard error."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# What a job says of its file: a warning, or nothing.
Job = Callable[[Path], str | None]

# Fewer files are done here: a new process would first import for a second.
_FEWEST_FOR_PROCESSES = 4
_MOST_PROCESSES = 64


def run_jobs(job: Job, paths: Sequence[Path], *, what: str) -> None:
    """Run a job on every file; a file that fails does not stop the others.

    Warnings and errors stand on standard error in the order of the files.

    Raises DataError at the end when any file failed.
    """
    from forewarn_models.errors import DataError

    n_failed = 0
    for path, (warning, error) in zip(paths, _outcomes(job, paths, what=what), strict=True):
        if warning:
            sys.stderr.write(f"forewarn: warning: {path}: {warning}\n")
        if error:
            n_failed += 1
            sys.stderr.write(f"forewarn: {error}\n")
    if n_failed:
        others = "; the others are done" if n_failed < len(paths) else ""
        raise DataError(f"{n_failed} of {len(paths)} files failed{others}")


def outcome(job: Job, path: Path) -> tuple[str | None, str | None]:
    """Return what a job warns of and why it failed."""
    from forewarn_models.errors import ForewarnError

    try:
        return job(path), None
    except ForewarnError as failed:
        text = str(failed)
        return None, text if str(path) in text else f"{path}: {text}"


def _outcomes(
    job: Job, paths: Sequence[Path], *, what: str
) -> Iterator[tuple[str | None, str | None]]:
    import os

    from rich.console import Console
    from rich.progress import track

    cores = min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)
    console = Console(stderr=True)
    source = (
        _in_processes(job, paths, n_processes=cores)
        if cores > 1 and len(paths) >= _FEWEST_FOR_PROCESSES
        else (outcome(job, path) for path in paths)
    )
    # Collected before anything is printed, so that lines do not break the bar.
    return iter(
        list(
            track(
                source,
                description=what,
                total=len(paths),
                console=console,
                disable=not console.is_terminal,
                transient=True,
            )
        )
    )


def _in_processes(
    job: Job, paths: Sequence[Path], *, n_processes: int
) -> Iterator[tuple[str | None, str | None]]:
    from concurrent.futures import ProcessPoolExecutor
    from functools import partial
    from multiprocessing import get_context

    context = get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPoolExecutor(min(n_processes, len(paths)), mp_context=context) as executor:
        try:
            yield from executor.map(partial(outcome, job), paths, chunksize=1)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
