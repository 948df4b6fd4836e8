"""The silences of an Alertmanager, over its API of version 2."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

import msgspec

from forewarn_adapters.config.learning import Silences
from forewarn_adapters.http import HttpClient, HttpLimits, shown
from forewarn_adapters.prometheus_answer import failure_of
from forewarn_adapters.selectors import Matcher, check_pattern
from forewarn_models.errors import SourceRejected, SourceUnavailable
from forewarn_models.masks import Interval

MOST_SILENCES = 10_000
_ANSWER_BYTES = 1 << 25
_RETRIES = 2
# Our own page: a silence of it holds for the series that it is about. These of its labels say
# which of the pages of a series is meant, and not which series.
_PAGE = {"alertname": "ForewarnEpisode"}
_OF_PAGES = ("alertname", "severity", "direction")


class _Status(msgspec.Struct):
    state: Literal["active", "expired", "pending"]


class _Matcher(msgspec.Struct, rename="camel"):
    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class _Silence(msgspec.Struct, rename="camel"):
    starts_at: datetime
    ends_at: datetime
    status: _Status
    matchers: tuple[_Matcher, ...]


def read_silences(settings: Silences, *, labels: Mapping[str, str]) -> tuple[Interval, ...]:
    """Return the times of the silences that are active or expired, with the series they are of.

    `labels` are those that all alerts of the series have beside the series' own.

    Raises SourceError when the Alertmanager gives no usable answer.
    """
    limits = HttpLimits(connections=1, retries=_RETRIES, answer_bytes=_ANSWER_BYTES)
    client = HttpClient(settings, limits)
    query = urlencode([("filter", matcher) for matcher in settings.matchers])
    try:
        answer = client.get(f"/api/v2/silences?{query}" if query else "/api/v2/silences", {})
    finally:
        client.close()
    if answer.status != 200:
        raise failure_of(answer)
    return tuple(_intervals(_decoded(bytes(answer.body)), labels))


def _decoded(body: bytes) -> list[_Silence]:
    try:
        silences = msgspec.json.decode(body, type=list[_Silence])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise SourceUnavailable(
            f"an Alertmanager must answer with its silences, got {shown(str(broken))}"
        ) from broken
    if len(silences) > MOST_SILENCES:
        raise SourceRejected(
            f"at most {MOST_SILENCES} silences can be read, got {len(silences)}: choose among them "
            "with `matchers`"
        )
    return silences


def _intervals(silences: list[_Silence], labels: Mapping[str, str]) -> Iterator[Interval]:
    for silence in silences:
        matchers = _of_series(silence, labels)
        if silence.status.state != "pending" and matchers is not None:
            start, end = (
                round(at.timestamp() * 1_000) for at in (silence.starts_at, silence.ends_at)
            )
            yield Interval(start, end, matchers)


def _of_series(silence: _Silence, labels: Mapping[str, str]) -> tuple[Matcher, ...] | None:
    """Return what a silence asks of the series' own labels; None when it is of other alerts."""
    asked = [_matcher(each) for each in silence.matchers]
    alert = next((each for each in asked if each.label == "alertname"), None)
    if alert is not None and not alert.accepts({}) and alert.accepts(_PAGE):
        asked = [each for each in asked if each.label not in _OF_PAGES]
    if not all(each.accepts(labels) for each in asked if each.label in labels):
        return None
    return tuple(each for each in asked if each.label not in labels)


def _matcher(said: _Matcher) -> Matcher:
    operator = {(False, True): "=", (False, False): "!=", (True, True): "=~", (True, False): "!~"}
    matcher = Matcher(said.name, operator[said.is_regex, said.is_equal], said.value)
    check_pattern(matcher)
    return matcher
