"""How far the rules of a calendar (RRULE of RFC 5545) must be followed: known before it is done.

The library looks for the next time of a rule up to the year 9999, and looks at UNTIL only when it
has found one: a rule that names the 30th of February takes seconds, and an INTERVAL of 0 for ever.
"""

from datetime import MAXYEAR, date, datetime, time
from typing import TYPE_CHECKING

from forewarn_models.errors import DataError

if TYPE_CHECKING:
    from icalendar import Component, vRecur

# From the first of a recurring event to the end of the history, of all events together: the
# library meets each on its way, a hundred thousand in a second or two.
MOST_OCCURRENCES = 300_000
# In which nothing happens, after the end of the history and of all events together: a million
# take two seconds, and a thousand events on a day of the year have a third of that.
MOST_EMPTY_DAYS = 2_000_000

_WITHIN_A_DAY = {"HOURLY": 24, "MINUTELY": 1_440, "SECONDLY": 86_400}
_TIMES = ("BYHOUR", "BYMINUTE", "BYSECOND")
# Dates and days of the week repeat themselves after so many years.
_CYCLE_YEARS = 400
# The longest that a 29th of February is not a given day of the week.
_LONGEST_GAP_YEARS = 40


def check_rules(events: "list[Component]", zones: "list[Component]", end: date) -> None:
    """Raise DataError where events, or the changes of clocks in zones, take too long to follow."""
    for rule in (rule for each in (*events, *zones) for rule in _rules(each)):
        _check_form(rule)
    count = sum(_repetitions(event, end) for event in events)
    if count > MOST_OCCURRENCES:
        raise DataError(
            f"the events of a calendar must repeat at most {MOST_OCCURRENCES} times up to now, got "
            f"{count}: let them begin later or repeat less often"
        )
    n_empty = 0
    for each in (*events, *zones):
        n_empty += sum(_empty_days(rule, _start(each), end) for rule in _rules(each))
        if n_empty > MOST_EMPTY_DAYS:
            raise DataError(
                f"the rules of a calendar must skip at most {MOST_EMPTY_DAYS} days, got more: let "
                "them repeat more often, or name single days with RDATE"
            )


def _rules(component: "Component") -> "list[vRecur]":
    rules = component.get("RRULE", [])
    return rules if isinstance(rules, list) else [rules]


def _start(component: "Component") -> datetime:
    """Return when a component begins by its own clock, in no zone."""
    start = component.decoded("DTSTART")
    if isinstance(start, datetime):
        return start.replace(tzinfo=None)
    return datetime.combine(start, time())


def _text(rule: "vRecur") -> str:
    text: bytes = rule.to_ical()  # type: ignore[no-untyped-call]  # has no types
    return text.decode()


def _frequency(rule: "vRecur") -> str:
    return str(rule["FREQ"][0]).upper()


def _chooses_days(rule: "vRecur") -> bool:
    names = {str(name).upper() for name in rule}
    return any(name.startswith("BY") and name not in _TIMES for name in names)


def _check_form(rule: "vRecur") -> None:
    if any(int(interval) < 1 for interval in rule.get("INTERVAL", ())):
        raise DataError(f"a rule's INTERVAL must be at least 1, got {_text(rule)}")
    # The library would look at each hour or second of the days that are not chosen.
    if _frequency(rule) in _WITHIN_A_DAY and _chooses_days(rule):
        raise DataError(
            f"a rule that repeats within a day must not choose days, got {_text(rule)}: say it "
            "with FREQ=DAILY and BYHOUR"
        )


def _repetitions(event: "Component", until: date) -> int:
    """Return at most how often an event repeats itself up to a day, and for a day at least."""
    days = max(1, (until - _start(event).date()).days)
    return days * sum(_a_day(rule) for rule in _rules(event))


def _a_day(rule: "vRecur") -> int:
    """Return at most how often a rule repeats in a day."""
    n = _WITHIN_A_DAY.get(_frequency(rule), 1)
    for part in _TIMES:
        n *= max(1, len(rule.get(part, [])))
    return n


def _empty_days(rule: "vRecur", start: datetime, end: date) -> int:
    """Return how many days the library looks at, past a day, before it finds another time.

    Looked for a multiple of 400 years later, where it gives up after some more years at most.
    """
    if not _chooses_days(rule):
        return 0
    from dateutil.rrule import rrulestr

    end_of_day = datetime.combine(end, time.max)
    latest = max(start, end_of_day)
    room_years = MAXYEAR - _LONGEST_GAP_YEARS - latest.year
    shift_years = max(0, room_years // _CYCLE_YEARS * _CYCLE_YEARS)
    # What ends a rule sooner is looked at only when a time was found.
    endless = type(rule)({k: v for k, v in rule.items() if k.upper() not in ("COUNT", "UNTIL")})
    begins, ends = (at.replace(year=at.year + shift_years) for at in (start, latest))
    found = rrulestr(_text(endless), dtstart=begins).after(ends)
    if found is None:
        raise DataError(f"a rule must name days that there are, got {_text(rule)}")
    (interval,) = rule.get("INTERVAL", (1,))
    return int((found - ends).days) // int(interval)
