"""forewarn_adapters.labelled"""

import time
from pathlib import Path

import numpy as np
import pytest

from forewarn_adapters.config.servers import Prometheus, RemoteWrite
from forewarn_adapters.labelled import check_alerts_selector, firing_alerts, read_labels
from forewarn_adapters.local_servers import LocalServer
from forewarn_adapters.prometheus import PrometheusSource
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_models.errors import ConfigError, DataError
from forewarn_models.labels import labels_of

MINUTE = 60_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "incidents.csv"


def test_labels_are_read_in_seconds_or_as_iso_8601(file):
    file.write_text("start,end\n1700000000,1700000060.5\n\n1700000100,1700000100\n")
    labels = read_labels(file)
    assert labels.start_milliseconds.tolist() == [1_700_000_000_000, 1_700_000_100_000]
    assert labels.end_milliseconds.tolist() == [1_700_000_060_500, 1_700_000_100_000]
    assert labels.series == ("", "")
    file.write_text("end,start\n2023-11-14T22:14:20Z,2023-11-14T22:13:20Z\n")
    assert read_labels(file).start_milliseconds.tolist() == [1_700_000_000_000]


def test_a_label_may_name_its_series_and_other_columns_are_passed_over(file):
    file.write_text('start,end,series,ticket\n1,2,"{a=""b""}",7\n3,4,,8\n')
    assert read_labels(file).series == ('{a="b"}', "")


def test_no_labels_are_no_events(file):
    file.write_text("start,end\n")
    assert len(read_labels(file)) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("begin,end\n1,2\n", "labels need the columns `start` and `end`, got 'begin', 'end'"),
        ("start,end\n1,2\n5,4\n", "line 3: `end` must not lie before `start`"),
        ("start,end\n1,2\n5,soon\n", "line 3: a timestamp must be ISO-8601"),
        ("", "a CSV file must be a table in UTF-8"),
    ],
)
def test_labels_that_cannot_be_used_are_refused_with_their_line(file, content, said):
    file.write_text(content)
    with pytest.raises(DataError, match=said):
        read_labels(file)


def test_a_missing_file_is_said_so(file):
    with pytest.raises(DataError, match="a file that can be read is needed"):
        read_labels(file)


@pytest.mark.parametrize("selector", ["up", "sum(ALERTS)", "ALERTS[5m]", "ALERTS{"])
def test_only_alerts_are_alerts(selector):
    with pytest.raises(ConfigError, match="must be a selector of ALERTS"):
        check_alerts_selector(selector)
    check_alerts_selector('ALERTS{alertname="Down", job=~"a|b"}')


def test_alerts_that_fire_in_a_real_prometheus_are_events(prometheus: LocalServer):
    now = time.time_ns() // 1_000_000 // MINUTE * MINUTE
    named = {"__name__": "ALERTS", "alertname": "LabelledTest"}
    series = [labels_of({**named, "alertstate": state}) for state in ("pending", "firing")]
    pending, firing = now - MINUTE * np.arange(45, 40, -1), now - MINUTE * np.arange(40, 30, -1)
    again = now - MINUTE * np.arange(8, 0, -1)
    times = np.concatenate([pending, firing, again])
    row = np.repeat([0, 1, 1], [len(pending), len(firing), len(again)])
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    assert writer.send(series, row, times, np.ones(len(times))).accepted == len(times)
    writer.close()
    source = PrometheusSource(Prometheus(url=prometheus.url, retries=0))
    events = firing_alerts(
        source,
        'ALERTS{alertname="LabelledTest"}',
        start_milliseconds=now - 50 * MINUTE,
        end_milliseconds=now,
    )
    absent = firing_alerts(
        source, 'ALERTS{alertname="None"}', start_milliseconds=now - MINUTE, end_milliseconds=now
    )
    source.close()
    assert events.start_milliseconds.tolist() == [firing[0], again[0]]
    # nothing ended these alerts, so Prometheus looks back for five minutes
    late = (events.end_milliseconds - np.array([firing[-1], now])) // MINUTE
    assert late[0] in {4, 5}
    assert late[1] == 0
    assert len(absent) == 0
