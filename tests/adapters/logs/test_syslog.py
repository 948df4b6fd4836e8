import os
import resource
import socket
import ssl
import time
from contextlib import closing, contextmanager, suppress
from ipaddress import ip_network

import pytest
import trustme
from log_lines import read_on, read_until, streams, texts

from forewarn_adapters.config.endpoints import Tls
from forewarn_adapters.config.log_sources import Syslog
from forewarn_adapters.logs.batch import Keeping, LogSource
from forewarn_adapters.logs.receiving import syslog_tcp
from forewarn_adapters.logs.receiving.syslog import SyslogSource
from forewarn_adapters.logs.receiving.syslog_framing import MOST_BYTES_OF_LINE
from forewarn_models.errors import ConfigError, SourceUnavailable, StoreError
from webhook import wait_until

MEGABYTE = 1 << 20


@contextmanager
def receiving(directory, *, buffer_bytes=64 * MEGABYTE, **settings):
    settings = Syslog(**{"listen": "127.0.0.1:0", **settings})
    source = SyslogSource("s", settings, directory=directory, buffer_bytes=buffer_bytes)
    try:
        yield source
    finally:
        source.close()


def connect(source) -> socket.socket:
    host, port = source.address.rsplit(":", 1)
    return socket.create_connection((host.strip("[]"), int(port)), timeout=10)


def send(source, data: bytes) -> None:
    with connect(source) as connection:
        connection.sendall(data)


def send_over_tls(raw: socket.socket, context: ssl.SSLContext) -> None:
    """Send a line, and wait for what the other side says of it."""
    with context.wrap_socket(raw, server_hostname="127.0.0.1") as connection:
        connection.sendall(b"unknown\n")
        assert connection.recv(1)


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    for name in ("127.0.0.1", "client"):
        issued = authority.issue_cert(name)
        issued.private_key_pem.write_to_path(directory / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(directory / f"{name}.pem")
    return directory


def server_side(certificates, **more) -> Tls:
    pair = {"cert_file": "127.0.0.1.pem", "key_file": "127.0.0.1.key", **more}
    return Tls(**{key: certificates / name for key, name in pair.items()})


def test_it_is_a_source_that_keeps(tmp_path):
    with receiving(tmp_path) as source:
        assert isinstance(source, Keeping)
        described: LogSource = source
        assert described.name == "s"


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0", "localhost:0"])
def test_lines_are_received_over_tcp_in_both_framings(tmp_path, listen):
    with receiving(tmp_path, listen=listen) as source:
        assert source.read(None).n_lines == 0
        send(source, b"<13>Oct 11 22:14:15 h p: one\n<13>Oct 11 22:14:15 h p: two")
        read_until(source, lambda found: len(found) == 2)
        send(source, b"28 <13>Oct 11 22:14:15 h p: one5 <13>x")
        found = read_until(source, lambda found: len(found) == 4)
        assert found == [b"one", b"two", b"one", b"x"]
        assert source.counts == {}


def test_a_sender_without_a_host_is_its_address(tmp_path):
    with receiving(tmp_path) as source:
        send(source, b"words\n")
        read_until(source, len)
        assert streams(source.read(None))[0].host == "127.0.0.1"


def test_datagrams_are_lines_whatever_they_hold(tmp_path):
    host, port = "127.0.0.1", 0
    sent = [b"<13>p: one", b"<13>p: two\n", b"<13>p: th\nree", b"", b"\xff\x00\xfe", b"x" * 60_000]
    with receiving(tmp_path, transport="udp") as source:
        host, port = source.address.split(":")
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for datagram in sent:
                sender.sendto(datagram, (host, int(port)))
        found = read_until(source, lambda found: len(found) == 5)
    assert found == [b"one", b"two", b"th ree", b"\xff\x00\xfe", b"x" * 60_000]


def test_datagrams_that_came_are_read_before_the_end(tmp_path):
    with receiving(tmp_path, transport="udp") as source:
        host, port = source.address.split(":")
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for number in range(500):
                sender.sendto(b"%d" % number, (host, int(port)))
    with receiving(tmp_path, transport="udp") as source:
        assert read_on(source)[0] == [b"%d" % number for number in range(500)]


def test_what_was_received_is_there_after_a_restart(tmp_path):
    with receiving(tmp_path) as source:
        send(source, b"one\ntwo\n")
        read_until(source, lambda found: len(found) == 2)
        cursor = source.read(None).cursor
        send(source, b"three\n")
        read_until(source, lambda found: len(found) == 3)
    with receiving(tmp_path) as source:
        assert read_on(source, cursor)[0] == [b"three"]


def test_what_is_released_is_deleted(tmp_path):
    with receiving(tmp_path, buffer_bytes=MEGABYTE) as source:
        for _ in range(3):
            send(source, b"x" * 60_000 + b"\n" + b"y" * 60_000 + b"\n" + b"z" * 60_000 + b"\n")
        read_until(source, lambda found: len(found) == 9)
        assert len(list(tmp_path.glob("*.journal"))) > 1
        source.release(read_on(source)[1])
        assert len(list(tmp_path.glob("*.journal"))) == 1


def test_a_full_journal_makes_senders_wait_and_loses_nothing(tmp_path):
    lines = [b"%06d " % number + b"x" * 1000 for number in range(3000)]
    with receiving(tmp_path, buffer_bytes=MEGABYTE) as source:
        connection = connect(source)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        connection.settimeout(1)
        data, sent = b"\n".join(lines) + b"\n", 0
        with suppress(TimeoutError):
            while sent < len(data):
                sent += connection.send(data[sent : sent + 10_000])
        assert sent < len(data)  # it was told to wait
        connection.setblocking(False)
        found, cursor = read_on(source)
        until = time.monotonic() + 20
        while len(found) < len(lines) and time.monotonic() < until:
            source.release(cursor)
            with suppress(BlockingIOError):
                sent += connection.send(data[sent : sent + 100_000])
            more, cursor = read_on(source, cursor)
            found += more
        connection.close()
        assert found == lines
        assert sum(path.stat().st_size for path in tmp_path.glob("*.journal")) <= MEGABYTE


def test_a_full_disk_holds_what_was_read_until_there_is_room(tmp_path, monkeypatch):
    with receiving(tmp_path) as source:
        real = source._journal.append
        failing = [True]

        def append(*parts):
            if failing[0]:
                raise StoreError("no space left")
            real(*parts)

        monkeypatch.setattr(source._journal, "append", append)
        send(source, b"one\n")
        wait_until(lambda: source.counts.get("not_written", 0) > 1, every=0.01)
        failing[0] = False
        assert read_until(source, len) == [b"one"]


def test_a_journal_that_cannot_be_read_is_a_source_that_is_down(tmp_path):
    with receiving(tmp_path) as source:
        send(source, b"one\n")
        read_until(source, len)
        next(tmp_path.glob("*.journal")).unlink()
        with pytest.raises(SourceUnavailable, match="must be readable"):
            source.read(None)


def test_senders_from_other_networks_are_refused(tmp_path):
    with receiving(tmp_path, allow=[ip_network("192.0.2.0/24")]) as source:
        with connect(source) as connection:
            assert is_closed(connection)
        assert source.counts == {"sender_not_allowed": 1}
    networks = [ip_network("192.0.2.0/24"), ip_network("127.0.0.0/8")]
    with receiving(tmp_path, allow=networks) as source:
        send(source, b"one\n")
        assert read_until(source, len) == [b"one"]


def test_datagrams_from_other_networks_are_dropped_and_counted_once(tmp_path):
    with receiving(tmp_path, transport="udp", allow=[ip_network("192.0.2.0/24")]) as source:
        host, port = source.address.split(":")
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for _ in range(5):
                sender.sendto(b"x", (host, int(port)))
        wait_until(lambda: source.counts == {"sender_not_allowed": 1}, every=0.01)
        assert read_on(source)[0] == []


def test_lines_are_received_over_tls(tmp_path, certificates):
    with receiving(tmp_path, tls=server_side(certificates)) as source:
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        with context.wrap_socket(connect(source), server_hostname="127.0.0.1") as connection:
            for number in range(2000):
                connection.sendall(b"%d %s" % (104, b"<13>" + b"%0100d" % number))
        found = read_until(source, lambda found: len(found) == 2000)
        assert [int(line) for line in found] == list(range(2000))


def test_senders_must_show_a_certificate_where_an_authority_is_named(tmp_path, certificates):
    tls = server_side(certificates, ca_file="ca.pem")
    with receiving(tmp_path, tls=tls) as source:
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        with closing(connect(source)) as raw, pytest.raises(OSError, match=r"required|reset|EOF"):
            send_over_tls(raw, context)
        wait_until(lambda: source.counts.get("tls_failed") == 1, every=0.01)
        context.load_cert_chain(certificates / "client.pem", certificates / "client.key")
        with context.wrap_socket(connect(source), server_hostname="127.0.0.1") as connection:
            connection.sendall(b"known\n")
        assert read_until(source, len) == [b"known"]


def test_what_is_no_tls_is_refused(tmp_path, certificates):
    with receiving(tmp_path, tls=server_side(certificates)) as source:
        with connect(source) as connection:
            connection.sendall(b"<13>plain\n")
            with suppress(ConnectionError):
                while connection.recv(100):  # the alert
                    pass
        assert source.counts["tls_failed"] == 1
        assert read_on(source)[0] == []


def test_a_broken_frame_ends_its_connection_alone(tmp_path):
    with receiving(tmp_path) as source, connect(source) as good, connect(source) as bad:
        good.sendall(b"4 <1>a")
        bad.sendall(b"4 <1>bgarbage")
        assert is_closed(bad)
        good.sendall(b"4 <1>c")
        assert sorted(read_until(source, lambda found: len(found) == 3)) == [b"a", b"b", b"c"]
        assert source.counts == {"broken_frame": 1}


def test_a_frame_that_a_cut_left_unfinished_is_no_line(tmp_path):
    with receiving(tmp_path) as source:
        connection = connect(source)
        connection.sendall(b"one\nunfinis")
        read_until(source, len)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()  # as a network does that breaks: the sender will send the line again
        send(source, b"unfinished\n")
        assert read_until(source, lambda found: len(found) == 2) == [b"one", b"unfinished"]


def test_hostile_bytes_are_bounded_lines(tmp_path):
    with receiving(tmp_path) as source:
        send(source, b"<13>" + b"x" * 10_000_000 + b"\n<13>after\n")
        send(source, os.urandom(300_000).replace(b"\n", b"") + b"\n")
        send(source, b"10000000 <13>" + b"y" * 9_999_996 + b"9 <13>after")
        send(source, b"\x1b[31mred\x1b[0m \xff\xfe\n" + b"\n" * 10_000 + b"\0\n")
        found = read_until(source, lambda found: len(found) == 6)
        assert max(map(len, found)) <= MOST_BYTES_OF_LINE
        assert found.count(b"after") == 2
        assert b"\x1b[31mred\x1b[0m \xff\xfe" in found
        assert source.counts["line_cut"] == 3


def test_too_many_connections_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(syslog_tcp, "_MOST_CONNECTIONS", 2)
    with receiving(tmp_path) as source, connect(source) as first, connect(source) as second:
        first.sendall(b"one\n")
        second.sendall(b"two\n")
        read_until(source, lambda found: len(found) == 2)
        with connect(source) as third:
            assert is_closed(third)
        first.close()
        wait_until(lambda: len(source._receiver._connections) == 1, every=0.01)
        send(source, b"three\n")
        read_until(source, lambda found: len(found) == 3)
        assert source.counts == {"too_many_connections": 1}


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(syslog_tcp, "_CHECK_SECONDS", 0.02)
    monkeypatch.setattr(syslog_tcp, "_TICK_SECONDS", 0.02)
    monkeypatch.setattr(syslog_tcp, "_UNFINISHED_SECONDS", 0.3)


def test_a_line_that_trickles_in_is_not_waited_for(tmp_path, impatient):
    with receiving(tmp_path) as source, connect(source) as slow:
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < 10:
                slow.sendall(b"x")
                time.sleep(0.02)
        assert time.monotonic() - began < 10
        assert set(read_until(source, len)[0]) == {ord("x")}
        assert source.counts == {"line_never_ended": 1}


def test_a_tls_handshake_that_never_comes_is_not_waited_for(tmp_path, impatient, certificates):
    tls = server_side(certificates)
    with receiving(tmp_path, tls=tls) as source, connect(source) as silent:
        assert is_closed(silent)
        assert source.counts == {"line_never_ended": 1}


def test_a_sender_that_is_quiet_between_lines_is_kept(tmp_path, impatient, monkeypatch):
    with receiving(tmp_path) as source, connect(source) as quiet:
        quiet.sendall(b"one\n")
        quiet.settimeout(0.7)
        with pytest.raises(TimeoutError):
            quiet.recv(1)
        monkeypatch.setattr(syslog_tcp, "_IDLE_SECONDS", 0.1)
        quiet.settimeout(10)
        assert is_closed(quiet)
        assert source.counts == {}


def test_at_the_end_what_has_come_is_read_and_senders_are_told(tmp_path):
    lines = [b"%07d" % number for number in range(200_000)]
    with receiving(tmp_path) as source:
        connection = connect(source)
        connection.sendall(b"\n".join(lines) + b"\n")
        late = connect(source)  # still waits to be accepted
        late.sendall(b"late\n")
    for one in (connection, late):
        assert is_closed(one)
        one.close()
    with receiving(tmp_path) as source:
        found = read_on(source)[0]
    assert [line for line in found if line != b"late"] == lines
    assert b"late" in found


def test_an_address_in_use_is_told(tmp_path):
    for transport in ("tcp", "udp"):
        with receiving(tmp_path / "1", transport=transport) as source:
            settings = Syslog(listen=source.address, transport=transport)
            with pytest.raises(
                ConfigError, match=r"sources t: syslog.listen must be an address that is free"
            ):
                SyslogSource("t", settings, directory=tmp_path / "2", buffer_bytes=MEGABYTE)


def test_certificates_that_cannot_be_used_are_told(tmp_path, certificates):
    for tls in (
        server_side(certificates, key_file="missing.key"),
        server_side(certificates, ca_file="127.0.0.1.key"),
        Tls.model_construct(cert_file=None, key_file=None),
    ):
        settings = Syslog.model_construct(listen="127.0.0.1:0", transport="tcp", tls=tls, allow=())
        with pytest.raises(ConfigError, match=r"sources t: syslog.tls must"):
            SyslogSource("t", settings, directory=tmp_path, buffer_bytes=MEGABYTE)


def test_a_folder_that_another_process_has_leaves_no_socket(tmp_path):
    with receiving(tmp_path), pytest.raises(StoreError, match="one process"):
        SyslogSource("t", Syslog(listen="127.0.0.1:0"), directory=tmp_path, buffer_bytes=MEGABYTE)


def test_counts_are_logged_when_they_are_ten_times_as_many(tmp_path, caplog):
    with receiving(tmp_path, allow=[ip_network("192.0.2.0/24")]) as source:
        for _ in range(12):
            with connect(source) as connection:
                assert is_closed(connection)
    logged = [record.getMessage() for record in caplog.records]
    assert logged == [
        "logs.sources s: sender_not_allowed, 1 times: 127.0.0.1",
        "logs.sources s: sender_not_allowed, 10 times: 127.0.0.1",
    ]


def test_lines_are_as_they_came(tmp_path):
    with receiving(tmp_path) as source:
        send(source, b"<13>Oct 11 22:14:15 h p: one\n")
        read_until(source, len)
        assert texts(source.read(None).lines) == [b"<13>Oct 11 22:14:15 h p: one"]


def has_room(source) -> bool:
    intake = source._receiver._intake
    return source._journal.free_bytes() >= 6 * intake.read_bytes + MOST_BYTES_OF_LINE


def test_datagrams_are_left_to_the_system_while_the_journal_is_full(tmp_path):
    with receiving(tmp_path, transport="udp", buffer_bytes=MEGABYTE) as source:
        host, port = source.address.split(":")
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            found, cursor, number = [], None, 0
            for number in range(100):  # more at one time than is put into one record
                sender.sendto(b"%06d" % number + b"x" * 2000, (host, int(port)))
            number += 1
            while has_room(source):
                sender.sendto(b"%06d" % number + b"x" * 2000, (host, int(port)))
                number += 1
                time.sleep(0.0002)
            for _ in range(20):  # as many as the system surely holds
                sender.sendto(b"%06d" % number + b"x" * 2000, (host, int(port)))
                number += 1
            until = time.monotonic() + 20
            while len(found) < number and time.monotonic() < until:
                more, cursor = read_on(source, cursor)
                source.release(cursor)
                found += more
        assert [int(line[:6]) for line in found] == list(range(number))


def test_where_no_more_files_may_be_opened_senders_wait(tmp_path, certificates):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with (
        receiving(tmp_path, tls=server_side(certificates)) as source,
        socket.socket() as first,
        socket.socket() as gone,
    ):
        host, port = source.address.split(":")
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        resource.setrlimit(resource.RLIMIT_NOFILE, (gone.fileno() + 1, limits[1]))
        try:
            gone.connect((host, int(port)))
            first.connect((host, int(port)))
            wait_until(lambda: source.counts.get("not_accepted", 0) > 0, every=0.01)
            gone.sendall(b"x")
            gone.close()  # by a reset, so that it is gone when it is accepted
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        with context.wrap_socket(first, server_hostname="127.0.0.1") as connection:
            connection.sendall(b"patient\n")
        assert read_until(source, len) == [b"patient"]
