"""forewarn_adapters.forecast_ledger"""

import subprocess
import sys

import numpy as np
import pytest

from forewarn_adapters.forecast_ledger import Asked, ForecastLedger, Record
from forewarn_adapters.store import Store
from forewarn_models.forecast_score import IssuedForecast
from forewarn_models.labels import labels_of

HOUR = 3_600_000
LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
SERIES = tuple(labels_of({"disk": name}) for name in "ab")
CAME = np.array([10.0, 20.0])

# Settles all records that are due, and prints how many outcomes it finds counted at the end.
SETTLE_ALL = """
import sys
import numpy as np
from forewarn_adapters.forecast_ledger import ForecastLedger
from forewarn_adapters.store import Store
with Store(sys.argv[1], patience_seconds=30) as store:
    ledger = ForecastLedger(store, "disk")
    print("ready", flush=True)
    sys.stdin.readline()
    for record in ledger.due(until_milliseconds=10**15, limit=100):
        ledger.settle(record, np.array([10.0, 20.0]))
"""


def record(due: int = 0, *, horizon: int = HOUR, version: int = 1) -> Record:
    median = np.array([[11.0], [21.0]])
    quantiles = median + np.array([-2.0, -1.5, 0.0, 1.5, 2.0])
    said = IssuedForecast(SERIES, LEVELS, quantiles, np.array([12.0, 22.0]))
    return Record(horizon, due, version, said)


@pytest.fixture
def ledger(url):
    with Store(url) as store:
        opened = ForecastLedger(store, "disk")
        opened.begin("query", [HOUR, 2 * HOUR])
        yield opened


def dues(ledger: ForecastLedger, *, until: int = 10**15) -> list[tuple[int, int]]:
    found = ledger.due(until_milliseconds=until, limit=100)
    return [(each.horizon_milliseconds, each.due_milliseconds) for each in found]


def test_records_wait_until_they_are_due_the_oldest_first(ledger):
    for due in (3 * HOUR, HOUR, 2 * HOUR):
        ledger.issue(record(due))
    assert dues(ledger, until=2 * HOUR) == [(HOUR, HOUR), (HOUR, 2 * HOUR)]
    (first,) = ledger.due(until_milliseconds=10**15, limit=1)
    assert (first.due_milliseconds, first.version, first.issued.series) == (HOUR, 1, SERIES)
    np.testing.assert_array_equal(first.issued.quantiles, record().issued.quantiles)


def test_what_was_said_first_of_an_instant_stays(ledger):
    ledger.issue(record(HOUR, version=1))
    ledger.issue(record(HOUR, version=2))
    assert [each.version for each in ledger.due(until_milliseconds=HOUR, limit=9)] == [1]


def test_an_outcome_counts_once_and_outlives_the_process(url, ledger):
    ledger.issue(record(HOUR))
    ledger.settle(record(HOUR), CAME)
    ledger.settle(record(HOUR), CAME)
    with Store(url) as store:
        (tally,) = ForecastLedger(store, "disk").tallies().values()
    assert tally.series == SERIES
    assert tally.figures().outcomes == 1
    assert tally.figures().error_ratio == 0.5
    assert dues(ledger) == []


def test_two_replicas_count_every_outcome_once(url, ledger):
    for number in range(30):
        ledger.issue(record(number * HOUR))
        ledger.issue(record(number * HOUR, horizon=2 * HOUR))
    command = [sys.executable, "-c", SETTLE_ALL, url]
    replicas = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for replica in replicas:
        assert replica.stdout.readline() == "ready\n"
    for replica in replicas:
        replica.stdin.write("\n")
        replica.stdin.flush()
    for replica in replicas:
        replica.communicate()
        assert replica.returncode == 0
    expected = (1 - 0.995**30) / (1 - 0.995)
    found = [tally.figures().outcomes for tally in ledger.tallies().values()]
    assert found == pytest.approx([expected, expected])


def test_another_query_begins_anew_and_other_distances_are_forgotten(ledger):
    ledger.issue(record(HOUR))
    ledger.issue(record(HOUR, horizon=2 * HOUR))
    ledger.settle(record(HOUR), CAME)
    ledger.begin("query", [HOUR, 2 * HOUR])
    assert (len(ledger.tallies()), dues(ledger)) == (1, [(2 * HOUR, HOUR)])
    ledger.begin("query", [2 * HOUR])
    assert (len(ledger.tallies()), dues(ledger)) == (0, [(2 * HOUR, HOUR)])
    ledger.ask(Asked(5, 1))
    ledger.begin("other", [2 * HOUR])
    assert (dues(ledger), ledger.asked()) == ([], Asked(0, 0))


def test_signals_do_not_meet(ledger):
    other = ForecastLedger(ledger.store, "network")
    assert other.asked() == Asked(0, 0)
    other.begin("query", [HOUR])
    ledger.issue(record(HOUR))
    other.issue(record(2 * HOUR))
    other.settle(record(2 * HOUR), CAME)
    assert (dues(ledger), dues(other)) == ([(HOUR, HOUR)], [])
    assert (len(ledger.tallies()), len(other.tallies())) == (0, 1)


def test_what_nobody_could_read_for_long_is_dropped(ledger):
    ledger.issue(record(HOUR))
    ledger.issue(record(3 * HOUR))
    ledger.drop(before_milliseconds=2 * HOUR)
    assert dues(ledger) == [(HOUR, 3 * HOUR)]


def test_the_successor_of_a_champion_without_skill_is_judged_by_itself_once(ledger):
    for version in (1, 2):
        ledger.issue(record(version * HOUR, version=version))
        ledger.issue(record(version * HOUR, version=version, horizon=2 * HOUR))
    ledger.settle(record(HOUR), CAME)
    assert not ledger.replaced(version=2)  # nobody has asked
    ledger.ask(Asked(7, 1))
    assert not ledger.replaced(version=1)  # the same one serves on
    assert ledger.replaced(version=2)
    assert (ledger.tallies(), dues(ledger)) == ({}, [(HOUR, 2 * HOUR), (2 * HOUR, 2 * HOUR)])
    assert ledger.asked() == Asked(7, 0)
    ledger.settle(record(2 * HOUR, version=2), CAME)
    assert not ledger.replaced(version=3)
    assert len(ledger.tallies()) == 1
