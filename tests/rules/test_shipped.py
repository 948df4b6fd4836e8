import re
import subprocess
from pathlib import Path

import pytest
import yaml

from forewarn_adapters.local_servers import PROMTOOL, find_program
from forewarn_models.errors import DataError
from forewarn_models.views import GROUP_WORDS, WORDS
from forewarn_rules import RULE_FILES, read_rules

RULES = Path(__file__).parents[2] / "rules"
PROMTOOL_TESTS = sorted((RULES / "tests").glob("*.test.yml"))


def promtool(*arguments: str | Path) -> str:
    command = [find_program(PROMTOOL) or "promtool", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("path", PROMTOOL_TESTS, ids=lambda path: path.stem)
def test_the_rules_do_what_their_promtool_tests_say(path: Path) -> None:
    promtool("test", "rules", path)


@pytest.mark.parametrize("name", RULE_FILES)
def test_promtool_accepts_each_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(read_rules(name))
    promtool("check", "rules", "--lint-fatal", tmp_path / "rules.yml")


def test_each_rule_has_a_comment_that_says_why() -> None:
    for name in RULE_FILES:
        lines = read_rules(name).splitlines()
        starts = [
            number
            for number, line in enumerate(lines)
            if line.startswith(("      - alert:", "      - record:"))
        ]
        assert [lines[n] for n in starts if not lines[n - 1].startswith("      #")] == []


def test_each_alert_is_raised_and_held_back_in_the_promtool_tests() -> None:
    raised, held_back = set(), set()
    for path in PROMTOOL_TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test.get("alert_rule_test", []):
                (raised if check["exp_alerts"] else held_back).add(check["alertname"])
                # Series in a test that raise nothing are a negative case as well.
                if len(test["input_series"]) > len(check["exp_alerts"]):
                    held_back.add(check["alertname"])
    groups = yaml.safe_load(read_rules("alerts"))["groups"]
    names = {rule["alert"] for group in groups for rule in group["rules"]}
    assert (names, names) == (raised, held_back)


def test_a_page_says_which_view_spoke_in_the_words_of_the_models() -> None:
    rules = yaml.safe_load(read_rules("alerts"))["groups"][0]["rules"]
    because = rules[0]["annotations"]["because"]
    found = re.findall(r'if eq \$view "(\w+)" }}([^{]+)', because)
    assert found == list(WORDS.items())
    assert GROUP_WORDS in because


def test_an_unknown_file_is_named_with_those_there_are() -> None:
    with pytest.raises(DataError) as refused:
        read_rules("pages")
    assert str(refused.value) == "a rule file must be one of alerts, recording, got 'pages'"
