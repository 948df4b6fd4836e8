"""The form of questions and answers about security events."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from forewarn_service.api.limits import MAX_PAGE
from forewarn_service.api.wire import Instant, Part

Level = Literal["informational", "low", "medium", "high", "critical"]


class SecurityEventsQuery(BaseModel):
    """Which security events are asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    since: Annotated[
        Instant | None,
        Field(description="Only those whose newest line is of then or later, epoch seconds."),
    ] = None
    level: Annotated[Level | None, Field(description="Only those of rules of this level.")] = None
    service: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="Only those of this service, as in the label `service`.",
            examples=["sshd"],
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="How many, the newest.")] = 100


class SecurityEventShown(Part):
    """Something that a rule found, as it is now."""

    event_id: Annotated[str, Field(description="The same as long as it goes on.")]
    rule: Annotated[str, Field(description="Its name, as in the label `rule`.")]
    rule_id: Annotated[str, Field(description="The UUID of the rule.")]
    title: str
    level: str
    source: Annotated[str, Field(description="The source of the lines.")]
    service: Annotated[str, Field(description="`unknown` where nobody says it.")]
    host: Annotated[str, Field(description="Empty where nobody says it.")]
    source_address: Annotated[
        str, Field(description="Where it came from; empty where its lines do not share one.")
    ]
    account: Annotated[
        str, Field(description="Whose account; empty where its lines do not share one.")
    ]
    fields: Annotated[dict[str, str], Field(description="By what else its lines belong together.")]
    began: Annotated[float, Field(description="The time of the first line, epoch seconds.")]
    newest: Annotated[float, Field(description="The time of the newest line, epoch seconds.")]
    lines: Annotated[int, Field(description="On how many it rests.")]
    is_ended: Annotated[bool, Field(description="Nothing more will come of it.")]
    evidence: Annotated[
        list[str], Field(description="At most five lines, cut, with secrets masked.")
    ]


class SecurityEventsPage(Part):
    """Events, the newest line first."""

    events: list[SecurityEventShown]
