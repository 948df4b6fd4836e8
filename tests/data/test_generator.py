import numpy as np
import pytest

from forewarn_data.faults import Fault
from forewarn_data.generator import (
    DAY_MILLISECONDS,
    DISK_BYTES,
    KINDS,
    ORIGIN_MILLISECONDS,
    SimulatedSeries,
    demo_series,
    load_at,
    simulate,
    value_at,
    values_of,
)
from forewarn_models.errors import DataError
from forewarn_models.labels import labels_of

HOUR = 3_600_000
TIMES = ORIGIN_MILLISECONDS + 60_000 * np.arange(7 * 1440)
QUEUE = SimulatedSeries(labels_of({"__name__": "queue"}), "queue_length", seed=4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_live_value_equals_the_same_value_in_a_history(kind: str) -> None:
    history = value_at(kind, TIMES, 3)
    live = [float(value_at(kind, TIMES[[place]], 3)[0]) for place in (0, 1, 500, 10_000)]
    assert live == history[[0, 1, 500, 10_000]].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_finite_and_not_negative(kind: str) -> None:
    values = value_at(kind, TIMES, 3)
    assert np.isfinite(values).all()
    assert values.min() >= 0.0


@pytest.mark.parametrize("kind", ["error_ratio", "cpu_ratio"])
def test_a_ratio_is_at_most_one(kind: str) -> None:
    assert value_at(kind, TIMES, 3).max() <= 1.0


def test_another_seed_gives_other_values() -> None:
    assert value_at("latency_seconds", TIMES, 3)[0] != value_at("latency_seconds", TIMES, 4)[0]


def test_working_hours_are_busier_than_nights_and_weekends() -> None:
    def load(day: int, hour: int) -> float:
        time = ORIGIN_MILLISECONDS + day * DAY_MILLISECONDS + hour * HOUR
        return float(load_at(np.array([time]))[0])

    assert load(1, 11) > 2 * load(1, 4)
    assert load(5, 11) == pytest.approx(0.65 * load(1, 11))


def test_the_load_has_no_jumps() -> None:
    assert np.abs(np.diff(load_at(TIMES))).max() < 0.01


def test_queues_hold_whole_requests() -> None:
    values = value_at("queue_length", TIMES, 3)
    assert values.tolist() == np.round(values).tolist()


def test_the_disk_fills_by_two_gigabytes_a_day_until_it_is_full() -> None:
    days = ORIGIN_MILLISECONDS + DAY_MILLISECONDS * np.arange(60)
    used = value_at("disk_used_bytes", days, 3)
    free = value_at("disk_free_bytes", days, 3)
    assert np.median(np.diff(used[:38])) == pytest.approx(2e9, rel=0.1)
    assert (used[-1], free[-1]) == (DISK_BYTES, 0.0)


def test_an_origin_in_the_past_makes_a_disk_fuller() -> None:
    now = np.array([ORIGIN_MILLISECONDS])
    earlier = ORIGIN_MILLISECONDS - 10 * DAY_MILLISECONDS
    more = value_at("disk_used_bytes", now, 3, origin_milliseconds=earlier)
    assert more - value_at("disk_used_bytes", now, 3) == pytest.approx(20e9)


def test_an_unknown_kind_is_named_with_those_there_are() -> None:
    with pytest.raises(DataError, match=r"a kind must be one of requests_per_second, .*'humidity'"):
        value_at("humidity", TIMES, 1)


def test_a_fault_changes_its_own_series_only() -> None:
    fault = Fault("dropout", "queue", int(TIMES[10]), int(TIMES[20]))
    other = Fault("dropout", "another", int(TIMES[0]), int(TIMES[-1]))
    values = values_of(QUEUE, TIMES, faults=(fault, other))
    assert np.flatnonzero(np.isnan(values)).tolist() == list(range(10, 20))


def test_a_flat_line_holds_the_value_of_its_start_even_between_samples() -> None:
    start = int(TIMES[10]) - 30_000
    fault = Fault("flat_line", "queue", start, int(TIMES[20]))
    values = values_of(QUEUE, TIMES, faults=(fault,))
    assert set(values[10:20]) == set(value_at("queue_length", np.array([start]), 4))


def test_a_panel_holds_the_series_in_their_order_with_their_names() -> None:
    panel = simulate(demo_series(), TIMES[:3])
    texts = [one.text for one in demo_series()]
    assert panel.series == tuple(one.labels for one in demo_series())
    assert (panel.n_series, panel.n_times, panel.step_milliseconds) == (11, 3, 60_000)
    assert texts[0] == 'demo_requests_per_second{service="checkout"}'
    assert texts[-2:] == ["demo_queue_length", 'demo_disk_free_bytes{mountpoint="/data"}']


@pytest.mark.parametrize("times", [[0], [0, 1, 3]])
def test_a_panel_needs_a_regular_grid(times: list[int]) -> None:
    with pytest.raises(DataError, match="regular grid of at least two times"):
        simulate(demo_series(), np.array(times))
