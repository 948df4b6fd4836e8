"""What is wrong with a configuration, and where: one line of the answer each."""

import re
from dataclasses import dataclass
from typing import TypeAlias

# Keys and positions from the top of the file: ("signals", 0, "step").
Path: TypeAlias = tuple[str | int, ...]

_PLAIN = re.compile(r"[\w-]{1,60}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Args:
        path: what it is about; empty for the whole file.
        message: what must hold, what was got, how to fix it.
        line: where it stands; 0 where only the path says.
        reads: other paths that took part: the problem is not worth telling when one of them is
            itself broken.
    """

    path: Path
    message: str
    line: int = 0
    reads: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return f"{path_text(self.path)}: {self.message}" if self.path else self.message


def path_text(path: Path) -> str:
    """Return a path as people write it.

    >>> path_text(("signals", 0, "step"))
    'signals[0].step'
    """
    return "".join(_step_text(step) for step in path).removeprefix(".")


def shortened(text: str) -> str:
    """Return a text that fits in a message.

    >>> len(shortened("a" * 1000))
    60
    """
    return text if len(text) <= 60 else text[:57] + "..."


def _step_text(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(step) else f"[{shortened(step)!r}]"
