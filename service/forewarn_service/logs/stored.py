"""What is stored of counted lines, as one state: all of it, or what changed since the last.

Patterns are stored by name, because rows are of one process. A state that is not whole holds the
values by now of what changed, and the lines that the miner met since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray
from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat
from forewarn_service.logs.counters import SILENCE_NANOSECONDS

KIND, FORMAT_VERSION = "log_lines", 1

_SECURITY = "security/"
_TABLES = ("series", "places", "news")
_KEYS = {"series": ("service", "level", "pattern"), "places": ("service", "pattern")} | {
    "news": ("service", "level")
}

Columns = Mapping[str, AnyArray]


@dataclass(frozen=True, eq=False)
class Stored:
    """One state, or several put together.

    Args:
        facts: sources, services, and patterns that are shown: what JSON can hold.
        tables: `series`, `places` and `news`, columns each.
        miners: states of the miner, to be absorbed one after another.
        newness: how often services say something new; None = as in the state before.
        security: of the watch, by name; empty = as in the state before.
    """

    facts: Mapping[str, Any]
    tables: Mapping[str, Columns]
    miners: Sequence[State]
    newness: State | None
    security: Mapping[str, State] = field(default_factory=dict)


def packed(stored: Stored) -> State:
    """Return it as one state; it holds exactly one state of a miner."""
    parts = {"miner": stored.miners[0], "newness": stored.newness}
    parts |= {f"{_SECURITY}{name}": part for name, part in stored.security.items()}
    manifest: dict[str, Any] = {"facts": stored.facts}
    arrays: dict[str, AnyArray] = {}
    for name, part in parts.items():
        if part is not None:
            manifest[name] = [part.kind, part.format_version, part.manifest]
            arrays |= {f"{name}/{each}": array for each, array in part.arrays.items()}
    for name, columns in stored.tables.items():
        arrays |= {f"{name}/{each}": column for each, column in columns.items()}
    return State(KIND, FORMAT_VERSION, manifest, arrays)


def unpacked(states: Sequence[State]) -> Stored:
    """Return what a whole state and the changes after it come to.

    Raises UnknownFormat when one is of another kind or version.
    """
    for state in states:
        if (state.kind, state.format_version) != (KIND, FORMAT_VERSION):
            raise UnknownFormat(
                f"stored counters of lines must be {KIND} {FORMAT_VERSION}, got {state.kind} "
                f"{state.format_version}"
            )
    miners = [part for state in states if (part := _part(state, "miner"))]
    newness = [part for state in states if (part := _part(state, "newness"))]
    tables = {
        name: _newest([_under(state, name) for state in states], _KEYS[name]) for name in _TABLES
    }
    return Stored(
        states[-1].manifest["facts"],
        tables,
        miners,
        newness[-1] if newness else None,
        next(filter(None, map(_security, reversed(states))), {}),
    )


def is_silent(stored: Stored) -> BooleanArray:
    """Return (n_services,) which services said nothing in the last week of what was read."""
    places = stored.tables["places"]
    newest = np.zeros(len(stored.facts["services"]), dtype=np.int64)
    np.maximum.at(newest, places["service"], places["last"])
    silent: BooleanArray = newest < newest.max(initial=0) - SILENCE_NANOSECONDS
    return silent


def _security(state: State) -> dict[str, State]:
    return {
        name.removeprefix(_SECURITY): part
        for name in state.manifest
        if name.startswith(_SECURITY) and (part := _part(state, name))
    }


def _part(state: State, name: str) -> State | None:
    if name not in state.manifest:
        return None
    kind, version, manifest = state.manifest[name]
    return State(kind, version, manifest, _under(state, name))


def _under(state: State, name: str) -> dict[str, AnyArray]:
    prefix = f"{name}/"
    return {
        each.removeprefix(prefix): array
        for each, array in state.arrays.items()
        if each.startswith(prefix)
    }


def _newest(parts: Sequence[Columns], keys: Sequence[str]) -> dict[str, AnyArray]:
    """Return the last row of each key."""
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort([columns[name] for name in keys])  # stable: the later of two comes last
    in_order = [columns[name][order] for name in keys]
    is_last = np.ones(len(order), dtype=np.bool_)
    if len(order):
        is_last[:-1] = np.any([column[1:] != column[:-1] for column in in_order], axis=0)
    return {name: column[order[is_last]] for name, column in columns.items()}
