"""forewarn_adapters.security.loading, and what rules refuse"""

from pathlib import Path

import pytest

from forewarn_adapters.security import loading
from forewarn_adapters.security.rules import SecurityRules
from forewarn_models.errors import ConfigError
from security_parts import rule, rules_in

GOOD = rule("  a: [alpha]\n  condition: a", name="good")


def correlation(**changed: str) -> str:
    facts = {
        "type": "event_count",
        "rules": "[good]",
        "group-by": "[src_ip]",
        "timespan": "5m",
        "condition": "{gte: 3}",
    } | changed
    lines = "".join(f"  {name}: {value}\n" for name, value in facts.items() if value)
    return f"title: Counted\nname: counted\ncorrelation:\n{lines}"


def refused(folder: Path, *texts: str | bytes) -> tuple[str, ...]:
    for number, text in enumerate(texts):
        content = text if isinstance(text, bytes) else text.encode()
        (folder / f"rule{number}.yml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        SecurityRules.load(shipped=False, paths=[folder])
    return caught.value.problems


@pytest.mark.parametrize(
    ("detection", "said"),
    [
        ("a: {user|re: '(?=x)y'}", "the regular expression '(?=x)y', which must be one of RE2"),
        ("a: {user|re: '(a)\\1'}", "without look-around and back-references"),
        ("a: {user|expand: '%admins%'}", "placeholders (the modifier expand)"),
        ("a: {time|hour: 3}", "modifiers of time"),
        ("a: {user|nonsense: x}", "Unknown modifier"),
        ("a: {user|re: '('}", "is invalid"),
        ("a: {user|cidr: '10.0.0.1/8'}", "Invalid CIDR expression"),
        ("a: {user|lt: ten}", "incompatible to value type"),
    ],
)
def test_what_cannot_be_evaluated_names_file_rule_and_what(
    tmp_path: Path, detection: str, said: str
) -> None:
    (problem,) = refused(tmp_path, rule(f"  {detection}\n  condition: a"))
    assert problem.startswith(f"{tmp_path}/rule0.yml: rule 'Rule under_test': ")
    assert said in problem


@pytest.mark.parametrize("condition", ["b", "a | count() > 5", "a and", "1 of x*", "((a)"])
def test_a_condition_that_is_none(tmp_path: Path, condition: str) -> None:
    problems = refused(tmp_path, rule(f"  a: [alpha]\n  condition: {condition!r}"))
    assert "rule 'Rule under_test': " in problems[0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"type": "value_sum", "condition": "{gte: 3, field: x}"},
            "correlations of type value_sum",
        ),
        ({"type": "nonsense"}, "no valid Sigma correlation type"),
        ({"condition": "{lt: 3}"}, "a correlation's condition lt: only gte and gt"),
        ({"condition": "{eq: 3}"}, "a correlation's condition eq: only gte and gt"),
        ({"condition": "{gte: 0}"}, "must be 1 to 100000, got 0"),
        ({"condition": "{gt: 100000}"}, "must be 1 to 100000, got 100001"),
        ({"condition": ""}, "without condition"),
        ({"timespan": ""}, "without timespan"),
        ({"timespan": "soon"}, "Timespan 'soon' is invalid"),
        ({"type": "temporal", "condition": "good and good"}, "extended ones"),
        ({"type": "temporal", "condition": "{gte: 2}"}, "a temporal correlation of 2 out of 1"),
        ({"type": "value_count"}, "without field reference"),
        ({"aliases": "{who: {other: user}}"}, "an alias for 'other', which it does not count"),
    ],
)
def test_correlations_that_cannot_be(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    problems = refused(tmp_path, GOOD, correlation(**changed))
    assert any(said in problem for problem in problems), problems


def test_a_correlation_of_what_is_not_there(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, GOOD, correlation(rules="[missing]"))
    assert "rules must refer to rules that are read with them" in problem
    assert "'missing'" in problem


def test_correlations_in_a_circle(tmp_path: Path) -> None:
    one = correlation(rules="[two]").replace("name: counted", "name: one")
    two = correlation(rules="[one]").replace("name: counted", "name: two")
    assert refused(tmp_path, one, two)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "must hold Sigma rules, got something else"),
        (b"- one\n- two\n", "must hold Sigma rules, got something else"),
        (b"just words", "must hold Sigma rules, got something else"),
        (b"a: [", "must be YAML, got: "),
        (b"\xff\xfe\xff", "must be YAML, got: "),
        (b"a: &x [1]\nb: *x\n", "must have no YAML aliases, got *x"),
        (b"a: " + b"[" * 50 + b"]" * 50, "must be nested at most 40 deep"),
        (b"a: 1\na: 2\n", "Duplicate key 'a'"),
        (b"title: x\n" + b"#" * (1 << 20), "must have at most 1,048,576 bytes"),
        (b"a: !!python/object:os.system {}\n", "must be YAML, got: "),
        (b"title: T\nlogsource: {product: linux}\n", "must have a detection"),
        (b"title: T\ndetection: {a: [x], condition: a}\n", "must have a log source"),
        (b"title: T\nlogsource: linux\ndetection: {a: [x], condition: a}\n", "rule 'T': "),
        (
            b"title: T\nlogsource: {}\ndetection: {a: [x], condition: a}\n",
            "log source can't be empty",
        ),
        (b"title: T\nlogsource: {product: linux}\ndetection: [x]\n", "rule 'T': "),
        (b"title: T\nlogsource: {product: linux}\ndetection: {condition: a}\n", "rule 'T': "),
        (
            b"title: T\nid: 5\nlogsource: {product: linux}\ndetection: {a: [x], condition: a}\n",
            "rule0.yml",
        ),
        (
            b"title: T\nlevel: 9\nlogsource: {product: linux}\ndetection: {a: [x], condition: a}\n",
            "rule level must be a string",
        ),
        (b"action: nonsense\n", "Unknown Sigma collection action"),
        (b"title: T\ncorrelation: [x]\n", "rule0.yml: "),
        (b"title: T\nfilter: [x]\n", "rule0.yml: "),
    ],
)
def test_what_is_no_rule(tmp_path: Path, content: bytes, said: str) -> None:
    problems = refused(tmp_path, content)
    assert all(problem.startswith(f"{tmp_path}/rule0.yml: ") for problem in problems)
    assert any(said in problem for problem in problems), problems


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    bad = rule("  a: {user|re: '(?=x)y'}\n  condition: a", name="bad")
    worse = rule("  a: {time|hour: 3}\n  condition: a", name="worse")
    assert len(refused(tmp_path, bad, worse, GOOD)) == 2


def test_names_must_be_its_own(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, GOOD, GOOD)
    assert "id and name must be its own, got 'good', which a rule of " in problem


@pytest.mark.parametrize(("path", "got"), [("missing", "nothing there"), (".", "none of these")])
def test_paths_without_rules(tmp_path: Path, path: str, got: str) -> None:
    with pytest.raises(ConfigError, match=f"rules must be a file, or a folder .* got {got}"):
        SecurityRules.load(shipped=False, paths=[tmp_path / path])


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").symlink_to("/proc/self/mem")
    with pytest.raises(ConfigError, match="cannot be read"):
        SecurityRules.load(shipped=False, paths=[tmp_path / "rule.yml"])


def test_folders_are_read_at_any_depth_and_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    file = tmp_path / "deep" / "deeper" / "rule.yaml"
    file.write_text(GOOD)
    (tmp_path / "deep" / "notes.txt").write_text("no rule")
    rules = SecurityRules.load(shipped=False, paths=[tmp_path, file])
    assert [facts.name for facts in rules.facts()] == ["good"]


def test_a_rule_without_name_and_level_has_its_title_and_is_medium(tmp_path: Path) -> None:
    text = (
        "title: Only a title\nlogsource: {product: linux}\ndetection: {a: [alpha], condition: a}\n"
    )
    (facts,) = rules_in(tmp_path, text).facts()
    assert (facts.rule_id, facts.name, facts.level) == ("Only a title", "Only a title", "medium")


def test_rules_of_a_user_may_count_shipped_ones(tmp_path: Path) -> None:
    text = correlation(rules="[ssh_failed_login]", condition="{gte: 100}", generate="true")
    (tmp_path / "mine.yml").write_text(text)
    names = {each.name for each in SecurityRules.load(shipped=True, paths=[tmp_path]).facts()}
    assert {"counted", "ssh_failed_login"} <= names


def test_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_MOST_FILES", 1)
    for number in range(2):
        (tmp_path / f"rule{number}.yml").write_text(GOOD)
    with pytest.raises(ConfigError, match="at most 1 files of rules are read, got 2"):
        SecurityRules.load(shipped=False, paths=[tmp_path])
