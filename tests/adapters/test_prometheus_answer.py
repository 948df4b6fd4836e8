"""Answers of Prometheus, read into arrays: against the json module, and against hostile bodies."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_adapters import prometheus_answer
from forewarn_adapters.http import Answer, AnswerTooLarge
from forewarn_adapters.prometheus_answer import LabelCache, Matrix, failure_of, matrix_of
from forewarn_models.errors import SourceRejected, SourceTimeout, SourceUnavailable
from hostile_server import matrix

NAME = {"__name__"}


def read(body: bytes | str) -> Matrix:
    data = body.encode() if isinstance(body, str) else body
    return matrix_of(Answer(200, data), LabelCache())


def oracle(body: bytes) -> list[tuple[dict[str, str], list[tuple[int, float]]]]:
    """The same, sample by sample."""
    return [
        (
            {name: series["metric"][name] for name in sorted(series["metric"].keys() - NAME)},
            [(round(time * 1000), float(value)) for time, value in series["values"]],
        )
        for series in json.loads(body)["data"]["result"]
        if series["values"]
    ]


def unpacked(result: Matrix) -> list[tuple[dict[str, str], list[tuple[int, float]]]]:
    ends = np.cumsum(result.counts)
    pairs = list(zip(result.timestamp_milliseconds.tolist(), result.value.tolist(), strict=True))
    return [
        (dict(labels), pairs[end - count : end])
        for labels, count, end in zip(result.series, result.counts, ends, strict=True)
    ]


def go_text(value: float) -> str:
    """A float as Prometheus writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


floats = st.floats(allow_nan=True, allow_infinity=True, width=64)
times = st.integers(0, 4_000_000_000_000).map(lambda milliseconds: milliseconds / 1000)
label_sets = st.dictionaries(st.sampled_from(["__name__", "a", "b", "c"]), st.text(max_size=20))
series_lists = st.lists(
    st.tuples(label_sets, st.lists(st.tuples(times, floats), max_size=20)), max_size=8
)
layouts = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")])


@settings(max_examples=80, deadline=None)
@given(series_lists, layouts, st.booleans())
def test_any_answer_reads_as_the_json_module_reads_it(series, separators, ascii_only):
    result = [
        {"metric": labels, "values": [(time, go_text(value)) for time, value in values]}
        for labels, values in series
    ]
    reply = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    body = json.dumps(reply, separators=separators, ensure_ascii=ascii_only).encode()
    assert repr(unpacked(read(body))) == repr(oracle(body))


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "+Inf",
        "-Inf",
        "0",
        "-0",
        "1e+06",
        "1.5E-300",
        "5e-324",
        "1.7976931348623157e+308",
        "123456789012345678",
        "0.1",
        "2.2250738585072011e-308",
        "1e-400",
        "1e400",
    ],
)
def test_every_form_of_a_number_is_read_as_python_reads_it(text):
    value = read(matrix({}, [(1.5, text)])).value
    assert repr(value.tolist()) == repr([float(text)])


def test_a_large_answer_is_parsed_in_portions(monkeypatch):
    monkeypatch.setattr(prometheus_answer, "_JSON_BYTES_AT_A_TIME", 50)
    result = [
        {"metric": {"a": str(row)}, "values": [(time, str(row * time)) for time in range(row)]}
        for row in range(20)
    ]
    reply = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    body = json.dumps(reply, separators=(",", ":")).encode()
    assert unpacked(read(body)) == oracle(body)


def test_an_empty_answer_holds_nothing():
    result = read('{"status":"success","data":{"resultType":"matrix","result":[]}}')
    assert (result.series, len(result.value)) == ((), 0)


def test_a_series_of_histograms_only_is_left_out():
    histograms = '[{"metric":{"a":"b"},"histograms":[[1,{"count":"3","sum":"1"}]]}]'
    body = f'{{"status":"success","data":{{"resultType":"matrix","result":{histograms}}}}}'
    assert read(body).series == ()


def test_warnings_come_along_and_so_does_a_partial_answer():
    body = matrix({}, [(1, "2")], warnings=["no\nstore"], isPartial=True)
    assert read(body).warnings == ("no store", "the answer is partial")


def test_labels_are_found_again_without_reading_them_twice(monkeypatch):
    monkeypatch.setattr(prometheus_answer, "_MOST_CACHED_LABELS", 2)
    cache = LabelCache()
    first = cache.labels(b'{"__name__":"up","b":"2","a":"1"}')
    assert first == (("a", "1"), ("b", "2"))
    assert cache.labels(b'{"__name__":"up","b":"2","a":"1"}') is first
    cache.labels(b'{"a":"2"}')
    cache.labels(b'{"a":"3"}')
    assert cache.labels(b'{"__name__":"up","b":"2","a":"1"}') == first


def result_of(values: str, metric: str = "{}") -> str:
    series = f'{{"metric":{metric},"values":{values}}}'
    return f'{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}'


BROKEN = {
    "nothing": "",
    "html": "<html><body>Sign in</body></html>",
    "garbage": b"\xff\x00\x13",
    "null": "null",
    "a list": "[]",
    "half": matrix({"a": "b"}, [(1, "2"), (2, "3")])[:90],
    "an error in an answer that is 200": '{"status":"error","error":"no","errorType":"bad"}',
    "no data": '{"status":"success"}',
    "a vector": '{"status":"success","data":{"resultType":"vector","result":[]}}',
    "a scalar": '{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}',
    "labels that are numbers": result_of('[[1,"2"]]', '{"a":1}'),
    "labels that are a list": result_of('[[1,"2"]]', "[]"),
    "values that are null": result_of("null"),
    "values that are text": result_of('"[[["'),
    "values that are a mapping": result_of('{"a":[[1,"2"]]}'),
    "a list that holds a number": result_of("[1]"),
    "an empty pair": result_of("[[]]"),
    "a pair of one": result_of('[[1],[2,"3"]]'),
    "a triple": result_of('[[1,"2",3]]'),
    "a triple and a pair of one": result_of('[[1,"2","3"],[4]]'),
    "an empty number": result_of('[[1,""]]'),
    "an empty number in between": result_of('[[1,""],[2,"3"]]'),
    "a word": result_of('[[1,"fast"]]'),
    "two numbers in one": result_of('[[1,"2 3"]]'),
    "a comma in a number": result_of('[[1,"2,3"]]'),
    "a bracket in a number": result_of('[[1,"2]"]]'),
    "deep nesting": result_of("[" * 100_000),
    "a timestamp beyond all time": result_of('[[1e300,"2"]]'),
    "a timestamp that is text": result_of('[["1",2]]'),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_not_a_whole_answer_is_unavailable(body):
    with pytest.raises(SourceUnavailable, match="must answer with a whole matrix in JSON, got"):
        read(body)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_answer_is_read_or_refused_and_nothing_else(data):
    body = bytearray(matrix({"a": "b"}, [(1.5, "2.25"), (2.5, "NaN"), (3.5, "-1e+09")]))
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] = data.draw(st.integers(0, 255))
    try:
        result = read(bytes(body))
    except SourceUnavailable:
        return
    assert len(result.value) == len(result.timestamp_milliseconds) == result.counts.sum()


def refusal(kind: str, said: str) -> str:
    return json.dumps({"status": "error", "errorType": kind, "error": said})


REFUSED = "the query is refused (HTTP {}): {}".format
DOWN = "the server must answer, got HTTP {}: {}".format
ELSEWHERE = (
    "the server must answer itself, it points elsewhere (HTTP 302): set `url` to the final address"
)
STRANGER = (
    "the server refuses the credentials (HTTP 401): check `basic_auth`, `bearer_token` and `tls`"
)
FAILURES = [
    (400, refusal("bad_data", "oh"), SourceRejected, REFUSED(400, "bad_data: oh")),
    (422, refusal("execution", "1:n"), SourceRejected, REFUSED(422, "execution: 1:n")),
    (422, refusal("a", "too many samples"), AnswerTooLarge, REFUSED(422, "a: too many samples")),
    (404, "404 page not found", SourceRejected, REFUSED(404, "404 page not found")),
    (204, "", SourceRejected, REFUSED(204, "an empty body")),
    (302, "", SourceRejected, ELSEWHERE),
    (401, "Unauthorized", SourceRejected, STRANGER),
    (
        503,
        refusal("timeout", "query timed out"),
        SourceTimeout,
        "the server gave up the query (HTTP 503): timeout: query timed out",
    ),
    (503, "Service Unavailable", SourceUnavailable, DOWN(503, "Service Unavailable")),
    (500, "", SourceUnavailable, DOWN(500, "an empty body")),
    (429, "slow down", SourceUnavailable, DOWN(429, "slow down")),
]


@pytest.mark.parametrize(("status", "body", "kind", "message"), FAILURES)
def test_every_status_has_its_exception_and_the_servers_words(status, body, kind, message):
    failure = failure_of(Answer(status, body.encode()))
    assert (type(failure), str(failure)) == (kind, message)
    with pytest.raises(kind):
        matrix_of(Answer(status, body.encode()), LabelCache())
