"""A report under another load: what `--growth` and `--add-nodes` mean."""

import re
from dataclasses import dataclass

from forewarn_models.demand import load_factor
from forewarn_models.errors import ConfigError

_GROWTH = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)x?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Load:
    """A load that differs from today's.

    Args:
        factor: of the load on each node, in units of today's.
        says: what is assumed, as a sentence; empty = nothing.
    """

    factor: float
    says: str


TODAY = Load(1.0, "")


def load_of(growth: str | None, *, nodes: int | None, add_nodes: int) -> Load:
    """Return the load that options describe.

    Raises ConfigError when the growth is no factor, or nodes are added to an unknown number.

    >>> load_of("3x", nodes=4, add_nodes=2).factor
    2.0
    """
    if growth is None and not add_nodes:
        return TODAY
    found = _GROWTH.fullmatch(growth or "1x")
    if not found:
        raise ConfigError(f"--growth must be a factor such as 1.5x, got {growth!r}")
    if add_nodes and nodes is None:
        raise ConfigError(
            f"--add-nodes needs --nodes, how many share the load today, got {add_nodes} alone"
        )
    times = float(found[1])
    factor = load_factor(times, n_nodes=nodes or 1, n_added=add_nodes)
    beside = f" on {(nodes or 1) + add_nodes} nodes in place of {nodes}" if add_nodes else ""
    return Load(
        factor,
        f"This is a what-if: {times:g} times the demand of today{beside}, so that each value is "
        f"{factor:.4g} times what it would be.",
    )
