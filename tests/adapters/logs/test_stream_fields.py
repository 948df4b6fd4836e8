"""Fields that say who wrote a line."""

from itertools import combinations, pairwise
from typing import Any

import pytest

from forewarn_adapters.logs.batch import LEVELS
from forewarn_adapters.logs.stream_fields import Streams, found_in


def nested(name: str, dots: tuple[int, ...], value: str) -> dict[str, Any]:
    """Return a field whose name is split at some of its dots."""
    parts = name.split(".")
    edges = [0, *dots, len(parts)]
    keys = [".".join(parts[a:b]) for a, b in pairwise(edges)]
    inner: Any = value
    for key in reversed(keys):
        inner = {key: inner}
    return dict(inner)


@pytest.mark.parametrize(
    "name", ["service", "log.level", "host.name", "kubernetes.pod.name", "k8s.container.name"]
)
def test_a_field_is_found_however_its_name_is_nested(name):
    n_dots = name.count(".")
    for n in range(n_dots + 1):
        for dots in combinations(range(1, n_dots + 1), n):
            assert found_in(nested(name, dots, "x")) == ((name, "x"),)


def test_other_fields_are_not_found():
    line = {
        "message": "hi",
        "user": {"name": "a"},
        "kubernetes": "x",
        "host": {"ip": ["10.0.0.1"], "os": {"name": "linux"}},
        "log": {"offset": 3, "level": None},
        "level": 1.5,
        "trace.id": "abc",
        "kubernetes.labels.sizes": {"a": "b"},
    }
    assert found_in(line) == ()


def test_labels_of_pods_are_found():
    assert found_in({"kubernetes": {"labels": {"app": "a", "tier": 1, "x": {}}}}) == (
        ("kubernetes.labels.app", "a"),
        ("kubernetes.labels.tier", "1"),
    )
    assert found_in({"kubernetes.labels.app": "a"}) == (("kubernetes.labels.app", "a"),)


def test_a_host_may_be_a_name_or_have_one():
    assert found_in({"host": "a"}) == (("host", "a"),)
    assert found_in({"host": {"name": "a"}}) == (("host.name", "a"),)


def test_streams_are_told_by_their_labels_and_not_by_levels():
    streams = Streams()
    info = streams.place_and_level((("app", "a"), ("level", "info")))
    error = streams.place_and_level((("level", "error"), ("app", "a")))
    other = streams.place_and_level(
        (("app", "a"), ("pod", "p"), ("instance", "i")), (("job", "j"),)
    )
    assert (info[0], error[0], other[0]) == (0, 0, 1)
    assert [LEVELS[level] for _, level in (info, error, other)] == ["info", "error", ""]
    assert streams.all()[0].labels == (("app", "a"),)
    assert streams.all()[1].host == "p"
    assert dict(streams.all()[1].labels) == {"app": "a", "pod": "p", "instance": "i", "job": "j"}


def test_a_level_that_is_no_word_leaves_it_to_the_next():
    streams = Streams()
    assert streams.place_and_level((("level", "30"), ("severity", "WARN")))[1] == LEVELS.index(
        "warn"
    )


def test_labels_are_bounded():
    streams = Streams()
    found = tuple((f"kubernetes.labels.{number:03}", "x" * 1000) for number in range(200))
    streams.place_and_level((*found, ("host", "h" * 1000)))
    stream = streams.all()[0]
    assert len(stream.labels) == 50
    assert max(len(value) for _, value in stream.labels) == len(stream.host) == 256
