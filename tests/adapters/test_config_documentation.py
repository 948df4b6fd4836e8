import subprocess
import sys
from pathlib import Path

from forewarn_adapters.config.documentation import configuration_page, sections
from forewarn_adapters.config.endpoints import section_in
from forewarn_adapters.config.schema import Config

PAGE = Path(__file__).parent.parent.parent / "docs" / "configuration.md"


def test_the_page_is_what_the_code_says():
    again = "run `python -m forewarn_adapters.config.documentation docs/configuration.md`"
    assert PAGE.read_text() == configuration_page(), again


def test_every_key_says_what_it_means_and_every_plain_one_gives_an_example():
    fields = [
        (f"{path}.{name}", field)
        for section, path in sections(Config, "")
        for name, field in section.model_fields.items()
    ]
    assert [name for name, field in fields if not field.description] == []
    plain = [(name, field) for name, field in fields if section_in(field.annotation) is None]
    assert [name for name, field in plain if not field.examples] == []


def test_the_page_is_written_by_its_module(tmp_path):
    out = tmp_path / "page.md"
    command = [sys.executable, "-m", "forewarn_adapters.config.documentation", str(out)]
    subprocess.run(command, check=True)
    assert out.read_text() == configuration_page()
