import json
import time
from datetime import UTC, datetime, timedelta

import pytest
import urllib3

from forewarn_adapters import silences
from forewarn_adapters.config.learning import Silences
from forewarn_adapters.local_servers import start_alertmanager
from forewarn_adapters.silences import read_silences
from forewarn_models.errors import SourceRejected, SourceUnavailable
from hostile_server import answering, hostile

MINUTES = 60_000


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory):
    """An Alertmanager of its own: silences would hold back the pages of other tests."""
    directory = tmp_path_factory.mktemp("silences")
    server = start_alertmanager(directory, webhook_url="http://127.0.0.1:1")
    yield server
    server.stop()


def matcher(text):
    for operator, is_regex, is_equal in (("=~", 1, 1), ("!~", 1, 0), ("!=", 0, 0), ("=", 0, 1)):
        name, found, value = text.partition(operator)
        if found:
            more = {"isRegex": bool(is_regex), "isEqual": bool(is_equal)}
            return {"name": name, "value": value, **more}
    raise AssertionError(text)


@pytest.fixture
def silence(alertmanager):
    """Return a function that makes a silence; what is left at the end of the test is ended."""
    made = []

    def make(*matchers, begins_in=0):
        start = datetime.now(UTC) + timedelta(minutes=begins_in)
        body = {
            "matchers": [matcher(text) for text in matchers],
            "startsAt": start.isoformat(),
            "endsAt": (start + timedelta(minutes=60)).isoformat(),
            "createdBy": "tests",
            "comment": "a test",
        }
        url = f"{alertmanager.url}/api/v2/silences"
        answer = urllib3.request("POST", url, json=body)
        assert answer.status == 200, answer.data
        made.append(json.loads(answer.data)["silenceID"])
        return made[-1]

    yield make
    for one in made:
        end(alertmanager, one)


def end(alertmanager, silence):
    urllib3.request("DELETE", f"{alertmanager.url}/api/v2/silence/{silence}")


@pytest.fixture
def hides(alertmanager):
    """Return a function that tells whether any silence now hides a series of the signal `load`."""

    def told(**labels):
        now = time.time_ns() // 1_000_000
        return any(
            each.start_milliseconds <= now < each.end_milliseconds
            and all(matcher.accepts(labels) for matcher in each.matchers)
            for each in read(alertmanager)
        )

    return told


def read(alertmanager, *matchers):
    settings = Silences(url=alertmanager.url, matchers=matchers)
    return read_silences(settings, labels={"signal": "load", "team": "checkout"})


def test_an_active_silence_is_an_interval_of_the_series_that_it_matches(
    alertmanager, silence, hides
):
    before = time.time_ns() // 1_000_000
    silence("service=~pay.*", "zone!=eu")
    (interval,) = (each for each in read(alertmanager) if each.end_milliseconds > before)
    assert before - 1_000 < interval.start_milliseconds < before + 60_000
    assert abs(interval.end_milliseconds - before - 60 * MINUTES) < 60_000
    assert hides(service="payments", zone="us")
    assert hides(service="payments")
    assert not hides(service="payments", zone="eu")
    assert not hides(service="orders")


def test_an_expired_silence_ends_when_it_was_ended(alertmanager, silence, hides):
    one = silence("service=gone")
    assert hides(service="gone")
    end(alertmanager, one)
    assert not hides(service="gone")
    ended = [each for each in read(alertmanager) if str(each.matchers).count("gone")]
    assert [each.end_milliseconds <= time.time_ns() // 1_000_000 for each in ended] == [True]


def test_a_silence_that_is_to_come_hides_nothing(alertmanager, silence):
    silence("service=tomorrow", begins_in=1_000)
    assert not [each for each in read(alertmanager) if str(each.matchers).count("tomorrow")]


@pytest.mark.parametrize(
    ("matchers", "is_hidden"),
    [
        (("signal=load", "service=api"), True),
        (("signal=other", "service=api"), False),
        (("team=~check.*", "service=api"), True),
        (("team=platform", "service=api"), False),
        # one of our own pages, as the button in Alertmanager makes it
        (("alertname=ForewarnEpisode", "direction=up", "severity=critical", "service=api"), True),
        (("alertname=NodeDown", "service=api"), False),
        (("alertname!=Watchdog", "service=api"), True),
        (("severity=warning", "service=api"), False),
    ],
)
def test_a_silence_of_other_alerts_hides_no_series(silence, hides, matchers, is_hidden):
    silence(*matchers)
    assert hides(service="api") == is_hidden


def test_only_silences_with_the_matchers_of_the_configuration_are_read(alertmanager, silence):
    silence("service=a", "reason=maintenance")
    silence("service=b", "reason=noise")
    found = read(alertmanager, 'reason="maintenance"')
    assert [str(each.matchers).count("noise") for each in found] == [0]


def test_too_many_silences_are_refused(alertmanager, silence, monkeypatch):
    silence("service=a")
    monkeypatch.setattr(silences, "MOST_SILENCES", 0)
    with pytest.raises(SourceRejected, match="at most 0 silences can be read, got "):
        read(alertmanager)


def test_a_matcher_that_alertmanager_does_not_know_is_told(alertmanager):
    with pytest.raises(SourceRejected, match="HTTP 400"):
        read(alertmanager, 'reason=~"(("')


@pytest.mark.parametrize("body", ["", "{}", '[{"matchers": 1}]', "[" * 100_000, b"\xff\xfe"])
def test_an_answer_of_another_form_is_told(body):
    with hostile(answering(200, body)) as server, pytest.raises(SourceUnavailable) as caught:
        read(server)
    assert "an Alertmanager must answer with its silences, got " in str(caught.value)
