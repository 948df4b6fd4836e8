"""Calendars of maintenance in iCalendar's form (RFC 5545): from a file or a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from forewarn_adapters.config.learning import CalendarServer
from forewarn_adapters.config.values import origin
from forewarn_adapters.http import HttpClient, HttpLimits, shown
from forewarn_adapters.prometheus_answer import failure_of
from forewarn_adapters.repeating import check_rules
from forewarn_models.errors import DataError, ForewarnError
from forewarn_models.masks import Interval

if TYPE_CHECKING:
    from icalendar import Calendar, Event

Place: TypeAlias = str | Path | CalendarServer

MOST_BYTES = 1 << 22
MOST_EVENTS = 5_000
_RETRIES = 2


def name_of(place: Place) -> str:
    """Return what messages call a calendar: of a url the host alone, its path may be secret."""
    return str(place) if isinstance(place, Path) else origin(_server(place).url)


def read_calendar(place: Place, *, zone: str, first: int, last: int) -> tuple[Interval, ...]:
    """Return the events of a calendar that touch the time between two instants in milliseconds.

    Args:
        place: a file, a url, or a server with credentials.
        zone: of days and times that name none.
        first: the beginning of that time.
        last: its end.

    Raises SourceError when it cannot be read, DataError when it is no calendar or too large.
    """
    content = _file(place) if isinstance(place, Path) else _fetched(_server(place))
    start, end = (datetime.fromtimestamp(at / 1_000, UTC) for at in (first, last))
    # Days of a zone begin up to a day before or after those of the world.
    slack = timedelta(days=1)
    with _understood(name_of(place)):
        events = _occurrences(content, start - slack, end + slack)
        return tuple(_interval(event, ZoneInfo(zone)) for event in events)


def _server(place: str | CalendarServer) -> CalendarServer:
    return place if isinstance(place, CalendarServer) else CalendarServer(url=place)


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as missing:
        raise DataError(f"{path}: a calendar must be readable: {missing.strerror}") from missing
    if len(content) > MOST_BYTES:
        raise DataError(f"{path}: a calendar must be at most {MOST_BYTES} bytes, got more")
    return content


def _fetched(server: CalendarServer) -> bytes:
    parts = urlsplit(server.url)
    # The client is that of the host, so that no message of its own shows the path.
    host = server.model_copy(update={"url": origin(server.url)})
    client = HttpClient(host, HttpLimits(connections=1, retries=_RETRIES, answer_bytes=MOST_BYTES))
    try:
        answer = client.get(f"{parts.path}?{parts.query}" if parts.query else parts.path, {})
    finally:
        client.close()
    if answer.status != 200:
        raise failure_of(answer)
    return bytes(answer.body)


def _occurrences(content: bytes, start: datetime, end: datetime) -> "list[Event]":
    import icalendar
    import recurring_ical_events

    calendar = icalendar.Calendar.from_ical(content)
    _check_size(calendar, end)
    found = recurring_ical_events.of(calendar).between(start, end)
    return [event for event in found if str(event.get("STATUS", "")).upper() != "CANCELLED"]


def _check_size(calendar: "Calendar", end: datetime) -> None:
    events = calendar.walk("VEVENT")
    if len(events) > MOST_EVENTS:
        raise DataError(f"a calendar must have at most {MOST_EVENTS} events, got {len(events)}")
    zones = [*calendar.walk("STANDARD"), *calendar.walk("DAYLIGHT")]
    if len(zones) > MOST_EVENTS:
        raise DataError(f"a calendar's clocks must change at most {MOST_EVENTS} times in its zones")
    check_rules(events, zones, end.date())


def _interval(event: "Event", zone: ZoneInfo) -> Interval:
    start, end = (_milliseconds(at, zone) for at in (event.start, event.end))
    return Interval(start, end)


def _milliseconds(value: date | datetime, zone: ZoneInfo) -> int:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=zone)
    elif value.tzinfo is None:
        value = value.replace(tzinfo=zone)
    return round(value.timestamp() * 1_000)


@contextmanager
def _understood(name: str) -> Iterator[None]:
    """Turn whatever a calendar that is none does to the libraries into DataError."""
    try:
        yield
    except ForewarnError as refused:
        raise DataError(f"{name}: {refused}") from refused
    except Exception as broken:  # the parser promises nothing for what is not a calendar
        raise DataError(
            f"{name}: a calendar must be iCalendar, got {shown(str(broken))}"
        ) from broken
