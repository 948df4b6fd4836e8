"""The queue in front of remote write, with a far end that fails as it is told."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

import numpy as np
from prometheus_client import CollectorRegistry

from forewarn_adapters.clock import ManualClock
from forewarn_models.errors import SourceUnavailable, WriteError
from forewarn_models.labels import Labels, labels_of
from forewarn_models.samples import NO_SAMPLES, Samples
from forewarn_service.outgoing import Batch
from forewarn_service.remote_queue import STANDBY_MILLISECONDS, RemoteQueue, joined
from forewarn_service.telemetry import Telemetry
from service_parts import samples_of
from webhook import wait_until

ROW = labels_of({"machine": "a", "signal": "load"})
T = 1_800_000_000_000


@dataclass
class Outcome:
    accepted: int
    refused: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass
class FarEnd:
    """Keeps what it is sent, unless it is down."""

    is_down: bool = False
    refuses: int = 0
    tries: int = 0
    times: list[int] = field(default_factory=list)

    def send(
        self,
        series: object,  # noqa: ARG002  what is sent stands in the times alone
        row: object,  # noqa: ARG002
        timestamp_milliseconds: object,
        value: object,  # noqa: ARG002
    ) -> Outcome:
        self.tries += 1
        if self.is_down:
            raise WriteError("the far end must answer, got nothing")
        times = np.asarray(timestamp_milliseconds).tolist()
        self.times += times
        return Outcome(
            len(times) - self.refuses, {"out_of_order": self.refuses} if self.refuses else {}
        )


@dataclass
class Stored:
    """What a read of stored scores gives."""

    samples: Samples = NO_SAMPLES
    failures: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)

    def read(self, query: str, *, after_milliseconds: int, **_: int) -> Samples:
        self.asked.append((query, after_milliseconds))
        if self.failures:
            self.failures -= 1
            raise SourceUnavailable("down")
        return self.samples


class Setting:
    def __init__(self, *, leads: bool = True, most_samples: int = 1_000) -> None:
        self.far_end, self.stored, self.leads = FarEnd(), Stored(), leads
        self.clock = ManualClock(T + 10_000)
        self.registry = CollectorRegistry()
        self.queue = RemoteQueue(
            self.far_end,
            read_back=self.stored.read,
            may_write=lambda: self.leads,
            clock=self.clock,
            telemetry=Telemetry(self.registry, version="1"),
            most_samples=most_samples,
        )

    def __enter__(self) -> Self:
        self.queue.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.queue.stop(seconds=5)

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


def batch(*times: int, verdict_row: int = 0, rows: tuple[Labels, ...] = (ROW,)) -> Batch:
    series = ((("__name__", "x"), *ROW),)
    n = len(times)
    return Batch(
        "load",
        series,
        np.zeros(n, np.int64),
        np.array(times, np.int64) + T,
        np.ones(n),
        np.full(n, verdict_row, np.int64),
        rows,
    )


def test_what_is_put_is_sent_in_order_and_counted() -> None:
    with Setting() as setting:
        setting.queue.put(batch(1, 2))
        setting.queue.put(batch(3))
        setting.queue.put(batch())
        wait_until(lambda: setting.far_end.times == [T + 1, T + 2, T + 3])
        wait_until(lambda: setting.count("forewarn_written_samples_total") == 3)
        wait_until(lambda: setting.queue.oldest_unsent_milliseconds("load") is None)


def test_samples_that_are_refused_are_counted_by_reason() -> None:
    with Setting() as setting:
        setting.far_end.refuses = 1
        setting.queue.put(batch(1, 2))
        wait_until(
            lambda: setting.count("forewarn_dropped_samples_total", reason="out_of_order") == 1
        )


def test_while_the_far_end_is_down_samples_wait() -> None:
    with Setting() as setting:
        setting.far_end.is_down = True
        setting.queue.put(batch(1))
        setting.queue.put(batch(2))
        wait_until(lambda: setting.far_end.tries > 1)
        assert setting.queue.oldest_unsent_milliseconds("load") == T + 1
        assert setting.queue.oldest_unsent_milliseconds("other") is None
        setting.far_end.is_down = False
        wait_until(lambda: setting.far_end.times == [T + 1, T + 2])
        assert setting.count("forewarn_errors_total", reason="write", signal="") >= 1


def test_beyond_the_bound_the_oldest_are_dropped_and_counted() -> None:
    setting = Setting(leads=False, most_samples=4)
    for time in range(6):
        setting.queue.put(batch(time, time))
    assert setting.count("forewarn_dropped_samples_total", reason="queue_full") == 8
    assert setting.count("forewarn_queue_samples") == 4
    setting.leads = True
    with setting:
        wait_until(lambda: setting.far_end.times == [T + 4, T + 4, T + 5, T + 5])


def test_scores_that_are_stored_already_are_left_out() -> None:
    setting = Setting()
    setting.stored.samples = samples_of({ROW: [(T + 2, 0.0)]})
    with setting:
        setting.queue.put(batch(1, 2, 3))
        setting.queue.put(batch(2, verdict_row=-1))
        setting.queue.put(batch(2, rows=(labels_of({"machine": "b"}),)))
        setting.queue.put(batch(20_000))
        wait_until(lambda: len(setting.far_end.times) == 5)
    assert setting.far_end.times == [T + 1, T + 3, T + 2, T + 2, T + 20_000]
    assert setting.stored.asked == [('forewarn_anomaly_score{signal="load"}', T)]


def test_stored_scores_are_read_as_far_back_as_the_samples_go() -> None:
    setting = Setting()
    setting.stored.samples = samples_of({ROW: [(T + 2, 0.0)]})
    with setting:
        setting.queue.put(batch(10_000, verdict_row=-1))
        setting.queue.put(batch(5))
        wait_until(lambda: setting.far_end.times == [T + 10_000, T + 5])
        setting.queue.put(batch(2, 3))
        wait_until(lambda: setting.far_end.times == [T + 10_000, T + 5, T + 3])
    assert [after - T for _, after in setting.stored.asked] == [4, 1]


def test_nothing_is_sent_before_what_is_stored_could_be_read() -> None:
    setting = Setting()
    setting.stored.failures = 1
    setting.stored.samples = samples_of({ROW: [(T + 1, 0.0)]})
    with setting:
        setting.queue.put(batch(1, 2))
        wait_until(lambda: setting.far_end.times == [T + 2])


def test_without_the_lease_nothing_is_sent_and_only_the_last_minutes_are_kept() -> None:
    with Setting(leads=False) as setting:
        setting.queue.put(batch(1))
        setting.clock.advance(milliseconds=STANDBY_MILLISECONDS + 1)
        setting.queue.put(batch(2))
        wait_until(lambda: setting.queue.oldest_unsent_milliseconds("load") == T + 2)
        assert setting.far_end.tries == 0
        setting.leads = True
        wait_until(lambda: setting.far_end.times == [T + 2])


def test_a_batch_that_could_not_be_sent_before_the_lease_was_lost_is_kept() -> None:
    with Setting() as setting:
        setting.far_end.is_down = True
        setting.queue.put(batch(1))
        wait_until(lambda: setting.far_end.tries > 0)
        setting.leads = False
        tries = setting.far_end.tries
        wait_until(lambda: setting.far_end.tries >= tries and not setting.queue._sending)
        setting.far_end.is_down = False
        setting.leads = True
        wait_until(lambda: setting.far_end.times == [T + 1])


def test_a_batch_that_is_broken_is_dropped_and_the_next_is_sent() -> None:
    with Setting() as setting:
        broken = batch(1, rows=())
        setting.stored.samples = samples_of({ROW: [(T + 1, 0.0)]})
        setting.queue.put(broken)
        labels = {"reason": "internal"}
        wait_until(lambda: setting.count("forewarn_dropped_samples_total", **labels) == 1)
        setting.queue.put(batch(2))
        wait_until(lambda: setting.far_end.times == [T + 2])


def test_a_stop_ends_at_once_although_the_far_end_is_down() -> None:
    setting = Setting()
    setting.far_end.is_down = True
    with setting:
        setting.queue.put(batch(1))
        wait_until(lambda: setting.far_end.tries > 0)
    assert not [thread for thread in threading.enumerate() if thread is setting.queue._thread]


def test_a_stop_sends_what_is_left() -> None:
    setting = Setting()
    for time in range(5):
        setting.queue.put(batch(time))
    with setting:
        pass
    assert setting.far_end.times == [T + time for time in range(5)]


def test_a_stop_without_the_lease_sends_nothing() -> None:
    with Setting(leads=False) as setting:
        setting.queue.put(batch(1))
    assert setting.far_end.tries == 0


def test_batches_are_joined_with_their_own_series() -> None:
    other = Batch(
        "x",
        (ROW, labels_of({"z": "1"})),
        np.array([1]),
        np.array([5]),
        np.ones(1),
        np.array([0]),
        (),
    )
    both = joined([batch(1), other])
    assert (both.row.tolist(), both.series[2]) == ([0, 2], labels_of({"z": "1"}))
