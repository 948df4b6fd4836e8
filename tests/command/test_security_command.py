"""forewarn.commands.security"""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from forewarn_models.lines.warming import warm_lines

Run = Callable[..., tuple[object, str, str]]
RULE = (
    "title: Alpha seen\nname: alpha\nlogsource: {product: linux}\nlevel: high\n"
    "detection: {a: [alpha], condition: a}\n"
)
FAILED = "Nov 27 10:00:{:02} web1 sshd[8]: Failed password for root from 203.0.113.9 port 22 ssh2\n"
CONFIG = """\
prometheus: {url: http://127.0.0.1:9090}
signals: [{name: up, query: up}]
logs:
  sources:
    - name: cluster
      loki: {url: http://127.0.0.1:3100, query: '{namespace="prod"} |= "x"'}
  security: {shipped: false, rules: [mine]}
"""


@pytest.fixture(scope="module", autouse=True)
def _lines_compiled() -> None:
    warm_lines()


def test_scan_shows_what_goes_on_the_worst_first(run_forewarn: Run, tmp_path: Path) -> None:
    log, out = tmp_path / "auth.log", tmp_path / "events.jsonl"
    lines = [FAILED.format(second) for second in range(9)]
    lines += ["Nov 27 10:01:00 web1 cron[9]: (root) CMD (true)\n"]
    lines += ["Nov 27 10:02:00 web1 useradd[9]: new user: name=eve, UID=0, GID=0\n"]
    log.write_text("".join(lines))
    code, shown, said = run_forewarn("security", "scan", str(log), "--out", str(out))
    assert code == 0
    rows = shown.splitlines()
    assert rows[0].split() == [
        "level",
        "event",
        "lines",
        "from",
        "account",
        "host",
        "began",
        "newest",
    ]
    assert [row.split()[0] for row in rows[1:] if row[0] != " "] == ["critical", "high", "medium"]
    assert "203.0.113.9" in shown
    assert "eve" in shown
    assert said.endswith("11 lines, 4 events, 3 shown\n")
    events = [json.loads(line) for line in out.read_text().splitlines()]
    assert [event["rule_name"] for event in events] == [
        "new_account_with_root_rights",
        "ssh_brute_force_by_source",
        "new_account",
        "ssh_failed_login",
    ]
    assert events[1]["count"] == 9
    assert events[1]["source_address"] == "203.0.113.9"
    assert events[1]["began"].endswith("-11-27T10:00:04Z")
    assert events[1]["newest"].endswith("-11-27T10:00:08Z")
    assert events[0]["evidence"] == [lines[-1].strip()]


def test_scan_reads_several_files_as_one_log(run_forewarn: Run, tmp_path: Path) -> None:
    for number in range(3):
        part = "".join(FAILED.format(2 * number + second) for second in range(2))
        (tmp_path / f"{number}.log").write_text(part)
    paths = [str(tmp_path / f"{number}.log") for number in range(3)]
    code, shown, said = run_forewarn("security", "scan", *paths, "--level", "high")
    assert code == 0
    assert "SSH brute force" in shown
    assert said.endswith("6 lines, 2 events, 1 shown\n")


def test_scan_of_hostile_bytes_ends_and_raises_nothing(run_forewarn: Run, tmp_path: Path) -> None:
    generator = random.Random(0)
    heads = [
        b"Nov 27 10:00:00 web1 sshd[8]: Failed password for ",
        b'{"a":',
        b"type=X msg=audit(",
        b"",
    ]
    parts = [head + generator.randbytes(200) for head in heads for _ in range(500)]
    parts += [b"sshd[1]: Failed password for " + b"a from " * 1_000_000, b"\x1b[31m" * 1_000]
    (tmp_path / "bad.log").write_bytes(b"\n".join(parts))
    code, shown, _ = run_forewarn("security", "scan", str(tmp_path / "bad.log"), "--level", "low")
    assert code == 0
    assert "\x1b" not in shown


def test_scan_of_a_healthy_log_shows_nothing(run_forewarn: Run, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("all is well\n" * 1_000)
    code, shown, said = run_forewarn("security", "scan", str(tmp_path / "app.log"))
    assert (code, shown) == (0, "")
    assert said.endswith("1,000 lines, 0 events, 0 shown\n")


def test_scan_takes_rules_of_ones_own_and_a_format(run_forewarn: Run, tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(RULE)
    log = tmp_path / "app.log"
    log.write_text("alpha [bold]x\n" + FAILED.format(1) * 9)
    code, shown, _ = run_forewarn(
        "security", "scan", str(log), "--rules", str(tmp_path / "rule.yml"), "--no-shipped",
        "--format", "line",
    )  # fmt: skip
    assert code == 0
    assert [row.split()[:3] for row in shown.splitlines()[1:]] == [["high", "Alpha", "seen"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scan", "missing.log"], "missing.log: cannot be read"),
        (["scan", "a.log", "--format", "xml"], "--format must be one of auto, line, json"),
        (["scan", "a.log", "--level", "bad"], "--level must be one of informational, low"),
        (["scan", "a.log", "--rules", "missing"], "rules must be a file, or a folder"),
        (["scan", "a.log", "--out", "no/such/folder"], "no/such"),
        (["queries", "--backend", "splunk"], "--backend must be one of loki, elasticsearch"),
        (["queries", "--backend", "loki", "--config", "none.yaml"], "none.yaml"),
        (["queries", "--backend", "loki", "--config", "no-logs.yaml"], "must have `logs:`"),
        (["check", "bad.yml"], "bad.yml: rule 'Bad': cannot be evaluated on lines: placeholders"),
    ],
)
def test_what_is_refused(
    run_forewarn: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.log").write_text("x\n")
    (tmp_path / "no-logs.yaml").write_text(CONFIG.partition("logs:")[0])
    bad = RULE.replace("Alpha seen", "Bad").replace("a: [alpha]", "a: {x|expand: '%y%'}")
    (tmp_path / "bad.yml").write_text(bad)
    code, shown, problem = run_forewarn("security", *arguments)
    assert code == (1 if said in {"missing.log: cannot be read", "no/such"} else 2)
    assert shown == ""
    assert said in problem


def test_check_says_what_can_be_evaluated(run_forewarn: Run) -> None:
    code, shown, said = run_forewarn("security", "check")
    assert (code, said) == (0, "")
    assert shown.endswith("correlations: all can be evaluated\n")


def test_check_warns_of_slow_rules(run_forewarn: Run, tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(RULE.replace("[alpha]", "{user|re: '^a'}"))
    code, shown, said = run_forewarn("security", "check", str(tmp_path))
    assert (code, shown) == (0, "1 rules for lines, 0 correlations: all can be evaluated\n")
    assert "'Alpha seen' names no word: it is held against every line" in said
    code, shown, _ = run_forewarn("security", "check", str(tmp_path), "--json")
    assert json.loads(shown) == {
        "rule_id": "alpha",
        "name": "alpha",
        "title": "Alpha seen",
        "level": "high",
        "is_told": True,
        "is_slow": True,
    }


def test_queries_are_of_the_rules_and_streams_of_a_configuration(
    run_forewarn: Run, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "rule.yml").write_text(RULE)
    config = tmp_path / "forewarn.yaml"
    config.write_text(CONFIG)
    code, shown, said = run_forewarn(
        "security", "queries", "--backend", "loki", "--config", str(config)
    )
    assert (code, said) == (0, "")
    assert shown == '# Alpha seen (high)\n{namespace="prod"} |~ `(?i)alpha`\n\n'
    code, shown, _ = run_forewarn(
        "security", "queries", "--backend", "elasticsearch", "--config", str(config), "--json"
    )
    assert json.loads(shown)["queries"] == ["*alpha*"]


def test_rules_of_a_configuration_are_found_from_another_folder(
    run_forewarn: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site" / "mine").mkdir(parents=True)
    (tmp_path / "site" / "mine" / "rule.yml").write_text(RULE)
    (tmp_path / "site" / "forewarn.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    code, shown, said = run_forewarn(
        "security", "queries", "--backend", "loki", "--config", "site/forewarn.yaml"
    )
    assert (code, said) == (0, "")
    assert shown.startswith("# Alpha seen (high)\n")


def test_queries_tell_what_a_server_cannot_say(run_forewarn: Run) -> None:
    code, shown, said = run_forewarn("security", "queries", "--backend", "elasticsearch")
    assert code == 0
    assert shown.startswith("# ")
    assert "forewarn: no query for 'Port scan': " in said


def test_no_query_at_all_is_a_failure(run_forewarn: Run, tmp_path: Path) -> None:
    detection = "{a: {user|fieldref: account}, condition: a}"
    text = RULE.replace("{a: [alpha], condition: a}", detection)
    (tmp_path / "rule.yml").write_text(text)
    arguments = ["--backend", "elasticsearch", "--rules", str(tmp_path), "--no-shipped"]
    code, shown, said = run_forewarn("security", "queries", *arguments)
    assert (code, shown) == (1, "")
    assert "no query for 'Alpha seen'" in said
