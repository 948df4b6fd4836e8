"""forewarn_service.logs.services: services as numbers, and as values of labels."""

from forewarn_adapters.logs.batch import LogStream
from forewarn_service.logs import services
from forewarn_service.logs.services import MOST_SERVICE_BYTES, Services


def test_a_service_keeps_its_number_and_sources_do_not_share_theirs() -> None:
    known = Services()
    streams = [LogStream("shop"), LogStream("cart", host="a"), LogStream("cart", host="b")]
    assert known.numbers("app", streams).tolist() == [0, 1, 1]
    assert known.numbers("web", streams[:1]).tolist() == [2]
    assert known.numbers("app", streams).tolist() == [0, 1, 1]
    assert known.known == [("app", "shop"), ("app", "cart"), ("web", "shop")]


def test_what_cannot_be_a_label_becomes_one() -> None:
    known = Services()
    streams = [LogStream(""), LogStream("\x1b[31mred\x1b[0m\nforged 1"), LogStream("\udc80x")]
    known.numbers("app", [*streams, LogStream("é" * 300)])
    names = [service for _, service in known.known]
    assert names == ["unknown", "red forged 1", "?x", "é" * (MOST_SERVICE_BYTES // 2)]


def test_services_beyond_the_bound_are_one_other_of_each_source() -> None:
    known = Services(most=2)
    streams = [LogStream(name) for name in "abcd"]
    assert known.numbers("app", streams).tolist() == [0, 1, 2, 2]
    assert known.numbers("web", streams).tolist() == [3, 3, 3, 3]
    assert known.known[2:] == [("app", "other"), ("web", "other")]


def test_names_of_streams_are_forgotten_before_they_fill_the_memory(monkeypatch) -> None:
    monkeypatch.setattr(services, "_MOST_STREAMS", 2)
    known = Services()
    streams = [LogStream(name) for name in "abcd"]
    assert known.numbers("app", streams).tolist() == [0, 1, 2, 3]
    assert known.numbers("app", streams[:1]).tolist() == [0]
    assert len(known._streams) == 1
