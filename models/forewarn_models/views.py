"""Views: the ways in which a value can be strange, and what each counts for.

Each view says how rare a value is on a healthy series, in decades of seconds. Together they would
cry more often than one alone; so each gives up its discount, and the rarest is the answer. The
discounts are the same for every series and every signal.
"""

from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["both", "up", "down"]

CHANGE, SLOWER, VALUE, LEVEL_VIEW, SEASON, UNREST, STUCK = range(7)
N_VIEWS = 7
VIEWS = (
    "change",  # against the last ten minutes
    "slower_change",  # against the last hour
    "value",  # never seen
    "level",  # of the last hours, never seen
    "season",  # against the time of day and week, for an hour
    "unrest",  # the last hours were wilder or calmer than ever
    "stuck",  # at one value for longer than ever
)
DISCOUNTS = (0.3, 0.3, 0.1, 0.5, 0.7, 0.7, 1.0)
