"""A real rsyslog as the sender, through restarts and kills of the receiver."""

import signal
import time

import trustme
from log_lines import read_on, read_until, streams
from receiver_process import receiving_in_a_process
from rsyslog import rsyslog

from forewarn_adapters.config.endpoints import Tls
from forewarn_adapters.config.log_sources import Syslog
from forewarn_adapters.logs.receiving.syslog import SyslogSource
from webhook import wait_until

N_LINES = 200_000
OCTETS = {"tcp_framing": "octet-counted", "template": "RSYSLOG_SyslogProtocol23Format"}


def numbered(begin: int, end: int) -> list[str]:
    return [f"number {number} is to be counted once" for number in range(begin, end)]


def numbers(messages: list[bytes]) -> list[int]:
    return [int(message.split()[1]) for message in messages]


def received(directory) -> list[int]:
    source = SyslogSource(
        "s", Syslog(listen="127.0.0.1:0"), directory=directory, buffer_bytes=1 << 30
    )
    try:
        return numbers(read_on(source)[0])
    finally:
        source.close()


def test_a_receiver_that_is_restarted_by_its_rights_loses_nothing(tmp_path):
    directory, n_lines = tmp_path / "journal", 60_000
    with (
        receiving_in_a_process("syslog", directory) as receiver,
        rsyslog(tmp_path / "rsyslog", receiver.address, **OCTETS) as sender,
    ):
        sender.log(numbered(0, n_lines))
        wait_until(lambda: receiver.received_bytes() > 2_000_000, every=0.002)
        receiver.end(signal.SIGTERM)
        receiver.start()
        wait_until(lambda: receiver.has(b"number %d is" % (n_lines - 1)))
    assert received(directory) == list(range(n_lines))


def test_a_kill_while_nothing_is_under_way_costs_one_line(tmp_path):
    directory = tmp_path / "journal"
    with (
        receiving_in_a_process("syslog", directory) as receiver,
        rsyslog(tmp_path / "rsyslog", receiver.address) as sender,
    ):
        sender.log(numbered(0, 20_000))
        wait_until(lambda: receiver.has(b"number 19999 is"))
        receiver.end(signal.SIGKILL)
        sender.log(numbered(20_000, N_LINES))
        receiver.start()
        wait_until(lambda: receiver.has(b"number %d is" % (N_LINES - 1)))
        receiver.end(signal.SIGKILL)
    found = received(directory)
    assert found == sorted(set(found))  # nothing twice
    # At the end of the connection rsyslog's system had taken what it sent first, but nobody else.
    assert len(set(range(N_LINES)) - set(found)) <= 1


def test_rsyslog_sends_over_tls(tmp_path):
    authority = trustme.CA()
    pair = authority.issue_cert("127.0.0.1")
    sender_pair = authority.issue_cert("sender")
    paths = {name: tmp_path / f"{name}.pem" for name in ("ca", "cert", "key", "own", "own_key")}
    authority.cert_pem.write_to_path(paths["ca"])
    pair.cert_chain_pems[0].write_to_path(paths["cert"])
    pair.private_key_pem.write_to_path(paths["key"])
    sender_pair.cert_chain_pems[0].write_to_path(paths["own"])
    sender_pair.private_key_pem.write_to_path(paths["own_key"])
    tls = Tls(cert_file=paths["cert"], key_file=paths["key"], ca_file=paths["ca"])
    settings = Syslog(listen="127.0.0.1:0", tls=tls)
    source = SyslogSource("s", settings, directory=tmp_path / "journal", buffer_bytes=1 << 30)
    try:
        with rsyslog(
            tmp_path / "rsyslog",
            source.address,
            **OCTETS,
            StreamDriver="ossl",
            StreamDriverMode="1",
            StreamDriverAuthMode="x509/certvalid",
            StreamDriver_CAFile=str(paths["ca"]),
            StreamDriver_CertFile=str(paths["own"]),
            StreamDriver_KeyFile=str(paths["own_key"]),
        ) as sender:
            sender.log(numbered(0, 20_000))
            found = read_until(source, lambda found: len(found) >= 20_000)
        assert numbers(found) == list(range(20_000))
    finally:
        source.close()


def test_rsyslog_sends_over_udp(tmp_path):
    settings = Syslog(listen="127.0.0.1:0", transport="udp")
    source = SyslogSource("s", settings, directory=tmp_path / "journal", buffer_bytes=1 << 30)
    try:
        with rsyslog(tmp_path / "rsyslog", source.address, protocol="udp") as sender:
            sender.log(numbered(0, 200))
            found = read_until(source, lambda found: len(found) >= 200)
            assert numbers(found) == list(range(200))
        batch = source.read(None)
        stream = streams(batch)[0]
        assert (stream.service, stream.labels) == ("numbers", (("facility", "local3"),))
        assert stream.host
        assert set(batch.level.tolist()) == {4}
        assert abs(batch.timestamp_nanoseconds[0] / 1e9 - time.time()) < 3600
    finally:
        source.close()
