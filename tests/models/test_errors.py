import inspect
import re

from forewarn_models import errors
from forewarn_models.errors import ConfigError, ForewarnError, NotEnoughHistory

TREE = [value for _, value in inspect.getmembers(errors, inspect.isclass)]


def test_every_error_has_a_reason_of_its_own():
    reasons = [error.reason for error in TREE]
    assert sorted(set(reasons)) == sorted(reasons)
    assert all(re.fullmatch(r"[a-z_]+", reason) for reason in reasons)


def test_the_tree_in_the_docstring_is_whole():
    assert [error.__name__ for error in TREE if error.__name__ not in errors.__doc__] == []
    assert all(issubclass(error, ForewarnError) for error in TREE)


def test_a_refused_configuration_holds_every_problem():
    error = ConfigError("line 1: a", "line 2: b")
    assert error.problems == ("line 1: a", "line 2: b")
    assert str(error) == "line 1: a\nline 2: b"


def test_too_little_history_says_how_much_is_needed():
    error = NotEnoughHistory("a detector", needed=60, got=3)
    assert str(error) == (
        "a detector needs at least 60 samples of history, got 3: "
        "lengthen `history`, shorten `step`, or wait until the source holds more"
    )
