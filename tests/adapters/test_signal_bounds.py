"""Whether bounds hold: those that are configured always, those that are presumed if they did."""

from math import inf, nan

import numpy as np
import pytest

from forewarn_adapters.config.signals import Signal
from forewarn_adapters.signal_bounds import FoundBounds, bounds_of_signal
from forewarn_models.bounds import UNKNOWN, Bounds


def found(query, values, *, bounds="auto", types=None) -> FoundBounds:
    signal = Signal(name="load", query=query, bounds=bounds)
    return bounds_of_signal(signal, types or {}, np.array(values))


CASES = {
    "load_ratio": ([0.0, nan, 1.0], Bounds(0.0, 1.0), "0 to 1: load_ratio ends in _ratio"),
    "packing_ratio": (
        [0.5, 3.0],
        Bounds(0.0),
        "at least 0: packing_ratio ends in _ratio, but its history goes from 0.5 to 3",
    ),
    "offset_seconds": (
        [[-0.5, nan], [nan, 3.0]],
        UNKNOWN,
        "not known: offset_seconds ends in _seconds, but its history goes from -0.5 to 3",
    ),
    "deriv(x_bytes[5m])": ([1.0, 2.0], Bounds(-inf), "none: deriv may be negative"),
    "temperature": ([1.0, 2.0], UNKNOWN, "not known"),
    "rate(x[5m])": ([], Bounds(0.0), "at least 0: rate is never negative"),
}


@pytest.mark.parametrize(("query", "case"), CASES.items(), ids=CASES.keys())
def test_presumed_bounds_hold_on_the_sides_that_the_history_never_left(query, case):
    values, bounds, told = case
    each = found(query, values)
    assert (each.bounds, str(each), each.warnings) == (bounds, told, ())


def test_types_take_part():
    each = found("odd", [1.0], types={"odd": "counter"})
    assert each.plain() == {"low": 0.0, "high": None, "why": "odd is a counter"}


@pytest.mark.parametrize(
    ("configured", "bounds"),
    [
        ((0.0, 1.0), Bounds(0.0, 1.0)),
        ((None, 1.0), Bounds(-inf, 1.0)),
        ((None, None), Bounds(-inf)),
    ],
)
def test_configured_bounds_hold_whatever_the_name_says(configured, bounds):
    each = found("load_percent", [0.5], bounds=configured)
    assert (each.bounds, each.why, each.warnings) == (bounds, "its `bounds`", ())


def test_a_history_beyond_configured_bounds_is_a_warning_and_they_hold():
    each = found("load", [-0.25, 0.5], bounds=(0.0, 1.0))
    assert str(each) == "0 to 1: its `bounds`"
    (warning,) = each.warnings
    beyond = "its history goes from -0.25 to 0.5, beyond its `bounds`"
    assert warning == f"{beyond}: widen them, or write `bounds: auto`"


def test_machines_are_told_no_number_for_a_side_without_a_bound():
    assert found("x", [1.0], bounds=(None, 7.5)).plain() == {
        "low": None,
        "high": 7.5,
        "why": "its `bounds`",
    }
