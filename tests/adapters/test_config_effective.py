import re
from pathlib import Path

import pytest

from forewarn_adapters.config.effective import effective_text
from forewarn_adapters.config.reading import parse_config
from forewarn_adapters.config.schema import Config

GOOD = sorted((Path(__file__).parent.parent / "good_config").glob("*.yaml"))
ENVIRONMENT = {"SECRET_WORD": "geheim-secret-word"}


def without_secrets(config: Config) -> str:
    text = repr(config)  # hides what the effective text hides, but for the paths of calendars
    return re.sub(r"(https://calendar\.example)[^']*", r"\1", text)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_effective_text_says_the_same_but_for_secrets(path):
    config = parse_config(path.read_text(), environment=ENVIRONMENT)
    text = effective_text(config)
    assert "geheim" not in text
    # Two tokens look alike once hidden, so that each is made its own again.
    for number in range(text.count("token: '")):
        text = text.replace("token: '****************'", f"token: '{number:016d}'", 1)
    assert without_secrets(parse_config(text, environment={})) == without_secrets(config)


def test_defaults_and_hidden_secrets_are_visible():
    text = """
prometheus: {url: "http://localhost:9090", bearer_token: abc}
store_url: postgresql://ann:${SECRET_WORD}@db/forewarn
signals: [{name: up, query: up}]
"""
    lines = effective_text(parse_config(text, environment=ENVIRONMENT)).splitlines()
    assert "  bearer_token: '****************'" in lines
    assert "store_url: postgresql://***@db/forewarn" in lines
    assert "  history: 28d" in lines
    assert "  budget: 1/30d" in lines
