"""How fast samples become remote write requests, beside objects of protocol buffers.

    python benchmarks/bench_remote_write.py [SERIES]

One sample for each of many series, as a tick writes them, encoded and packed with snappy; and the
same sent to a real Prometheus. Printed: samples a second of processor time.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cramjam
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from forewarn_adapters.config.servers import RemoteWrite
from forewarn_adapters.local_servers import PrometheusSettings, start_prometheus
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_adapters.remote_write_request import SeriesCache, encode_request
from forewarn_models.labels import Labels, labels_of


def labels(number: int) -> Labels:
    return labels_of(
        {
            "__name__": "forewarn_anomaly_score",
            "instance": f"10.0.{number // 256}.{number % 256}:9100",
            "job": "node",
            "signal": "node_load",
        }
    )


def request_class() -> type:
    """WriteRequest of remote write 1.0."""
    kinds = descriptor_pb2.FieldDescriptorProto
    members = {
        "WriteRequest": [("timeseries", kinds.TYPE_MESSAGE, ".rw.TimeSeries")],
        "TimeSeries": [
            ("labels", kinds.TYPE_MESSAGE, ".rw.Label"),
            ("samples", kinds.TYPE_MESSAGE, ".rw.Sample"),
        ],
        "Label": [("name", kinds.TYPE_STRING, None), ("value", kinds.TYPE_STRING, None)],
        "Sample": [("value", kinds.TYPE_DOUBLE, None), ("timestamp", kinds.TYPE_INT64, None)],
    }
    file = descriptor_pb2.FileDescriptorProto(name="rw.proto", package="rw", syntax="proto3")
    for name, fields in members.items():
        message = file.message_type.add(name=name)
        for number, (field, kind, other) in enumerate(fields, 1):
            label = kinds.LABEL_REPEATED if other else kinds.LABEL_OPTIONAL
            message.field.add(name=field, number=number, type=kind, type_name=other, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("rw.WriteRequest"))


def rate(work: Callable[[], object], samples: int) -> float:
    """Samples a second of processor time, best of seven."""
    best = 0.0
    for _ in range(7):
        start = time.process_time()
        work()
        best = max(best, samples / (time.process_time() - start))
    return best


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    series = [labels(number) for number in range(count)]
    row = np.arange(count)
    now = int(time.time() * 1000)
    times = np.full(count, now)
    value = np.random.default_rng(7).normal(size=count)
    cache, write_request = SeriesCache(), request_class()

    def ours() -> bytes:
        body = encode_request(series, row, times, value, cache=cache)
        return bytes(cramjam.snappy.compress_raw(body))

    def objects() -> bytes:
        request = write_request()
        for place, time_milliseconds, number in zip(
            row.tolist(), times.tolist(), value.tolist(), strict=True
        ):
            one = request.timeseries.add()
            for name, text in series[place]:
                one.labels.add(name=name, value=text)
            one.samples.add(value=number, timestamp=time_milliseconds)
        return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))

    assert cramjam.snappy.decompress_raw(ours()) == cramjam.snappy.decompress_raw(objects())
    fast, slow = rate(ours, count), rate(objects, count)
    print(f"{count} series x 1 sample, encoded and packed; both give the same bytes")
    print(f"forewarn         {fast / 1e6:6.2f} M samples/s")
    print(f"protobuf objects {slow / 1e6:6.2f} M samples/s")
    print(f"ratio            {fast / slow:6.1f}")
    print(f"to a Prometheus  {sent(series, row, value) / 1e6:6.2f} M samples/s of wall time")


def sent(series: list[Labels], row: np.ndarray, value: np.ndarray) -> float:
    with tempfile.TemporaryDirectory() as folder:
        server = start_prometheus(Path(folder), PrometheusSettings())
        try:
            writer = RemoteWriter(RemoteWrite(url=f"{server.url}/api/v1/write"))
            now = int(time.time() * 1000)
            start = time.perf_counter()
            for tick in range(10):
                outcome = writer.send(series, row, np.full(len(row), now + tick), value)
                assert outcome.accepted == len(row)
            writer.close()
            return 10 * len(row) / (time.perf_counter() - start)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
