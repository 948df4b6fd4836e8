"""What is said of several signals: once, with their names."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

Said = TypeVar("Said")

_MOST_NAMES = 5


def each_once(said: Iterable[tuple[str, Said]]) -> dict[Said, list[str]]:
    """Return what is said, in its order, each with the names that it is said of.

    >>> each_once([("load", "slow"), ("up", "gone"), ("errors", "slow")])
    {'slow': ['load', 'errors'], 'gone': ['up']}
    """
    names: dict[Said, list[str]] = {}
    for name, what in said:
        names.setdefault(what, []).append(name)
    return names


def listed(names: list[str], *, most: int = _MOST_NAMES) -> str:
    """Return names with commas, of many the first.

    >>> listed(list("abcdefg"))
    'a, b, c, d, e and 2 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def of_signals(names: list[str], said: str) -> str:
    """Return a line that says something of signals.

    >>> of_signals(["load", "up"], "no series now")
    'signals load, up: no series now'
    """
    return f"{'signal' if len(names) == 1 else 'signals'} {listed(names)}: {said}"


def told_once(said: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each thing that is said of signals, given with the name of each.

    >>> list(told_once([("load", "slow"), ("errors", "slow")]))
    ['signals load, errors: slow']
    """
    for what, names in each_once(said).items():
        yield of_signals(names, what)
