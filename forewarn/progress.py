"""What a command shows on standard error while a person waits."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")
# Compiles, and tells the function that it is given which part is next.
Warm = Callable[[Callable[[str], None]], None]
_PATIENCE_SECONDS = 2.0


def compile_first(warm: Warm | None = None, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Compile what `warm` does, or read what is kept; said when it outlasts the patience.

    That is all that detectors call, unless told otherwise. A command that learns or scores begins
    with it, before it starts processes that would each compile the same.
    """
    if warm is None:
        from forewarn_models.warming import warm as warm_detectors

        warm = warm_detectors
    began = time.monotonic()
    shown = Console(stderr=True).status("compiling")
    is_shown = False

    def tell(part: str) -> None:
        nonlocal is_shown
        shown.update(f"compiling {part}")
        if time.monotonic() - began >= patience_seconds and not is_shown:
            is_shown = True
            sys.stderr.write("forewarn: compiling, once for each release: about half a minute\n")
            shown.start()

    try:
        warm(tell)
    finally:
        shown.stop()
    taken_seconds = time.monotonic() - began
    if taken_seconds >= patience_seconds:
        sys.stderr.write(f"forewarn: compiled in {taken_seconds:.0f} s, kept for the next time\n")


def with_progress(
    items: Sequence[Item], *, what: str, name_of: Callable[[Item], str]
) -> Iterator[tuple[Item, Callable[[str], None]]]:
    """Yield each item with a function that tells what is being done with it."""
    # A file may be called like markup: load[1].csv.
    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), text, MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=len(items))
        for item in items:

            def tell(said: str, name: str = name_of(item)) -> None:
                bar.update(task, description=f"{name}: {said}")

            yield item, tell
            bar.advance(task)
