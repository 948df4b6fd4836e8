"""The civil time of a place as plain numbers: its clock changes and its days off.

Clock changes come from the time zone database, public holidays from the library `holidays`.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from forewarn_adapters.config.learning import CivilTime
from forewarn_models.calendar import DAY_MILLISECONDS, Calendar
from forewarn_models.errors import ConfigError

_EPOCH = date(1970, 1, 1)
# Known beyond the samples: a model may serve for long when no later one is better.
_YEARS_BEFORE, _YEARS_AFTER = 1, 2
# Recordings with absurd timestamps are not worth the work of millennia.
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name of a place that nobody knows.

    Args:
        key: `timezone`, `country` or `subdivision`.
        must: what must hold.
        advice: the nearest known name, or some of them.
    """

    key: str
    must: str
    advice: str


def calendar_of(place: CivilTime, *, first_milliseconds: int, last_milliseconds: int) -> Calendar:
    """Return the civil time of a place from a year before the first instant to two after the last.

    Raises ConfigError when it names what does not exist.
    """
    check_place(place)
    first, last = (_within(instant) for instant in (first_milliseconds, last_milliseconds))
    first_year = _year_of(first) - _YEARS_BEFORE
    years = range(first_year, _year_of(last) + _YEARS_AFTER + 1)
    days = {*place.days_off, *_holidays(place, years)}
    zone = ZoneInfo(place.timezone)
    offsets = _offsets(zone, _start_of(years.start), _start_of(years.stop))
    return Calendar(tuple(offsets), tuple(sorted((day - _EPOCH).days for day in days)))


def check_place(place: CivilTime, *, prefix: str = "") -> None:
    """Raise ConfigError with all names that are unknown; `prefix` stands before their keys."""
    problems = [
        f"{prefix}{unknown.key} {unknown.must}, got {getattr(place, unknown.key)!r}; "
        f"{unknown.advice}"
        for unknown in unknown_names(place)
    ]
    if problems:
        raise ConfigError(*problems)


def unknown_names(place: CivilTime) -> Iterator[Unknown]:
    """Yield the names of a place that do not exist, each with advice."""
    zones = _zones()
    if place.timezone not in zones:
        must = "must be a time zone of the IANA database"
        yield Unknown("timezone", must, _advice(place.timezone, {zone: zone for zone in zones}))
    if place.country is None:
        if place.subdivision is not None:
            must = "must stand with a `country`"
            yield Unknown("subdivision", must, "add the country that it is a part of")
        return
    from holidays import list_supported_countries

    supported = list_supported_countries()
    if place.country not in supported:
        must = "must be the code of a country whose holidays are known"
        yield Unknown("country", must, _advice(place.country, _codes_of_countries()))
    elif place.subdivision not in {None, *supported[place.country]}:
        must = f"must be the code of a part of {place.country} with holidays of its own"
        codes = _codes_of_parts(place.country)
        yield Unknown("subdivision", must, _advice(place.subdivision or "", codes))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # a walk through many files


def _advice(word: str, known: Mapping[str, str]) -> str:
    """Return advice that tells the name which the nearest of the known words stands for."""
    folded = {name.casefold(): meant for name, meant in known.items()}
    if near := get_close_matches(word.casefold(), folded, n=1):
        return f"did you mean {folded[near[0]]!r}?"
    names = sorted(set(known.values()))
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return f"known are {', '.join(names[:_MOST_SHOWN])}{more}" if names else "none is known"


def _codes_of_countries() -> dict[str, str]:
    """Return the two letters of each country, by all its names."""
    from holidays.registry import COUNTRIES

    return {name: names[1] for names in COUNTRIES.values() for name in names}


def _codes_of_parts(country: str) -> dict[str, str]:
    from holidays import country_holidays

    aliases = country_holidays(country).get_subdivision_aliases()
    return {name: code for code, names in aliases.items() for name in (code, *names)}


def _holidays(place: CivilTime, years: range) -> Iterable[date]:
    if place.country is None:
        return ()
    from holidays import country_holidays

    return tuple(country_holidays(place.country, subdiv=place.subdivision, years=years))


def _offsets(zone: ZoneInfo, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield how far local time is ahead of UTC at first, then each change; in milliseconds.

    The database does not tell its changes. They are looked for from day to day, and found to the
    millisecond where a day ends with another offset: no zone changes twice in a day.
    """
    ahead = _ahead(zone, first)
    yield first, ahead
    for midnight in range(first, last, DAY_MILLISECONDS):
        before, ahead = ahead, _ahead(zone, midnight + DAY_MILLISECONDS)
        if ahead != before:
            yield _end_of(zone, before, range(midnight, midnight + DAY_MILLISECONDS + 1)), ahead


def _end_of(zone: ZoneInfo, ahead: int, instants: range) -> int:
    """Return the first instant with another offset than the one that they begin with."""
    return instants[bisect_left(instants, True, key=lambda at: _ahead(zone, at) != ahead)]


def _ahead(zone: ZoneInfo, milliseconds: int) -> int:
    offset = datetime.fromtimestamp(milliseconds // 1_000, zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * 1_000)


def _within(milliseconds: int) -> int:
    return min(max(milliseconds, _start_of(_FIRST_YEAR)), _start_of(_LAST_YEAR))


def _year_of(milliseconds: int) -> int:
    return datetime.fromtimestamp(milliseconds // 1_000, UTC).year


def _start_of(year: int) -> int:
    return (date(year, 1, 1) - _EPOCH).days * DAY_MILLISECONDS
