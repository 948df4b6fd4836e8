"""The hand-written encoder against Google's protocol buffers."""

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_adapters import remote_write_request
from forewarn_adapters.remote_write_request import SeriesCache, encode_labels, encode_request
from forewarn_models.errors import WriteError
from forewarn_models.labels import labels_of

UP = labels_of({"__name__": "up"})


def encode_one(time: int, value: np.ndarray) -> bytes:
    times = np.array([time], np.int64)
    return encode_request([UP], np.zeros(1, np.int64), times, value, cache=SeriesCache())


def message_type(name: str):
    """WriteRequest or one of its parts, from the specification of remote write 1.0."""
    kinds = descriptor_pb2.FieldDescriptorProto
    fields = {
        "WriteRequest": [("timeseries", 1, kinds.TYPE_MESSAGE, "TimeSeries")],
        "TimeSeries": [
            ("labels", 1, kinds.TYPE_MESSAGE, "Label"),
            ("samples", 2, kinds.TYPE_MESSAGE, "Sample"),
        ],
        "Label": [("name", 1, kinds.TYPE_STRING, ""), ("value", 2, kinds.TYPE_STRING, "")],
        "Sample": [("value", 1, kinds.TYPE_DOUBLE, ""), ("timestamp", 2, kinds.TYPE_INT64, "")],
    }
    file = descriptor_pb2.FileDescriptorProto(name="rw.proto", package="rw", syntax="proto3")
    for kind, members in fields.items():
        message = file.message_type.add(name=kind)
        for field, number, field_type, other in members:
            message.field.add(
                name=field,
                number=number,
                type=field_type,
                type_name=f".rw.{other}" if other else None,
                label=kinds.LABEL_REPEATED if other else kinds.LABEL_OPTIONAL,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"rw.{name}"))


WriteRequest = message_type("WriteRequest")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,10}", fullmatch=True).filter("__name__".__ne__)
label_sets = st.builds(
    lambda metric, more: labels_of({**more, "__name__": metric}),
    st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,10}", fullmatch=True),
    st.dictionaries(names, texts, max_size=4),
)
samples = st.tuples(
    st.integers(1 << 35, (1 << 42) - 1), st.floats(allow_nan=True, allow_infinity=True)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(label_sets, st.lists(samples, max_size=6)), max_size=6), st.booleans())
def test_what_is_encoded_is_decoded_by_protocol_buffers(series, twice):
    row = np.array([place for place, (_, many) in enumerate(series) for _ in many], np.int64)
    flat = [sample for _, many in series for sample in many]
    times = np.array([time for time, _ in flat], np.int64)
    values = np.array([value for _, value in flat], np.float64)
    cache = SeriesCache()
    all_labels = [labels for labels, _ in series]
    encoded = encode_request(all_labels, row, times, values, cache=cache)
    if twice:
        assert encode_request(all_labels, row, times, values, cache=cache) == encoded
    got = [
        (
            tuple((label.name, label.value) for label in one.labels),
            repr([(sample.timestamp, sample.value) for sample in one.samples]),
        )
        for one in WriteRequest.FromString(encoded).timeseries
    ]
    expected = [
        (tuple(pair for pair in labels if pair[1]), repr(many)) for labels, many in series if many
    ]
    assert expected == got


def test_the_bits_of_a_nan_are_kept():
    stale = np.array([0x7FF0000000000002], np.uint64).view(np.float64)
    encoded = encode_request(
        [UP], np.zeros(1, np.int64), np.array([1 << 40]), stale, cache=SeriesCache()
    )
    assert stale.tobytes() in encoded


def test_the_cache_forgets_before_it_grows_without_end(monkeypatch):
    monkeypatch.setattr(remote_write_request, "_MOST_CACHED_SERIES", 2)
    cache = SeriesCache()
    for number in range(5):
        cache.encoded(labels_of({"__name__": "up", "a": str(number)}))
    assert len(cache._encoded) == 1


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ((("a", "b"),), "must have a valid `__name__`, got ''"),
        ((("__name__", "a-b"),), "must have a valid `__name__`, got 'a-b'"),
        ((("__name__", "up\n"),), "must have a valid `__name__`, got 'up\\n'"),
        ((("__name__", "up"), ("a:b", "c")), "must have valid names, each once, got 'a:b'"),
        ((("__name__", "up"), ("", "c")), "must have valid names, each once, got ''"),
        (
            (("__name__", "up"), ("a", "1"), ("a", "2")),
            "must have valid names, each once, got ['__name__', 'a', 'a']",
        ),
    ],
)
def test_labels_that_a_server_would_swallow_are_refused(labels, words):
    with pytest.raises(WriteError) as refusal:
        encode_labels(labels)
    assert words in str(refusal.value)


def test_labels_are_sorted_and_lone_surrogates_do_no_harm():
    assert encode_labels((("z", "\ud800"), ("__name__", "up"))) == encode_labels(
        labels_of({"__name__": "up", "z": "?"})
    )


@pytest.mark.parametrize("time", [-1, 0, (1 << 35) - 1, 1 << 42])
def test_a_timestamp_of_another_century_is_refused(time):
    with pytest.raises(WriteError, match="years 1972 to 2108"):
        encode_request(
            [UP], np.zeros(1, np.int64), np.array([time]), np.ones(1), cache=SeriesCache()
        )
