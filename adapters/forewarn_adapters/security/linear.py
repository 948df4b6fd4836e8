"""Regular expressions of others, in time proportional to the text, whatever they are."""

from typing import Any, TypeAlias

import re2

# Like `re.Pattern` and `re.Match`; the library has no types.
Pattern: TypeAlias = Any
Match: TypeAlias = Any


class NotLinear(ValueError):  # noqa: N818  it says what the expression is not
    """An expression that needs more than linear time, or is none."""


def linear(
    expression: str, *, ignore_case: bool = False, all_lines: bool = False, dot_all: bool = False
) -> Pattern:
    """Return an expression compiled. Raises NotLinear, whose text says why it cannot be."""
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    flags = ("m" if all_lines else "") + ("s" if dot_all else "")
    try:
        return re2.compile(f"(?{flags}){expression}" if flags else expression, options)
    except re2.error as refused:
        said = refused.args[0] if refused.args else refused
        raise NotLinear(said.decode() if isinstance(said, bytes) else str(said)) from refused
