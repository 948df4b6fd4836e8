"""References to environment variables in the values of the file: `${NAME}`, `${NAME:-default}`.

They are replaced after the YAML is read, in text only, so that no value of the environment can
change the structure of the file.
"""

import re
from collections.abc import Mapping

MOST_CHARACTERS = 65_536

# `${1}` is left alone: PromQL's label_replace writes its groups so.
_REFERENCE = re.compile(
    r"(?P<escaped>\$\$\{)"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}"
    r"|(?P<group>\$\{\d+\})"
    r"|(?P<wrong>\$\{)",
    re.ASCII,
)


class Unresolved(Exception):  # noqa: N818  the name says what happened
    """A reference that cannot be replaced; the message never holds a value of the environment."""


def has_reference(text: str) -> bool:
    """Return whether some of the text comes from the environment.

    >>> has_reference("${TOKEN}"), has_reference("$${TOKEN}")
    (True, False)
    """
    return any(match["name"] for match in _REFERENCE.finditer(text))


def resolved(text: str, *, environment: Mapping[str, str]) -> str:
    """Return the text with its references replaced.

    A variable that is unset, or empty with no default, is refused with Unresolved: an empty
    password is a mistake far more often than a wish.

    >>> resolved("http://${HOST:-localhost}:9090", environment={})
    'http://localhost:9090'
    >>> resolved("$${HOST}", environment={})
    '${HOST}'
    """
    result = _REFERENCE.sub(lambda match: _value(match, environment), text)
    if len(result) > MOST_CHARACTERS:
        raise Unresolved(
            f"the text must be at most {MOST_CHARACTERS} characters with its variables filled in"
        )
    return result


def _value(match: re.Match[str], environment: Mapping[str, str]) -> str:
    if match["escaped"]:
        return "${"
    if match["group"]:
        return match["group"]
    if match["wrong"]:
        raise Unresolved(
            "`${` must begin a reference such as ${NAME} or ${NAME:-default}; "
            "write $${ for the characters themselves"
        )
    name = match["name"]
    if value := environment.get(name):
        return value
    if match["default"] is not None:
        return match["default"]
    state = "empty" if name in environment else "not set"
    raise Unresolved(
        f"the environment variable {name} is {state}: set it, or give a default as "
        f"${{{name}:-default}}"
    )
