"""Sections of `forewarn.yaml` that say how what is normal is learned."""

from typing import Annotated

from pydantic import Field

from forewarn_adapters.config.endpoints import Section
from forewarn_adapters.config.values import Day


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
