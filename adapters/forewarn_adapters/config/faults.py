"""What the schema's library says about a value, as a line that a person can act on."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeAlias

from pydantic_core import ErrorDetails

from forewarn_adapters.config.endpoints import Section, section_in
from forewarn_adapters.config.nodes import Node
from forewarn_adapters.config.problems import Path, Problem, shortened
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.values import redacted

# What stands under these keys is never repeated, nor is a text that stands in their place.
_SECRET_KEYS = frozenset({"basic_auth", "password", "bearer_token", "token", "tokens"})
# What pydantic puts into a path that is not a key: a wrong key, and the forms of values.
_MARKS = frozenset({"[key]", "[list]", "[word]", "[path]", "[server]", "[url]"})

_Details: TypeAlias = Mapping[str, Any]
_SAYINGS: Mapping[str, Callable[[_Details], str]] = {
    "value_error": lambda about: str(about["error"]),
    "string_type": lambda _: "must be text",
    "path_type": lambda _: "must be a path",
    "tuple_type": lambda _: "must be a list, such as [a, b]",
    "dict_type": lambda _: "must be a mapping of names to values",
    "model_type": lambda _: "must be a mapping of keys to values",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "greater_than_equal": lambda about: f"must be at least {about['ge']}",
    "less_than_equal": lambda about: f"must be at most {about['le']}",
    "string_too_short": lambda _: "must not be empty",
    "too_short": lambda about: f"must have at least {about['min_length']} characters",
    "string_too_long": lambda about: f"must have at most {about['max_length']} characters",
    "too_long": lambda about: f"must have at most {about['max_length']} entries",
    "literal_error": lambda about: f"must be {about['expected']}",
    "string_pattern_mismatch": lambda _: (
        "must be letters, digits and '_', no digit first, 100 characters at most"
    ),
}


def problem_of(error: ErrorDetails, root: Node) -> Problem:
    """Return one complaint of pydantic as a problem of the file."""
    path = path_of(error)
    kind = error["type"]
    if kind == "missing":
        return Problem(path[:-1], f"the key {path[-1]!r} is missing")
    if kind == "extra_forbidden":
        return Problem(path, _unknown_key(path))
    saying = _SAYINGS.get(kind)
    said = saying(error.get("ctx", {})) if saying else _plain(error["msg"])
    got = shown(path, root)
    return Problem(path, f"{said}, got {got}" if got else said)


def path_of(error: ErrorDetails) -> Path:
    """Return where an error is, without the marks that pydantic adds to a path."""
    return tuple(step for step in error["loc"] if step not in _MARKS)


def nearest_key(path: Path) -> str | None:
    """Return the known key that the last key of `path` was probably meant to be."""
    near = get_close_matches(str(path[-1]), keys_at(path[:-1]), n=1)
    return near[0] if near else None


def keys_at(path: Path) -> tuple[str, ...]:
    """Return the keys that the mapping at `path` may have."""
    section: type[Section] = Config
    for step in path:
        if isinstance(step, str):
            section = section_in(section.model_fields[step].annotation) or section
    return tuple(section.model_fields)


def shown(path: Path, root: Node) -> str:
    """Return what the file says at `path`: references as they are written, secrets never.

    The empty text says that nothing may be shown.
    """
    if last_key(path) in _SECRET_KEYS:
        return ""
    node = root.find(path)
    if node is None or node.content is None:
        return "nothing"
    if isinstance(node.content, tuple):
        return f"a list of {len(node.content)}" if node.content else "an empty list"
    if isinstance(node.content, Mapping):
        return "a mapping"
    if isinstance(node.content, str):
        return repr(shortened(redacted(node.content)))
    return str(node.content).lower()


def last_key(path: Path) -> str:
    """Return the last name of a path, its positions in lists left out."""
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return advice that names the nearest known word, or all of them when none is near."""
    names = tuple(known)
    if near := get_close_matches(word, names, n=1):
        return f"did you mean {near[0]!r}?"
    return f"allowed here: {shortened_list(names)}"


def shortened_list(names: tuple[str, ...]) -> str:
    """Return names as a list that fits in a message."""
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _unknown_key(path: Path) -> str:
    return f"unknown key; {suggestion(str(path[-1]), keys_at(path[:-1]))}"


def _plain(message: str) -> str:
    return message.replace("Input should be", "must be")
