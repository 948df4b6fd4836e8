"""`docs/configuration.md`, written from the schema: the two cannot disagree."""

import sys
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from forewarn_adapters.config.endpoints import Section, section_in
from forewarn_adapters.config.schema import Config
from forewarn_models.budget import Budget
from forewarn_models.durations import format_duration

_INTRODUCTION = """\
# Configuration

Generated from the code by `python -m forewarn_adapters.config.documentation docs/configuration.md`.

Everything is in one YAML file, `forewarn.yaml`. `forewarn check` reads it, lists every problem
with its line and changes nothing; `forewarn check --print` shows it with all defaults;
[an example](../deploy/forewarn.example.yaml) shows most keys.

`forewarn check --against-prometheus` also runs every query: how many series it gives, how much
history there is, and of which types its metrics are, where Prometheus learned them from a scrape. A
counter only grows, so whatever comes next was never seen before; where a query reads one as it is,
outside of `rate`, `increase` and the like, the warning gives the query to write. Of what it cannot
be sure of, such as a difference of counters, it says nothing.

It also says which **bounds** each signal's values have, and by which sign. Bands and forecasts are
cut there; scores are not touched. With `bounds: auto` these signs count, each only on the sides
that the whole history never left:

| sign | bounds |
|---|---|
| `rate`, `increase`, `count`, `changes`, `stddev` and the like | at least 0 |
| a metric of type counter; `_count`, `_bucket` of a histogram or summary | at least 0 |
| a name that ends in `_total`, `_bytes`, `_seconds` | at least 0 |
| `histogram_quantile` of bytes or seconds, by the name | at least 0 |
| a name that ends in `_ratio`, `_percent` | 0 to 1, 0 to 100 |
| a plain division of like by like, such as `free_bytes / size_bytes`, and 1 less it | 0 to 1 |
| `delta`, `deriv`, `predict_linear` | none, even if it was never negative |
| a difference, a comparison, any other function | not known |

Where it is not known, a series that was never negative stays so, unless `bounds: [null, null]` says
that it need not. Sums keep no upper bound. A division that was always below 1 may be no share, such
as retries over requests: write `bounds: [0, null]` for it. Without types, names still tell.

- **Unknown keys are refused**, with the nearest known one, and so is a key that stands twice.
- **Durations** are whole numbers with units: `ms`, `s`, `m`, `h`, `d`, `w`, `y` (365 days), such
  as `30s`, `1h30m`, `28d`.
- **Budgets** are a count in a time: `1/30d`, `2/week`; also `hour`, `day`, `month`, `year`.
- **`${NAME}`** is replaced by an environment variable, in values and never in keys;
  `${NAME:-default}` gives a default and `$${` stands for `${`. Values of the environment are shown
  in no message, and secrets nowhere.
- **Relative paths** start from the folder of the file.
- **Anchors and aliases** (`&name`, `*name`, `<<: *name`) share settings between signals.
- Words are text: `no`, `on` and `1:30` need no quotes. Only numbers, `true`, `false` and `null`
  are more.
- Limits: 1 MiB, 10,000 signals, 20 levels.
"""
_NAMES: Mapping[object, str] = {
    str: "text",
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    Path: "path",
    SecretStr: "secret text",
    timedelta: "duration",
    date: "day",
    Budget: "budget",
    IPv4Network: "network",
    IPv6Network: "network",
}


def configuration_page() -> str:
    """Return the whole page, in Markdown; a section that stands in several places is told once."""
    told: dict[type[Section], str] = {}
    again: list[str] = []
    chapters = []
    for section, path in sections(Config, ""):
        if any(path.startswith(f"{place}.") for place in again):
            continue
        if section in told:
            again.append(path)
            chapters.append(f"\n## `{path}`\n\nAs `{told[section]}`.\n")
        else:
            told[section] = path
            chapters.append(_chapter(section, path))
    return _INTRODUCTION + "".join(chapters)


def sections(section: type[Section], path: str) -> Iterator[tuple[type[Section], str]]:
    """Yield a section and those inside it, each with its path in the file."""
    yield section, path
    for name, field in section.model_fields.items():
        inner = section_in(field.annotation)
        if inner is not None:
            brackets = "[]" if "tuple" in str(field.annotation) else ""
            yield from sections(inner, f"{path}.{name}{brackets}".removeprefix("."))


def _chapter(section: type[Section], path: str) -> str:
    title = f"`{path}`" if path else "The whole file"
    head = "| key | type | default | meaning | example |\n|---|---|---|---|---|\n"
    rows = "".join(_row(name, field) for name, field in section.model_fields.items())
    meaning = " ".join((section.__doc__ or "").split())
    return f"\n## {title}\n\n{meaning}\n\n{head}{rows}"


def _row(name: str, field: FieldInfo) -> str:
    kind = _kind(field.annotation) + _bounds(field)
    examples = " or ".join(_code(str(example)) for example in field.examples or ())
    cells = (_code(name), kind, _default(field), field.description or "", examples)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _code(text: str) -> str:
    return f"`{text}`"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if field.is_required():
        return "required"
    if value is None:
        return "none"
    if isinstance(value, Section):
        return "its defaults"
    if isinstance(value, timedelta):
        return _code(format_duration(value))
    if isinstance(value, tuple):
        return _code(f"[{', '.join(str(each) for each in value)}]")
    return _code(str(value).lower() if isinstance(value, bool) else str(value))


def _kind(annotation: object) -> str:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        kinds = dict.fromkeys(_kind(part) for part in parts if part is not NoneType)
        return " or ".join(kinds)
    if section_in(annotation) is not None:
        return "list of mappings" if origin is tuple else "mapping"
    if origin is Literal:
        return " or ".join(_code(str(part)) for part in parts)
    if origin is tuple:
        return f"list of {_kind(parts[0])}s"
    if origin is dict:
        return f"mapping of names to {_kind(parts[1])}s"
    return _NAMES[annotation] if annotation in _NAMES else _kind(parts[0])


def _bounds(field: FieldInfo) -> str:
    bounds = {
        word: getattr(bound, word)
        for bound in field.metadata
        for word in ("ge", "le")
        if hasattr(bound, word)
    }
    return f", {bounds['ge']} to {bounds['le']}" if len(bounds) == 2 else ""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(configuration_page(), encoding="utf-8")
