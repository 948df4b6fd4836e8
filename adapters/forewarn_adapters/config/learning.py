"""Sections of `forewarn.yaml` that say how what is normal is learned."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from forewarn_adapters.config.endpoints import Endpoint, Section
from forewarn_adapters.config.values import Day, Duration, HttpUrl, LabelMatch, LocalPath

MOST_MASKS = 100


class CivilTime(Section):
    """The time that people keep whose habits the series show, and the days they do not work.

    A daily cycle then follows their clocks, in summer as in winter, and where days off have a
    cycle of their own, holidays belong to it.
    """

    timezone: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            description="A time zone by its name in the IANA database.",
            examples=["Europe/Berlin"],
        ),
    ] = "UTC"
    country: Annotated[
        str | None,
        Field(
            max_length=100,
            description="The country whose public holidays are days off, by its code of ISO 3166. "
            "Without it: no holidays.",
            examples=["DE"],
        ),
    ] = None
    subdivision: Annotated[
        str | None,
        Field(
            max_length=100,
            description="A part of the country, by its code, for the holidays that only it has.",
            examples=["BY"],
        ),
    ] = None
    days_off: Annotated[
        tuple[Day, ...],
        Field(
            max_length=10_000,
            description="More days that are like holidays.",
            examples=["[2026-12-24, 2026-12-31]"],
        ),
    ] = ()


class CalendarServer(Endpoint):
    """A server that gives a calendar of maintenance."""

    url: Annotated[
        HttpUrl,
        Field(
            description="The whole url of the calendar. Messages name its host alone: the rest may "
            "be all that keeps it private.",
            examples=["https://calendar.example/maintenance.ics"],
        ),
    ]


class Silences(Endpoint):
    """The silences of an Alertmanager: what is silenced is known to be unusual.

    Those that are active or have expired hide the series whose labels their matchers accept;
    `signal` and `team` count as labels, and a silence of our own pages hides what it silences.
    Alertmanager forgets a silence days after its end (`--data.retention`); what a champion was
    trained without stays hidden from the next.
    """

    url: Annotated[
        HttpUrl,
        Field(description="Where the Alertmanager is.", examples=["http://alertmanager:9093"]),
    ]
    matchers: Annotated[
        tuple[LabelMatch, ...],
        Field(
            max_length=100,
            description="Only silences that have these matchers.",
            examples=["['team=\"checkout\"']"],
        ),
    ] = ()


def _form_of_calendar(value: object) -> str:
    if isinstance(value, Mapping | Section):
        return "[server]"
    return "[url]" if "://" in str(value) else "[path]"


CalendarPlace = Annotated[
    Annotated[HttpUrl, Tag("[url]")]
    | Annotated[LocalPath, Tag("[path]")]
    | Annotated[CalendarServer, Tag("[server]")],
    Discriminator(_form_of_calendar),
]


class Mask(Section):
    """Times that must not be learned from: exactly one of `ical`, `silences` and `query`.

    A mask that is added later, or knows more, cleans the next training. One that cannot be read
    is told as a warning, and training goes on without it.
    """

    ical: Annotated[
        CalendarPlace | None,
        Field(
            description="The events of a calendar in iCalendar's form: a file, a url, or a mapping "
            "where the server needs credentials. Days and times without a zone are those of "
            "`calendar`.",
            examples=["maintenance.ics"],
        ),
    ] = None
    silences: Annotated[Silences | None, Field(description="The silences of an Alertmanager.")] = (
        None
    )
    query: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=10_000,
            description="PromQL: the instants at which it has a value, at the step of the signal.",
            examples=["deploy_in_progress == 1"],
        ),
    ] = None
    padding: Annotated[
        Duration | None,
        Field(
            description="Added before and after each time, for what begins early and ends late.",
            examples=["15m"],
        ),
    ] = None
