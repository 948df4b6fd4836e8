"""Writing samples to Prometheus, or to a server with its remote write receiver."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cramjam
import numpy as np

from forewarn_adapters.clock import Clock, now_milliseconds
from forewarn_adapters.config.servers import RemoteWrite
from forewarn_adapters.http import Answer, HttpClient, HttpLimits, is_transient
from forewarn_adapters.remote_write_request import (
    EARLIEST_MILLISECONDS,
    SeriesCache,
    encode_request,
)
from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.errors import SourceError, WriteError
from forewarn_models.labels import Labels
from forewarn_models.samples import Samples

# A sample more than an hour ahead makes Prometheus refuse all others; clocks differ by less.
MOST_AHEAD_MILLISECONDS = 5 * 60_000

_HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_RETRIES = 4
_CONNECTIONS = 2
_ANSWER_BYTES = 1 << 20
# Refused one by one for an unknown reason, and none accepted: it is not the samples.
_MOST_UNEXPLAINED = 20

_REASONS = {
    "too old sample": "too_old",
    "too-old": "too_old",
    "out of order": "out_of_order",
    "out-of-order": "out_of_order",
    "out of bounds": "out_of_bounds",
    "duplicate sample": "duplicate",
    "duplicate-timestamp": "duplicate",
}
# These depend on the time only: what is older than a sample so refused is refused as well.
_REFUSED_BY_AGE = frozenset({"too_old", "out_of_bounds"})
AHEAD = "ahead_of_now"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """What became of samples: how many landed, how many never can, by reason.

    Reasons: `out_of_order`, `out_of_bounds`, `duplicate` (another value is there at that time),
    `too_old`, `ahead_of_now` (more than five minutes; never sent) and `other`.
    """

    accepted: int
    refused: Mapping[str, int]


@dataclass(slots=True)
class _Tally:
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    newest_refused: dict[str, int] = field(default_factory=dict)


class RemoteWriter:
    """Sends samples in batches; a refused batch is split until only the bad samples are lost."""

    def __init__(self, settings: RemoteWrite, *, clock: Clock = now_milliseconds) -> None:
        self._client = HttpClient(settings, HttpLimits(_CONNECTIONS, _RETRIES, _ANSWER_BYTES))
        self._batch_samples = settings.batch_samples
        self._clock = clock
        self._cache = SeriesCache()

    def send(
        self,
        series: Sequence[Labels],
        row: IntegerArray,
        timestamp_milliseconds: IntegerArray,
        value: FloatArray,
    ) -> WriteOutcome:
        """Write samples and return what became of them; sending some twice does no harm.

        Args:
            series: the labels of the rows, `__name__` among them.
            row: (n,) the row of each sample.
            timestamp_milliseconds: (n,) in any order.
            value: (n,) NaN is written as NaN.

        Raises WriteError when the server cannot be reached, fails or refuses whole requests; the
        same samples can be sent again later.
        """
        tally = _Tally()
        samples = Samples(tuple(series), row, timestamp_milliseconds, value)
        samples = _in_order(self._without_hopeless(samples, tally))
        for start in range(0, len(samples), self._batch_samples):
            batch = np.arange(start, min(start + self._batch_samples, len(samples)))
            self._deliver(samples.select(batch), tally)
        return WriteOutcome(tally.accepted, dict(tally.refused))

    def close(self) -> None:
        """Close the connections; a wait for the next try ends at once."""
        self._client.close()

    def _without_hopeless(self, samples: Samples, tally: _Tally) -> Samples:
        timestamp = samples.timestamp_milliseconds
        is_ahead = timestamp > self._clock() + MOST_AHEAD_MILLISECONDS
        is_ancient = timestamp < EARLIEST_MILLISECONDS
        tally.refused.update({AHEAD: int(is_ahead.sum())} if is_ahead.any() else {})
        tally.refused.update({"too_old": int(is_ancient.sum())} if is_ancient.any() else {})
        return samples.select(~(is_ahead | is_ancient))

    def _deliver(self, samples: Samples, tally: _Tally) -> None:
        samples = _young_enough(samples, tally)
        if not len(samples):
            return
        answer = self._post(samples)
        if answer.status < 300:
            tally.accepted += len(samples)
        elif len(samples) > 1:
            half = len(samples) // 2
            self._deliver(samples.select(np.arange(half)), tally)
            self._deliver(samples.select(np.arange(half, len(samples))), tally)
        else:
            _count_refusal(samples, answer, tally)

    def _post(self, samples: Samples) -> Answer:
        request = encode_request(
            samples.series,
            samples.row,
            samples.timestamp_milliseconds,
            samples.value,
            cache=self._cache,
        )
        body = bytes(cramjam.snappy.compress_raw(request))
        try:
            answer = self._client.post("", body, headers=_HEADERS, may_change=_may_change)
        except SourceError as failure:
            raise WriteError(f"remote write: {failure}") from failure
        if answer.status >= 300 and answer.status not in {400, 413} and _may_be_all(answer):
            raise WriteError(
                f"remote write: {self._client.name} must accept samples, "
                f"got HTTP {answer.status}: {answer.text()}"
            )
        return answer


def refusal_reason(answer: Answer) -> str:
    """Return why the server refused samples, by its own words."""
    said = answer.body[:10_000].decode(errors="replace").lower()
    return next((reason for words, reason in _REASONS.items() if words in said), OTHER)


def _may_change(answer: Answer) -> bool:
    # Prometheus 2 with an out-of-order window answers 500 to a sample that is too old for it.
    return is_transient(answer) and _may_be_all(answer)


def _may_be_all(answer: Answer) -> bool:
    return refusal_reason(answer) == OTHER


def _in_order(samples: Samples) -> Samples:
    """Return samples series by series in order of time: Prometheus drops what goes back in it."""
    return samples.select(np.lexsort((samples.timestamp_milliseconds, samples.row)))


def _young_enough(samples: Samples, tally: _Tally) -> Samples:
    for reason, newest_refused in tally.newest_refused.items():
        is_refused = samples.timestamp_milliseconds <= newest_refused
        if is_refused.any():
            tally.refused[reason] += int(is_refused.sum())
            samples = samples.select(~is_refused)
    return samples


def _count_refusal(sample: Samples, answer: Answer, tally: _Tally) -> None:
    reason = refusal_reason(answer)
    tally.refused[reason] += 1
    if reason in _REFUSED_BY_AGE:
        tally.newest_refused[reason] = int(sample.timestamp_milliseconds[0])
    if reason == OTHER and not tally.accepted and tally.refused[OTHER] >= _MOST_UNEXPLAINED:
        raise WriteError(
            f"remote write: the server refuses every sample with HTTP {answer.status}: "
            f"{answer.text()}"
        )
