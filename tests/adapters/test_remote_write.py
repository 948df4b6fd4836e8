"""Writing to a real Prometheus, and to servers that misbehave."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import cramjam
import numpy as np
import pytest

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.servers import Prometheus, RemoteWrite
from forewarn_adapters.http import Answer
from forewarn_adapters.local_servers import PrometheusSettings, start_prometheus
from forewarn_adapters.prometheus import PrometheusSource
from forewarn_adapters.remote_write import RemoteWriter, WriteOutcome, refusal_reason
from forewarn_models.errors import WriteError
from forewarn_models.labels import labels_of
from hostile_server import answering, half_an_answer, hanging, hostile, in_turn

SECOND = 1_000
HOUR = 3_600 * SECOND


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A Prometheus that takes nothing out of order."""
    settings = PrometheusSettings(out_of_order="0s")
    server = start_prometheus(tmp_path_factory.mktemp("strict"), settings)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def now() -> int:
    return int(time.time()) * SECOND


def write(
    url: str, metric: str, times: Sequence[int], values: Sequence[float], **settings: object
) -> WriteOutcome:
    """Write one series."""
    writer = RemoteWriter(RemoteWrite(url=f"{url}/api/v1/write", **settings))
    series = [labels_of({"__name__": metric})]
    row = np.zeros(len(times), np.int64)
    outcome = writer.send(series, row, np.array(times, np.int64), np.array(values, np.float64))
    writer.close()
    return outcome


def held(url: str, metric: str, now: int) -> Mapping[int, float]:
    """What the server holds of one series in the last two hours."""
    source = PrometheusSource(Prometheus(url=url))
    samples = source.read_newest(
        metric, after_milliseconds=now - 2 * HOUR, until_milliseconds=now, step_milliseconds=SECOND
    )
    source.close()
    return dict(zip(samples.timestamp_milliseconds.tolist(), samples.value.tolist(), strict=True))


def test_samples_of_many_series_land_in_batches_whatever_their_order(prometheus, now):
    series = [labels_of({"__name__": "land", "n": str(n)}) for n in range(50)]
    row = np.repeat(np.arange(50), 40)
    times = np.tile(now - SECOND * np.arange(40), 50)
    value = np.arange(2_000, dtype=np.float64)
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write", batch_samples=333))
    assert writer.send(series, row, times, value) == WriteOutcome(2_000, {})
    writer.close()
    source = PrometheusSource(Prometheus(url=prometheus.url))
    got = source.read_newest(
        "land", after_milliseconds=now - HOUR, until_milliseconds=now, step_milliseconds=SECOND
    )
    source.close()
    found = {
        (dict(got.series[place])["n"], time): value
        for place, time, value in zip(
            got.row, got.timestamp_milliseconds.tolist(), got.value.tolist(), strict=True
        )
    }
    expected = {
        (str(place), time): number
        for place, time, number in zip(row, times.tolist(), value.tolist(), strict=True)
    }
    assert expected == found


def test_the_same_samples_may_be_written_twice(strict, now):
    times = [now - 3 * SECOND, now - 2 * SECOND]
    assert write(strict.url, "twice", times, [1.0, np.nan]) == WriteOutcome(2, {})
    assert write(strict.url, "twice", times[1:], [np.nan]) == WriteOutcome(1, {})


def test_a_second_value_at_one_time_is_refused_and_the_first_stays(strict, now):
    write(strict.url, "rewritten", [now], [1.0])
    assert write(strict.url, "rewritten", [now], [2.0]) == WriteOutcome(0, {"duplicate": 1})
    assert held(strict.url, "rewritten", now) == {now: 1.0}


def test_the_good_samples_of_a_refused_batch_land(strict, now):
    write(strict.url, "mixed", [now - 60 * SECOND], [0.0])
    times = [now - second * SECOND for second in range(100)]
    outcome = write(strict.url, "mixed", times, np.arange(100.0))
    assert outcome == WriteOutcome(60, {"duplicate": 1, "out_of_order": 39})
    expected = {now - second * SECOND: float(second) for second in range(60)}
    assert held(strict.url, "mixed", now) == {**expected, now - 60 * SECOND: 0.0}


def test_samples_of_other_series_land_beside_a_refused_one(strict, now):
    series = [labels_of({"__name__": "beside", "n": str(n)}) for n in range(9)]
    writer = RemoteWriter(RemoteWrite(url=f"{strict.url}/api/v1/write"))
    writer.send(series, np.array([4]), np.array([now]), np.array([0.0]))
    outcome = writer.send(series, np.arange(9), np.full(9, now - SECOND), np.ones(9))
    writer.close()
    assert outcome == WriteOutcome(8, {"out_of_order": 1})


def test_samples_before_the_servers_time_are_out_of_bounds(strict, now):
    write(strict.url, "bounds", [now], [1.0])
    times = [now - 5 * HOUR, now - 4 * HOUR, now - 4 * HOUR, now + SECOND]
    outcome = write(strict.url, "bounds", times, np.ones(4))
    assert outcome == WriteOutcome(1, {"out_of_bounds": 3})


def test_samples_older_than_the_window_are_too_old_though_the_server_says_500(prometheus, now):
    write(prometheus.url, "old", [now], [1.0])
    times = [now - 30 * HOUR - second * SECOND for second in range(100)]
    outcome = write(prometheus.url, "old", [*times, now + SECOND], np.ones(101))
    assert outcome == WriteOutcome(1, {"too_old": 100})


def test_what_is_as_old_as_a_refused_sample_is_not_sent_again(prometheus, now):
    write(prometheus.url, "young", [now], [1.0])
    series = [labels_of({"__name__": "aged", "n": str(n)}) for n in range(64)]
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    rows = np.repeat(np.arange(64), 2)
    times = np.tile([now - 30 * HOUR, now], 64)
    assert writer.send(series, rows, times, np.ones(128)) == WriteOutcome(64, {"too_old": 64})
    is_old = times < now
    outcome = writer.send(series, rows[is_old], times[is_old], np.ones(64))
    writer.close()
    assert outcome == WriteOutcome(0, {"too_old": 64})


def test_samples_ahead_of_now_are_never_sent():
    clock = ManualClock(1_800_000_000_000)
    times = clock() + np.array([-HOUR * 24 * 365 * 60, 0, 300 * SECOND, 300 * SECOND + 1])
    with hostile(answering(204, "")) as server:
        writer = RemoteWriter(RemoteWrite(url=server.url), clock=clock)
        up = [labels_of({"__name__": "up"})]
        outcome = writer.send(up, np.zeros(4, np.int64), times, np.ones(4))
        writer.close()
    assert outcome == WriteOutcome(2, {"ahead_of_now": 1, "too_old": 1})


def test_nothing_to_write_asks_nobody():
    assert write("http://127.0.0.1:1", "none", [], []) == WriteOutcome(0, {})


def test_a_server_without_a_receiver_is_an_error_that_says_so():
    with (
        hostile(answering(404, "remote write receiver needs to be enabled")) as server,
        pytest.raises(WriteError) as refusal,
    ):
        write(server.url, "up", [1 << 40], [1.0])
    assert str(refusal.value) == (
        f"remote write: {server.url}/api/v1/write must accept samples, got HTTP 404: "
        "remote write receiver needs to be enabled"
    )


def test_a_request_is_what_the_specification_says():
    with hostile(answering(204, "")) as server:
        write(server.url, "up", [1 << 40], [1.5])
        request = server.requests[0]
    assert request.path == "/api/v1/write"
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["content-encoding"] == "snappy"
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["x-prometheus-remote-write-version"] == "0.1.0"
    assert b"__name__" in bytes(cramjam.snappy.decompress_raw(request.body))


def test_a_moment_of_failure_is_bridged():
    with hostile(in_turn(answering(500, "wait"), half_an_answer, answering(204, ""))) as server:
        assert write(server.url, "up", [1 << 40], [1.0]) == WriteOutcome(1, {})


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (answering(500, "storage is broken"), "got HTTP 500: storage is broken"),
        (answering(401, ""), "got HTTP 401: an empty body"),
        (answering(302, "", {"Location": "http://elsewhere"}), "got HTTP 302"),
        (hanging, "must answer within 0.3 s, it did not"),
        (
            half_an_answer,
            "must give a whole answer, got ProtocolError",
        ),
    ],
    ids=["500", "401", "redirect", "hanging", "half"],
)
def test_a_server_that_takes_no_requests_is_a_clear_error(behaviour, words):
    with hostile(behaviour) as server, pytest.raises(WriteError) as refusal:
        write(server.url, "up", [1 << 40], [1.0], timeout=timedelta(seconds=0.3))
    assert words in str(refusal.value)


def test_a_server_that_refuses_everything_for_no_known_reason_is_an_error():
    with hostile(answering(400, "I am no receiver")) as server:
        with pytest.raises(WriteError, match="refuses every sample with HTTP 400: I am no rec"):
            write(server.url, "up", (1 << 40) + np.arange(5_000), np.ones(5_000))
        assert len(server.requests) < 60


def test_a_request_that_is_too_large_is_split():
    def small_only(exchange):
        size = len(cramjam.snappy.decompress_raw(exchange.request.body))
        exchange.answer(413 if size > 300 else 204, b"too large")

    with hostile(small_only) as server:
        assert write(server.url, "up", (1 << 40) + np.arange(100), np.ones(100)).accepted == 100


def test_a_few_refusals_for_an_unknown_reason_are_counted():
    with hostile(answering(400, "odd")) as server:
        assert write(server.url, "up", [1 << 40], [1.0]) == WriteOutcome(0, {"other": 1})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("out of order sample\n", "out_of_order"),
        ("out of bounds\n", "out_of_bounds"),
        ("duplicate sample for timestamp\n", "duplicate"),
        ("too old sample\n", "too_old"),
        ("Err-Mimir-Sample-Out-Of-Order", "out_of_order"),
        ("label name too long", "other"),
        ("", "other"),
    ],
)
def test_the_reason_is_read_from_the_servers_words(body, reason):
    assert refusal_reason(Answer(400, body.encode())) == reason
