"""The form of questions and answers about lines of logs."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from forewarn_service.api.limits import MAX_CHANGES, MAX_WINDOWS
from forewarn_service.api.wire import SIGNAL_PATTERN, DurationText, Instant, Part
from forewarn_service.api.wire_capacity import Match


class ChangesQuery(BaseModel):
    """Around which time changes are looked for, and of whom."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    at: Annotated[
        Instant | None, Field(description="Where the window ends, epoch seconds. Left out: now.")
    ] = None
    window: Annotated[
        DurationText, Field(description="How long it is, from a minute to a day.")
    ] = "10m"
    windows_before: Annotated[
        int,
        Field(ge=2, le=MAX_WINDOWS, description="How many as long before it it is held against."),
    ] = 6
    service: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="The service.", examples=["checkout"]),
    ] = None
    signal: Annotated[
        str | None,
        Field(
            pattern=SIGNAL_PATTERN,
            description="In place of `service`: the services that labels of its series name, of "
            "those in an episode where there are any.",
        ),
    ] = None
    match: Match = None
    limit: Annotated[int, Field(ge=1, le=MAX_CHANGES)] = 20

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if self.service is not None and self.signal is not None:
            raise ValueError("give `service` or `signal`, not both")
        if self.match is not None and self.signal is None:
            raise ValueError("`match` goes with `signal` only")
        return self


class ChangedPattern(Part):
    """A pattern of a service, and how many lines of it came."""

    rank: int
    service: str
    pattern: Annotated[str, Field(description="Its name, as in the label `pattern`.")]
    template: Annotated[str | None, Field(description="Null = its series has ended.")]
    level: Annotated[str, Field(description="The most severe one; `unknown` where none is known.")]
    before: Annotated[float, Field(description="Lines in all windows before.")]
    during: Annotated[float, Field(description="Lines in the window.")]
    ratio: Annotated[
        float,
        Field(description="`during` over what was to be expected at the load of the window."),
    ]
    score: Annotated[
        float,
        Field(description="Decades: 3 = one of a thousand windows differs as much by chance."),
    ]
    is_new: Annotated[bool, Field(description="It was not there before the window.")]
    example: Annotated[
        str | None,
        Field(description="A line, with secrets masked; null where this process has none."),
    ]


class ChangesPage(Part):
    """What changed most, new patterns first; only what has a score of 1 or is new."""

    start: Annotated[float, Field(description="Of the window, epoch seconds.")]
    end: float
    before_start: Annotated[float, Field(description="Of the windows before it.")]
    services: Annotated[
        list[str], Field(description="Those that were looked at; empty = all there are.")
    ]
    patterns: list[ChangedPattern]
