"""Views: the ways in which a value can be strange, and what each counts for.

Each view says how rare a value is on a healthy series, in decades of seconds. Together they would
cry more often than one alone; so each gives up its discount, and the rarest is the answer. The
discounts are the same for every series and every signal.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["both", "up", "down"]

CHANGE, SLOWER, VALUE, LEVEL_VIEW, SEASON, UNREST, DRIFT, STUCK, PEERS = range(9)
N_VIEWS = 9
VIEWS = (
    "change",  # against the last ten minutes
    "slower_change",  # against the last hour
    "value",  # never seen
    "level",  # of the last hours, never seen
    "season",  # against the time of day and week, for an hour
    "unrest",  # the last hours were wilder or calmer than ever
    "drift",  # of the last day from the last week, never so far
    "stuck",  # at one value for longer than ever
    "peers",  # unlike its siblings, in any of the ways above
)
DISCOUNTS = (0.3, 0.3, 0.1, 0.5, 0.7, 0.7, 1.1, 1.0, 0.5)

# For people: what is rare about a value, by view. The page's annotation says the same.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "change": "a sudden change against the last ten minutes",
        "slower_change": "a change against the last hour",
        "value": "a value never seen before",
        "level": "a level of the last hours never seen before",
        "season": "an hour unlike this time of day and week",
        "unrest": "wilder or calmer for hours than ever before",
        "drift": "drifting for a day or longer as never before",
        "stuck": "stuck at one value for longer than ever before",
        "peers": "unlike its siblings as never before",
    }
)
GROUP_WORDS = "several series strange together"


def view_name(view: int) -> str | None:
    """Return the name of the view of a verdict; None for groups and where nothing can be said."""
    return VIEWS[view] if view >= 0 else None


def view_words(view: int) -> str:
    """Return the view of a verdict in words; -1 is a group's, or none: see `Verdicts.view`.

    >>> view_words(SLOWER), view_words(-1)
    ('a change against the last hour', 'several series strange together')
    """
    return WORDS[VIEWS[view]] if view >= 0 else GROUP_WORDS
