"""Senders that retry, through kills of the receiver and cuts of the network: each line once."""

import signal
import threading
import time
from contextlib import closing

import urllib3
from cutting_proxy import CuttingProxy
from log_lines import levels, read_on, streams
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from receiver_process import receiving_in_a_process

from forewarn_adapters.config.log_sources import Otlp
from forewarn_adapters.logs.receiving.otlp import OtlpSource
from forewarn_adapters.logs.receiving.otlp_request import PROTOBUF
from webhook import wait_until


def open_source(directory) -> OtlpSource:
    settings = Otlp(listen="127.0.0.1:0")
    return OtlpSource("o", settings, directory=directory, buffer_bytes=1 << 30)


def test_the_sdk_loses_and_doubles_nothing_over_a_kill(tmp_path):
    directory, n_lines = tmp_path / "journal", 20_000
    with receiving_in_a_process("otlp", directory) as receiver:
        provider = LoggerProvider(Resource({"service.name": "numbers", "host.name": "here"}))
        exporter = OTLPLogExporter(receiver.address, compression=Compression.Gzip, timeout=60)
        processor = BatchLogRecordProcessor(
            exporter, schedule_delay_millis=20, max_export_batch_size=500, max_queue_size=n_lines
        )
        provider.add_log_record_processor(processor)
        logger = provider.get_logger("test")
        try:
            for number in range(n_lines):
                logger.emit(
                    timestamp=time.time_ns(),
                    severity_number=SeverityNumber.ERROR,
                    body=f"number {number}",
                )
                if number == n_lines // 2:
                    wait_until(lambda: receiver.received_bytes() > 10_000, every=0.001)
                    receiver.end(signal.SIGKILL)
                    receiver.start()
            assert provider.force_flush(60_000)
        finally:
            provider.shutdown()
    with closing(open_source(directory)) as source:
        found = [int(message.split()[1]) for message in read_on(source)[0]]
        batch = source.read(None)
    assert sorted(found) == list(range(n_lines))
    assert (streams(batch)[0].service, streams(batch)[0].host) == ("numbers", "here")
    assert levels(batch)[0] == "error"


def numbered(first: int, n_lines: int) -> bytes:
    message = ExportLogsServiceRequest()
    records = message.resource_logs.add().scope_logs.add().log_records
    for number in range(first, first + n_lines):
        records.add().body.string_value = f"{number}"
    return message.SerializeToString()


def send_until_answered(url: str, bodies: list[bytes]) -> int:
    """Send as a collector does; return how often an answer did not come."""
    n_unanswered, headers = 0, {"content-type": PROTOBUF}
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        for body in bodies:
            while True:
                try:
                    answer = pool.request("POST", url, body=body, headers=headers)
                except urllib3.exceptions.HTTPError:
                    n_unanswered += 1
                    time.sleep(0.01)
                    continue
                assert answer.status == 200
                break
    return n_unanswered


def test_200_000_lines_are_kept_once_over_a_kill_and_cuts(tmp_path):
    directory, n_requests, n_lines = tmp_path / "journal", 400, 500
    bodies = [numbered(n_lines * one, n_lines) for one in range(n_requests)]
    ended = threading.Event()
    with receiving_in_a_process("otlp", directory) as receiver:
        proxy = CuttingProxy(receiver.address.removeprefix("http://").removesuffix("/v1/logs"))

        def cut() -> None:
            while not ended.wait(0.1):
                proxy.cut()

        def kill() -> None:
            half = sum(map(len, bodies)) // 2
            wait_until(lambda: receiver.received_bytes() > half, every=0.002)
            receiver.end(signal.SIGKILL)
            receiver.start()

        threads = [threading.Thread(target=work) for work in (cut, kill)]
        try:
            for thread in threads:
                thread.start()
            n_unanswered = send_until_answered(f"http://{proxy.address}/v1/logs", bodies)
        finally:
            threads[1].join()
            ended.set()
            threads[0].join()
            proxy.close()
    assert n_unanswered > 2
    with closing(open_source(directory)) as source:
        found = [int(message) for message in read_on(source)[0]]
    assert found == list(range(n_requests * n_lines))
