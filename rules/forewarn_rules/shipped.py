"""The rule files that are part of the package."""

from importlib.resources import files

from forewarn_models.errors import DataError

RULE_FILES = ("alerts", "recording")


def read_rules(name: str) -> str:
    """Return the text of a rule file, `alerts` or `recording`; DataError for any other name."""
    if name not in RULE_FILES:
        raise DataError(f"a rule file must be one of {', '.join(RULE_FILES)}, got {name!r}")
    return (files("forewarn_rules") / f"{name}.yml").read_text(encoding="utf-8")
