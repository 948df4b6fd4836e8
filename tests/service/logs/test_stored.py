"""forewarn_service.logs.stored: a whole state and the changes after it."""

import numpy as np
import pytest

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat
from forewarn_service.logs.stored import Stored, packed, unpacked


def table(**columns: list[int]) -> dict[str, np.ndarray]:
    return {name: np.array(column, dtype=np.int64) for name, column in columns.items()}


def stored_of(cursor: int, newness: State | None, **series: list[int]) -> Stored:
    nothing = {"service": [], "level": [], "pattern": [], "count": []}
    tables = {
        "series": table(**(nothing | series)),
        "places": table(service=[], pattern=[], first=[]),
        "news": table(service=[], level=[], count=[]),
    }
    miner = State("patterns", 1, {"n": cursor}, {"counts": np.arange(cursor)})
    return Stored({"sources": {"app": {"cursor": cursor}}}, tables, (miner,), newness)


def test_the_newest_value_of_each_key_and_the_newest_facts_stay() -> None:
    newness = State("new", 1, {"services": ["a"]}, {"age": np.arange(2.0)})
    states = [
        packed(stored_of(1, newness, service=[0, 1], level=[3, 3], pattern=[7, 7], count=[5, 6])),
        packed(stored_of(2, None)),
        packed(stored_of(3, None, service=[1, 0], level=[3, 4], pattern=[7, 7], count=[9, 1])),
    ]
    found = unpacked([from_bytes(to_bytes(state)) for state in states])
    assert found.facts == {"sources": {"app": {"cursor": 3}}}
    rows = zip(
        *(found.tables["series"][name].tolist() for name in ("service", "level", "count")),
        strict=True,
    )
    assert sorted(rows) == [(0, 3, 5), (0, 4, 1), (1, 3, 9)]
    assert [miner.manifest for miner in found.miners] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert found.newness is not None
    assert found.newness.arrays["age"].tolist() == [0.0, 1.0]


def test_another_version_is_refused() -> None:
    state = packed(stored_of(1, None))
    with pytest.raises(UnknownFormat, match="log_lines 1, got log_lines 2"):
        unpacked([State(state.kind, 2, state.manifest, state.arrays)])


def test_there_may_be_nothing_of_newness() -> None:
    assert unpacked([packed(stored_of(1, None))]).newness is None
