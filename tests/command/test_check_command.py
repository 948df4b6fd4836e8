import gzip
import json
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import urllib3

from forewarn_adapters.config.servers import RemoteWrite
from forewarn_adapters.local_servers import (
    LocalServer,
    PrometheusSettings,
    ScrapeJob,
    start_prometheus,
)
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_models.labels import labels_of
from hostile_server import answering, hostile
from webhook import wait_until

CONFIG = """
prometheus: {{url: "{url}", retries: 0, timeout: 5s}}
remote_write: {{url: "{url}/api/v1/write"}}
budgets: {{checkout: 1/week}}
signals:
  - {{name: load, query: check_load_ratio, step: 30s, history: 43m, team: checkout, budget: 1/14d}}
  - name: sum_of_load
    query: sum(check_load_ratio)
    step: 30s
    history: 28d
    forecast: {{horizon: 7d}}
"""


@pytest.fixture
def check(run_forewarn, clean_directory):
    """Return a function that runs `forewarn check` and gives its exit code and output."""
    return partial(run_forewarn, "check")


def write(text: str, path: str = "forewarn.yaml") -> None:
    Path(path).write_text(text)


@pytest.fixture(scope="session")
def three_series(prometheus: LocalServer) -> str:
    """Three series of forty minutes in a real Prometheus; the answer is its url."""
    now = time.time_ns() // 1_000_000
    times = now - 30_000 * np.arange(81)[::-1]
    series = [
        labels_of({"__name__": "check_load_ratio", "instance": name}) for name in ("a", "b", "c")
    ]
    row = np.repeat(np.arange(3), len(times))
    values = np.tile(np.linspace(0.0, 1.0, len(times)), 3)
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    assert writer.send(series, row, np.tile(times, 3), values).accepted == len(row)
    writer.close()
    return prometheus.url


def test_a_right_configuration_is_told_in_a_table(check):
    write(CONFIG.format(url="http://localhost:9090"))
    assert check() == (
        0,
        """\
forewarn.yaml is right: 2 signals from http://localhost:9090; \
scores are written to http://localhost:9090/api/v1/write;
models in sqlite:///mlruns/mlflow.db.

SIGNAL       STEP  HISTORY  FORECAST  TEAM      BUDGET  FALSE PAGES A WEEK
load         30s   43m      -         checkout  1/14d   0.50 a series
sum_of_load  30s   28d      7d        -         1/30d   0.23 a series

team checkout: 0.50 false pages a week, if each signal had one series; accepts 1.00
signals without a team: 0.23 false pages a week, if each signal had one series
""",
        "",
    )


def test_files_are_a_source_too(check):
    write("files: [cpu.csv]\nsignals: [{name: up, query: up}]", "other.yaml")
    code, out, _ = check("--config", "other.yaml")
    assert code == 0
    assert out.startswith(
        "other.yaml is right: 1 signal from 1 file; scores wait to be scraped at "
        "127.0.0.1:9464/metrics;\n"
    )


def test_a_refused_configuration_lists_every_problem_and_exits_2(check):
    write('prometheus: {url: "http://x"}\nsignals:\n  - {name: a, query: b, stpe: 5, step: 5}\n')
    said = (
        "forewarn: forewarn.yaml:3: signals[0].step: a duration must be whole numbers with units "
        "ms, s, m, h, d, w or y, such as 30s, 1h30m or 28d, got 5\n"
        "forewarn: forewarn.yaml:3: signals[0].stpe: unknown key; did you mean 'step'?\n"
    )
    assert check() == (2, "", said)


def test_a_missing_configuration_exits_2(check):
    said = "forewarn: forewarn.yaml: the file must be readable: No such file or directory\n"
    assert check() == (2, "", said)


def test_a_variable_of_the_environment_is_read(check, monkeypatch):
    write('prometheus: {url: "${FOREWARN_TEST_URL}"}\nsignals: [{name: up, query: up}]')
    assert check()[0] == 2
    monkeypatch.setenv("FOREWARN_TEST_URL", "http://localhost:9090")
    assert check()[0] == 0


def test_the_effective_configuration_is_printed_without_secrets(check):
    write(
        'prometheus: {url: "http://localhost:9090", bearer_token: hunter2}\n'
        "signals: [{name: up, query: up}]"
    )
    code, out, _ = check("--print")
    assert code == 0
    assert "  bearer_token: '****************'\n" in out
    assert "  history: 28d\n" in out
    assert "hunter2" not in out


def test_of_a_calendars_url_the_host_alone_is_printed(check):
    write(
        'prometheus: {url: "http://localhost:9090"}\n'
        "signals: [{name: up, query: up}]\n"
        "masks:\n"
        "  - {ical: 'https://calendar.example:8443/private-3f2a/basic.ics?key=1'}\n"
        "  - {ical: {url: 'http://other.example/private-9c1e.ics'}}\n"
        "  - {ical: private/own.ics}\n"
    )
    code, out, _ = check("--print")
    assert code == 0
    assert "ical: https://calendar.example:8443\n" in out
    assert "url: http://other.example\n" in out
    assert "private-" not in out
    assert "private/own.ics\n" in out


def test_more_false_pages_than_a_team_accepts_are_a_warning(check):
    write(CONFIG.format(url="http://localhost:9090").replace("budget: 1/14d", "budget: 3/week"))
    code, out, _ = check()
    assert code == 0
    assert out.endswith(
        "\nwarning: team checkout: its signals allow at least 3.00 false pages a week and it "
        "accepts 1.00: give its signals a stricter `budget`, such as 1/1y, or let it accept more "
        "in `budgets`\n"
    )


def test_every_query_is_run_on_a_real_prometheus(check, three_series):
    write(CONFIG.format(url=three_series))
    code, out, _ = check("--against-prometheus")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    heading = next(line for line in lines if line[:1] == ["SIGNAL"])
    assert heading[-6:] == ["SERIES", "HISTORY", "THERE", "METRIC", "TYPES", "BOUNDS"]
    row = next(line for line in lines if line[:1] == ["load"])
    assert row[6:11] == ["1.50", "3", "40", "minutes", "-"]
    assert " ".join(row[11:]) == "0 to 1: check_load_ratio ends in _ratio"
    assert "team checkout: 1.50 false pages a week; accepts 1.00" in out
    assert "warning: team checkout: its signals allow 1.50 false pages a week" in out
    assert "warning: signal sum_of_load: it has " in out  # far less history than 28d


@pytest.mark.parametrize(
    ("regressor", "told"),
    [
        ("max(check_load_ratio)", "of history, `forecast.history` asks for 28d"),
        ("check_nobody", "it gives no series now and gave none in the last 28d"),
        ("max(check_load_ratio", "parse error"),
    ],
)
def test_a_regressor_that_cannot_be_used_is_a_warning(check, three_series, regressor, told):
    text = CONFIG.format(url=three_series)
    write(text.replace("{horizon: 7d}", f"{{horizon: 7d, regressor: {regressor}}}"))
    code, out, _ = check("--against-prometheus")
    assert code == 0
    (warning,) = (line for line in out.splitlines() if "regressor" in line)
    assert warning.startswith("warning: signal sum_of_load: its `forecast.regressor`: ")
    assert told in warning


def test_the_answer_for_machines_holds_the_same(check, three_series):
    write(CONFIG.format(url=three_series))
    code, out, _ = check("--against-prometheus", "--json")
    assert code == 0
    report = json.loads(out)
    load = report["signals"][0]
    assert (load["name"], load["series"], load["problems"]) == ("load", 3, [])
    assert load["metric_types"] == {}
    assert load["bounds"] == {"low": 0.0, "high": 1.0, "why": "check_load_ratio ends in _ratio"}
    assert 2_000 < load["history_there_seconds"] < 2_500
    assert report["teams"][0] == {
        "team": "checkout",
        "pages_per_week": 1.5,
        "accepted_per_week": 1.0,
    }
    first, second, _ = report["warnings"]
    assert "`history` asks for 28d" in first
    assert "`forecast.history` asks for 28d" in second
    plain = json.loads(check("--json")[1])
    assert "series" not in plain["signals"][0]
    assert plain["signals"][0]["step_seconds"] == 30.0


SCRAPED = """\
# TYPE visits_total counter
visits_total 3
# TYPE load_ratio gauge
load_ratio 0.5
# TYPE wait_seconds histogram
wait_seconds_bucket{le="+Inf"} 3
wait_seconds_sum 4
wait_seconds_count 3
"""
OF_SCRAPED = """
prometheus: {{url: "{url}", retries: 0}}
signals:
  - {{name: visits, query: sum(visits_total)}}
  - {{name: waits, query: wait_seconds_bucket}}
  - {{name: load, query: load_ratio}}
  - {{name: mean_wait, query: "rate(wait_seconds_sum[5m]) / rate(wait_seconds_count[5m])"}}
"""


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The url of a Prometheus that scrapes a counter, a gauge and a histogram."""
    kind = {"Content-Type": "text/plain; version=0.0.4"}
    with hostile(answering(200, SCRAPED, kind)) as target:
        jobs = [ScrapeJob("typed", target.url.removeprefix("http://"), interval="100ms")]
        directory = tmp_path_factory.mktemp("scraping")
        server = start_prometheus(directory, PrometheusSettings(jobs=jobs))
        query = {"query": "rate(wait_seconds_sum[5m])"}
        url = f"{server.url}/api/v1/query"
        wait_until(lambda: urllib3.request("GET", url, fields=query).json()["data"]["result"])
        yield server.url
        server.stop()


def test_the_types_of_metrics_are_told_and_what_to_write_for_counters(check, scraping):
    write(OF_SCRAPED.format(url=scraping))
    code, out, _ = check("--against-prometheus")
    assert code == 0
    rows = [re.split(" {2,}", line) for line in out.splitlines()[3:8]]
    types = {row[0]: row[-2] for row in rows}
    assert types == {
        "SIGNAL": "METRIC TYPES",
        "visits": "visits_total counter",
        "waits": "wait_seconds_bucket histogram",
        "load": "load_ratio gauge",
        "mean_wait": "wait_seconds_sum histogram, wait_seconds_count histogram",
    }
    assert {row[0]: row[-1] for row in rows} == {
        "SIGNAL": "BOUNDS",
        "visits": "at least 0: visits_total is a counter",
        "waits": "at least 0: wait_seconds_bucket counts what a histogram has seen",
        "load": "0 to 1: load_ratio ends in _ratio",
        "mean_wait": "at least 0: rate is never negative",
    }
    told = [line for line in out.splitlines() if "grow" in line]
    visits, waits = told
    assert visits == (
        "warning: signal visits: visits_total is a counter, which only grows: "
        "write sum(rate(visits_total[5m])) in its place"
    )
    assert waits.endswith(
        "write histogram_quantile(0.99, rate(wait_seconds_bucket[5m])) in its place"
    )
    report = json.loads(check("--against-prometheus", "--json")[1])
    assert report["signals"][0]["metric_types"] == {"visits_total": "counter"}
    assert [line for line in report["warnings"] if "grow" in line] == [
        line.removeprefix("warning: ") for line in told
    ]


BOUNDED = """
prometheus: {{url: "{url}", retries: 0}}
signals:
  - {{name: own, query: check_load_ratio, history: 43m, bounds: [0, 0.5]}}
  - {{name: percent, query: 100 * check_load_ratio, history: 43m, bounds: [null, 100]}}
  - {{name: twice, query: "label_replace(2 * check_load_ratio, 'a', '', '', '')", history: 43m}}
  - {{name: over, query: "avg_over_time(check_load_ratio[1m]) > 0.5", history: 43m}}
"""


def test_bounds_are_told_with_why_and_a_history_beyond_configured_ones_is_a_warning(
    check, three_series
):
    write(BOUNDED.format(url=three_series))
    code, out, _ = check("--against-prometheus")
    assert code == 0
    rows = [re.split(" {2,}", line) for line in out.splitlines()[4:8]]
    assert {row[0]: row[-1] for row in rows} == {
        "own": "0 to 0.5: its `bounds`",
        "percent": "at most 100: its `bounds`",
        "twice": "at least 0: check_load_ratio ends in _ratio",
        "over": "-",
    }
    (warning,) = [line for line in out.splitlines() if "beyond" in line]
    beyond = (
        r"warning: signal own: its history goes from 0[.\d]* to [01][.\d]*, beyond its `bounds`"
    )
    assert re.fullmatch(f"{beyond}: widen them, or write `bounds: auto`", warning)
    signals = json.loads(check("--against-prometheus", "--json")[1])["signals"]
    assert [(each["bounds"]["low"], each["bounds"]["high"]) for each in signals] == [
        (0.0, 0.5),
        (None, 100.0),
        (0.0, None),
        (None, None),
    ]
    assert "bounds" not in json.loads(check("--json")[1])["signals"][0]


MASKED = """
prometheus: {{url: "{url}", retries: 0, timeout: 5s}}
masks:
  - {{ical: maintenance.ics, padding: 5m}}
  - {{query: "sum(check_load_ratio) > 1.5"}}
  - {{silences: {{url: "http://127.0.0.1:1"}}}}
signals:
  - {{name: load, query: check_load_ratio, step: 30s, history: 43m}}
  - {{name: sum_of_load, query: sum(check_load_ratio), history: 28d}}
  - {{name: all, query: check_load_ratio, masks: []}}
"""


def test_how_many_hours_each_mask_hides_is_told_and_which_cannot_be_read(check, three_series):
    now = time.gmtime(time.time() - 3 * 86_400)
    write(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n"
        f"DTSTART:{time.strftime('%Y%m%dT%H%M%SZ', now)}\nDURATION:PT2H20M\n"
        "END:VEVENT\nEND:VCALENDAR\n",
        "maintenance.ics",
    )
    write(MASKED.format(url=three_series))
    code, out, _ = check("--against-prometheus")
    assert code == 1
    lines = out.splitlines()
    of_calendar = "hours are hidden by the calendar maintenance.ics with 5m around"
    assert f"signal load: 0.0 {of_calendar}" in lines
    assert f"signal sum_of_load: 2.5 {of_calendar}" in lines
    of_query = "hours are hidden by the query sum(check_load_ratio) > 1.5"
    assert f"signals load, sum_of_load: 0.3 {of_query}" in lines
    refused = "nothing is hidden by the silences of http://127.0.0.1:1: http://127.0.0.1:1 must be"
    assert f"error: signals load, sum_of_load: {refused}" in out
    signals = json.loads(check("--against-prometheus", "--json")[1])["signals"]
    assert [round(mask["hours"], 1) for mask in signals[1]["masks"]] == [2.5, 0.3, 0.0]
    assert [bool(mask["problem"]) for mask in signals[1]["masks"]] == [False, False, True]
    assert signals[2]["masks"] == []


def test_a_mask_whose_query_is_refused_exits_1(check, three_series):
    write(MASKED.format(url=three_series).replace("> 1.5", ">> 1.5"))
    code, out, _ = check("--against-prometheus")
    assert code == 1
    assert ">> 1.5: the query is refused (HTTP 400): bad_data: " in out
    errors = json.loads(check("--against-prometheus", "--json")[1])["errors"]
    assert len([error for error in errors if ">> 1.5" in error]) == 1


def test_a_query_that_is_wrong_or_finds_nothing_exits_1_and_the_others_are_told(
    check, three_series
):
    write(f"""
prometheus: {{url: "{three_series}", retries: 0}}
signals:
  - {{name: load, query: check_load_ratio, history: 43m}}
  - {{name: wrong, query: "sum(("}}
  - {{name: nobody, query: nobody_has_this}}
""")
    code, out, _ = check("--against-prometheus")
    assert code == 1
    assert "warning: " not in out
    assert "error: signal wrong: the query is refused (HTTP 400): bad_data: " in out
    assert "error: signal nobody: it gives no series now and gave none in the last " in out
    assert "\nload " in out
    row = next(line for line in out.splitlines() if line.startswith("wrong "))
    assert row.split()[-4:] == ["-", "-", "-", "-"]
    errors = json.loads(check("--against-prometheus", "--json")[1])["errors"]
    assert [error.split(":")[0] for error in errors] == ["signal wrong", "signal nobody"]


def test_a_prometheus_that_is_down_is_told_once_and_exits_1(check):
    signals = "".join(f"  - {{name: s{number}, query: up}}\n" for number in range(7))
    write(f'prometheus: {{url: "http://127.0.0.1:1", retries: 0}}\nsignals:\n{signals}')
    code, out, _ = check("--against-prometheus")
    assert code == 1
    said = "error: signals s0, s1, s2, s3, s4 and 2 more: http://127.0.0.1:1 must be reachable: "
    assert out.splitlines()[-1].startswith(said)
    assert out.count("error: ") == 1


def test_files_cannot_be_asked_like_a_prometheus(check):
    write("files: [cpu.csv]\nsignals: [{name: up, query: up}]")
    said = "forewarn: --against-prometheus needs `prometheus` in the file, got `files`\n"
    assert check("--against-prometheus") == (2, "", said)


def test_history_is_told_in_words_that_fit():
    from forewarn.commands.check import _in_words

    cases = {None: "-", 90.0: "2 minutes", 9_000.0: "2.5 hours", 864_000.0: "10.0 days"}
    assert {seconds: _in_words(seconds) for seconds in cases} == cases


LOGS = """
logs:
  sources:
    - {name: app, files: [/var/log/app.log, /var/log/web*.log], service: shop, format: json}
    - {name: cluster, loki: {url: "http://loki:3100", query: '{a="b"}'}}
    - {name: archive, victorialogs: {url: "http://logs:9428", query: "*"}}
    - {name: search, elasticsearch: {url: "http://search:9200", index: "logs-*"}}
    - {name: sdk, otlp: {}}
    - {name: net, syslog: {listen: "127.0.0.1:6514", transport: udp}}
"""


def test_sources_of_log_lines_are_told_in_a_table(check):
    write(CONFIG.format(url="http://localhost:9090") + LOGS)
    code, told, _ = check()
    assert code == 0
    assert (
        """
LOG SOURCE  KIND           WHERE                                FORMAT  SERVICE
app         files          /var/log/app.log, /var/log/web*.log  json    shop
cluster     loki           http://loki:3100                     auto    as they say
archive     victorialogs   http://logs:9428                     auto    as they say
search      elasticsearch  http://search:9200                   auto    as they say
sdk         otlp           127.0.0.1:4318                       auto    as they say
net         syslog         127.0.0.1:6514 (udp)                 auto    as they say

"""
        in told
    )
    assert (
        "logs: at most 100 patterns of a service have series, 5,000 are known of all; new "
        "patterns: 1/7d a service\n" in told
    )
    logs = json.loads(check("--json")[1])["logs"]
    assert logs[0] == {
        "name": "app",
        "kind": "files",
        "where": "/var/log/app.log, /var/log/web*.log",
        "format": "json",
        "service": "shop",
    }
    assert [entry["service"] for entry in logs[1:]] == [None] * 5


def test_logs_need_no_signals(check):
    write("a line\n", "app.log")
    logs = "logs: {sources: [{name: app, files: [app.log]}]}\n"
    write('prometheus: {url: "http://localhost:9090"}\n' + logs)
    code, told, _ = check()
    assert code == 0
    assert "0 signals from http://localhost:9090" in told
    assert "SIGNAL" not in told
    assert "\n\nLOG SOURCE" in told


def test_files_that_nobody_can_follow_now_are_warnings(check):
    write("a line\n", "app.log")
    for name in ("old.1.log.gz", "old.2.log.gz"):
        Path(name).write_bytes(gzip.compress(b"a line\n"))
    sources = """
logs:
  sources:
    - {name: app, files: [app.log, "missing/*.log"]}
    - {name: old, files: ["old.*"]}
    - {name: denied, files: [/proc/self/mem]}
"""
    write(CONFIG.format(url="http://localhost:9090") + sources)
    code, told, _ = check()
    assert code == 0
    warnings = [line for line in told.splitlines() if line.startswith("warning: log source")]
    assert warnings[0].endswith("missing/*.log selects no file yet: one that comes is read")
    assert "(and 1 more) is compressed: only text is followed; `zcat` shows" in warnings[1]
    assert warnings[2].startswith("warning: log source denied: /proc/self/mem cannot be read: ")
    assert len(warnings) == 3


def test_without_logs_none_are_told(check):
    write(CONFIG.format(url="http://localhost:9090"))
    assert "log" not in check()[1]
    assert json.loads(check("--json")[1])["logs"] == []


RULE = """
title: {title}
id: 11111111-2222-4333-8444-{number:012d}
logsource: {{category: application}}
detection: {{selection: {{message|re: '{pattern}'}}, condition: selection}}
level: low
"""


def test_security_rules_are_checked_too(check):
    write(CONFIG.format(url="http://localhost:9090") + LOGS + "  security: {rules: [own.yml]}\n")
    write(RULE.format(title="Any digits", number=1, pattern="[0-9]+"), "own.yml")
    code, told, _ = check()
    assert code == 0
    assert "is held against every line of its log source" in told
    assert told.count("warning: security rule") == 1
    write("title: nothing else", "own.yml")
    code, _, complaint = check()
    assert code == 2
    assert "own.yml" in complaint
