"""Answers of Prometheus' HTTP API, read into arrays without an object for each sample."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from forewarn_adapters.http import Answer, AnswerTooLarge, shown
from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.errors import SourceRejected, SourceTimeout, SourceUnavailable
from forewarn_models.labels import Labels, labels_of

_JSON_BYTES_AT_A_TIME = 1 << 20
_MOST_CACHED_LABELS = 200_000
_PUNCTUATION = b'[]"'
_PAIR = b'[,""],'
_OF_NUMBERS = b"0123456789.+-eENaInf"
_METRIC_NAME = "__name__"


@dataclass(frozen=True, eq=False)
class Matrix:
    """The series of one answer, in its order.

    Args:
        series: the labels of each, without the metric's name.
        counts: (n_series,) how many samples each has.
        timestamp_milliseconds: (n,) of all samples, series after series.
        value: (n,) the same way.
        warnings: what the server said beside it, such as that the answer is partial.
    """

    series: tuple[Labels, ...]
    counts: IntegerArray
    timestamp_milliseconds: IntegerArray
    value: FloatArray
    warnings: tuple[str, ...] = ()


class _Series(msgspec.Struct):
    metric: msgspec.Raw
    values: msgspec.Raw = msgspec.Raw(b"[]")  # absent where a series has histograms only


class _Result(msgspec.Struct, rename="camel"):
    result_type: str
    result: list[_Series]


class _Reply(msgspec.Struct, rename="camel"):
    status: str = ""
    data: _Result | None = None
    error_type: str = ""
    error: str = ""
    warnings: list[str] | None = None
    is_partial: bool = False


class _Refusal(msgspec.Struct, rename="camel"):
    error_type: str = ""
    error: str = ""


@dataclass(slots=True)
class LabelCache:
    """Labels by the JSON text that stands for them: a series costs one look-up in each answer."""

    _labels: dict[bytes, Labels] = field(default_factory=dict)

    def labels(self, text: bytes) -> Labels:
        """Return the labels that a JSON object holds, without the metric's name."""
        known = self._labels.get(text)
        if known is None:
            mapping = msgspec.json.decode(text, type=dict[str, str])
            mapping.pop(_METRIC_NAME, None)
            known = labels_of(mapping)
            if len(self._labels) >= _MOST_CACHED_LABELS:
                self._labels.clear()
            self._labels[text] = known
        return known


def matrix_of(answer: Answer, labels: LabelCache) -> Matrix:
    """Return the series that an answer of /query or /query_range holds.

    Raises SourceRejected and SourceTimeout with the server's own words, AnswerTooLarge where it
    says that the query touches too many samples, and SourceUnavailable for anything that is not
    a whole answer.
    """
    if answer.status != 200:
        raise failure_of(answer)
    try:
        reply = msgspec.json.decode(answer.body, type=_Reply)
        if reply.status != "success" or not reply.data or reply.data.result_type != "matrix":
            raise _not_an_answer(answer, f"status {reply.status!r} {reply.error}")
        counts, samples = _samples(reply.data.result)
        series = tuple(labels.labels(bytes(series.metric)) for series in reply.data.result)
    except (msgspec.DecodeError, ValueError, RecursionError) as broken:
        raise _not_an_answer(answer, str(broken)) from broken
    timestamp = samples[:, 0] * 1000.0
    if not np.all(np.abs(timestamp) < 2.0**53):
        raise _not_an_answer(answer, "a timestamp that is no time")
    warnings = (*(reply.warnings or ()), *(("the answer is partial",) * reply.is_partial))
    whole = np.rint(timestamp).astype(np.int64)
    values = samples[:, 1].copy()
    return without_empty(Matrix(series, counts, whole, values, tuple(map(shown, warnings))))


def without_empty(matrix: Matrix) -> Matrix:
    """Return a matrix without the series that have no sample."""
    if matrix.counts.all():
        return matrix
    kept = np.flatnonzero(matrix.counts)
    series = tuple(matrix.series[place] for place in kept.tolist())
    return replace(matrix, series=series, counts=matrix.counts[kept])


def failure_of(answer: Answer) -> SourceRejected | SourceTimeout | SourceUnavailable:
    """Return the exception that an answer other than 200 stands for."""
    said = _words_of(answer)
    if 300 <= answer.status < 400:
        return SourceRejected(
            "the server must answer itself, it points elsewhere "
            f"(HTTP {answer.status}): set `url` to the final address"
        )
    if answer.status in {401, 403}:
        return SourceRejected(
            f"the server refuses the credentials (HTTP {answer.status}): check `basic_auth`, "
            "`bearer_token` and `tls`"
        )
    if "too many samples" in said:
        return AnswerTooLarge(f"the query is refused (HTTP {answer.status}): {said}")
    if answer.status == 503 and "timeout" in said:
        return SourceTimeout(f"the server gave up the query (HTTP 503): {said}")
    if answer.status == 429 or answer.status >= 500:
        return SourceUnavailable(f"the server must answer, got HTTP {answer.status}: {said}")
    return SourceRejected(f"the query is refused (HTTP {answer.status}): {said}")


def _words_of(answer: Answer) -> str:
    try:
        refusal = msgspec.json.decode(answer.body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return answer.text()
    return shown(f"{refusal.error_type}: {refusal.error}") if refusal.error else answer.text()


def _not_an_answer(answer: Answer, why: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"the server must answer with a whole matrix in JSON, got {shown(why)} in {answer.text()}"
    )


def _samples(series: Sequence[_Series]) -> tuple[IntegerArray, FloatArray]:
    """Return how many samples each series has, and all of them as rows of time and value."""
    counts = np.zeros(len(series), np.int64)
    parts: list[FloatArray] = [np.empty((0, 2))]
    group: list[bytes] = []
    size = 0
    for place, one in enumerate(series):
        # A bounded number of bytes is copied at a time.
        text = bytes(one.values)
        compact = _pairs_if_compact(text)
        if compact is None or size >= _JSON_BYTES_AT_A_TIME:
            parts.append(_parsed(group))
            group, size = [], 0
        if compact is None:
            parts.append(_parsed_slowly(text))
            counts[place] = len(parts[-1])
        elif compact:
            group.append(text)
            size += len(text)
            counts[place] = compact
    parts.append(_parsed(group))
    return counts, np.concatenate(parts)


def _pairs_if_compact(text: bytes) -> int | None:
    """Return how many pairs `[time,"value"]` the JSON holds, None if it holds anything else.

    The JSON is known to be valid: if nothing but the pairs' punctuation is left when characters
    of numbers are taken away, the numbers are where they belong.
    """
    skeleton = text.translate(None, _OF_NUMBERS)
    pairs, rest = divmod(len(skeleton) - 1, len(_PAIR))
    if pairs and not rest and skeleton == b"[" + (_PAIR * pairs)[:-1] + b"]":
        return pairs
    return 0 if skeleton == text == b"[]" else None


def _parsed(group: Sequence[bytes]) -> FloatArray:
    """Return the samples of several compact texts; pyarrow parses exactly, and with no object."""
    import pyarrow as pa
    import pyarrow.compute

    if not group:
        return np.empty((0, 2))
    numbers = b",".join(group).translate(None, _PUNCTUATION)
    commas = np.flatnonzero(np.frombuffer(numbers, np.uint8) == ord(","))
    ends = np.append(commas, len(numbers)) - np.arange(len(commas) + 1)
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(numbers.translate(None, b","))]
    texts = pa.Array.from_buffers(pa.utf8(), len(ends), buffers)
    try:
        samples: FloatArray = pyarrow.compute.cast(texts, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return np.concatenate([_parsed_slowly(text) for text in group])
    return samples.reshape(-1, 2)


def _parsed_slowly(text: bytes) -> FloatArray:
    """Return the samples of one text in any layout of JSON."""
    pairs = msgspec.json.decode(text, type=list[tuple[float, str]])
    return np.array([(time, float(value)) for time, value in pairs]).reshape(-1, 2)
