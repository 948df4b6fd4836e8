import numpy as np
import pytest

from forewarn_models.errors import DataError
from forewarn_models.labels import labels_of
from forewarn_service import buffer as buffer_module
from forewarn_service.buffer import SampleBuffer
from service_parts import samples_of

A, B, C = (labels_of({"machine": name}) for name in "abc")


def filled(**rows: list[tuple[int, float]]) -> SampleBuffer:
    buffer = SampleBuffer((A, B))
    samples = samples_of({A: rows.get("a", []), B: rows.get("b", [])})
    buffer.merge(samples, is_emitted=np.zeros(len(samples), np.bool_))
    return buffer


def test_samples_come_back_in_order_of_time() -> None:
    found = filled(a=[(30, 3.0), (10, 1.0)], b=[(20, 2.0)]).between(0, 100)
    assert list(zip(found.timestamp_milliseconds.tolist(), found.row.tolist(), strict=True)) == [
        (10, 0),
        (20, 1),
        (30, 0),
    ]
    assert found.value.tolist() == [1.0, 2.0, 3.0]


def test_of_two_samples_at_one_time_the_first_stays() -> None:
    buffer = filled(a=[(10, 1.0)])
    again = samples_of({A: [(10, 9.0)]})
    assert buffer.merge(again, is_emitted=np.zeros(1, np.bool_)) is None
    assert buffer.between(0, 100).value.tolist() == [1.0]


def test_a_merge_tells_the_earliest_sample_that_is_new() -> None:
    buffer = filled(a=[(10, 1.0), (40, 1.0)])
    more = samples_of({A: [(40, 1.0), (30, 1.0), (20, 1.0)], B: []})
    assert buffer.merge(more, is_emitted=np.zeros(3, np.bool_)) == 20


def test_a_sample_is_handed_out_once() -> None:
    buffer = filled(a=[(10, 1.0), (20, 1.0)])
    row, time = np.array([0, 0]), np.array([10, 20])
    assert buffer.take_unemitted(row[:1], time[:1]).tolist() == [True]
    assert buffer.take_unemitted(row, time).tolist() == [False, True]


def test_samples_before_a_time_are_dropped() -> None:
    buffer = filled(a=[(10, 1.0), (20, 2.0)])
    buffer.drop_before(20)
    assert (len(buffer), buffer.newest_milliseconds) == (1, 20)
    buffer.drop_before(30)
    assert (len(buffer), buffer.newest_milliseconds) == (0, None)


def test_following_another_buffer_hands_out_what_it_did_not_hold_of_series_it_knew() -> None:
    old = filled(a=[(10, 1.0), (20, 1.0)], b=[(10, 1.0)])
    new = SampleBuffer((B, C))
    samples = samples_of({B: [(10, 1.0), (20, 2.0)], C: [(20, 3.0)]})
    new.merge(samples, is_emitted=np.ones(3, np.bool_))
    assert new.follow(old, since_milliseconds=0) == 20
    assert new.take_unemitted(np.array([0, 0, 1]), np.array([10, 20, 20])).tolist() == [
        False,
        True,
        False,
    ]


def test_following_takes_over_samples_that_were_missing_as_handed_out() -> None:
    old = filled(b=[(10, 1.0)])
    new = SampleBuffer((B,))
    assert new.follow(old, since_milliseconds=0) == 10
    assert new.take_unemitted(np.array([0]), np.array([10])).tolist() == [False]


def test_too_many_samples_are_refused_with_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer_module, "MAX_SAMPLES", 2)
    with pytest.raises(DataError, match="at most 2 samples in its window, got 3"):
        filled(a=[(10, 1.0), (20, 1.0), (30, 1.0)])


def test_too_many_series_are_refused_with_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer_module, "MAX_ROWS", 1)
    with pytest.raises(DataError, match="at most 1 series, got 2"):
        SampleBuffer((A, B))
