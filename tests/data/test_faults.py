import numpy as np
import pytest

from forewarn_data.faults import FAULT_KINDS, Fault, FaultKind, apply_fault, random_faults
from forewarn_models.errors import DataError

TIMES = np.arange(0, 100, 10)
HEALTHY = np.full(10, 2.0)


@pytest.mark.parametrize(
    ("kind", "inside"),
    [
        ("spike", [2.0, 4.0, 6.0, 4.0]),
        ("level_shift", [6.0, 6.0, 6.0, 6.0]),
        ("drift", [2.0, 3.0, 4.0, 5.0]),
        ("dropout", [np.nan] * 4),
        ("flat_line", [9.0] * 4),
    ],
)
def test_a_fault_changes_what_lies_inside_it_and_nothing_else(
    kind: FaultKind, inside: list[float]
) -> None:
    fault = Fault(kind, "s", 30, 70, factor=3.0)
    expected = np.array([2.0, 2.0, 2.0, *inside, 2.0, 2.0, 2.0])
    np.testing.assert_array_equal(expected, apply_fault(fault, TIMES, HEALTHY, at_start=9.0))
    assert HEALTHY.tolist() == [2.0] * 10


def test_an_unknown_fault_is_named_with_those_there_are() -> None:
    with pytest.raises(DataError, match="one of spike, level_shift, drift, dropout, flat_line"):
        Fault("explosion", "s", 0, 1)  # type: ignore[arg-type]  # that is what is tested


def test_a_fault_without_length_is_refused() -> None:
    with pytest.raises(DataError, match="must end after it starts, got 5 to 5 ms"):
        Fault("spike", "s", 5, 5)


def test_random_faults_are_of_all_kinds_do_not_overlap_and_repeat_with_their_seed() -> None:
    def made(seed: int) -> tuple[Fault, ...]:
        return random_faults(
            np.random.default_rng(seed),
            ["a", "b"],
            start_milliseconds=1_000,
            end_milliseconds=2_000,
            count=10,
            length_milliseconds=40,
        )

    faults = made(4)
    assert faults == made(4)
    assert faults != made(5)
    assert {fault.kind for fault in faults} == set(FAULT_KINDS)
    assert {fault.series for fault in faults} == {"a", "b"}
    ends = [fault.end_milliseconds for fault in faults]
    starts = [fault.start_milliseconds for fault in faults]
    assert all(end <= start for end, start in zip(ends[:-1], starts[1:], strict=True))
    assert starts[0] >= 1_000
    assert ends[-1] <= 2_000


def test_faults_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="3 faults of 40 ms need parts longer than that"):
        random_faults(
            np.random.default_rng(0),
            ["a"],
            start_milliseconds=0,
            end_milliseconds=100,
            count=3,
            length_milliseconds=40,
        )
