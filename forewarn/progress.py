"""What a command shows on standard error while a person waits."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")


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
