import json
from math import inf, nan

import numpy as np
import pytest

from forewarn_models.bounds import UNKNOWN, Bounds, bounds_of_plain, floors, kept_by
from forewarn_models.errors import ConfigError

WORDS = {
    Bounds(0.0, 1.0): "0 to 1",
    Bounds(0.0): "at least 0",
    Bounds(None, 100.0): "at most 100",
    Bounds(-inf, 2.5): "at most 2.5",
    Bounds(-inf): "none",
    UNKNOWN: "not known",
}


@pytest.mark.parametrize(("bounds", "words"), WORDS.items(), ids=WORDS.values())
def test_bounds_are_told_in_words_and_survive_the_way_through_strict_json(bounds, words):
    assert str(bounds) == words
    stored = json.dumps(bounds.plain(), allow_nan=False)
    assert bounds_of_plain(json.loads(stored)) == bounds


@pytest.mark.parametrize(
    ("low", "high"), [(1.0, 1.0), (2.0, 1.0), (nan, 1.0), (0.0, nan), (None, nan), (None, -inf)]
)
def test_bounds_that_hold_no_range_are_refused(low, high):
    with pytest.raises(ConfigError, match="bounds must be a low and a higher value, got"):
        Bounds(low, high)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([[0.0, 1.0], [nan, 0.5]], Bounds(0.0, 1.0)),
        ([[-0.1, 0.5], [nan, 0.5]], Bounds(None, 1.0)),
        ([[0.0, 0.5], [nan, 1.1]], Bounds(0.0)),
        ([[-1.0, 2.0], [nan, nan]], UNKNOWN),
        ([[], []], Bounds(0.0, 1.0)),
    ],
)
def test_a_side_that_any_value_lies_beyond_is_no_bound(values, kept):
    assert kept_by(np.array(values), Bounds(0.0, 1.0)) == kept


def test_values_leave_no_bound_that_there_is_not():
    values = np.array([-1e300, 1e300])
    assert kept_by(values, UNKNOWN) == UNKNOWN
    assert kept_by(values, Bounds(-inf)) == Bounds(-inf)


def test_the_history_decides_where_nothing_is_known():
    is_never_negative = np.array([True, False])
    cases = {None: [0.0, -inf], 2.0: [2.0, 2.0], -inf: [-inf, -inf]}
    for low, expected in cases.items():
        found = floors(Bounds(low), is_never_negative=is_never_negative)
        np.testing.assert_array_equal(found, expected)
