"""A signal in `forewarn.yaml`: a query, how it is judged, and what is forecast of it."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from forewarn_adapters.config.endpoints import Section
from forewarn_adapters.config.learning import MOST_MASKS, CivilTime, Mask
from forewarn_adapters.config.values import (
    AlertBudget,
    BoundsOfValues,
    Duration,
    LabelName,
    NumberOrQuery,
    Query,
    Seasons,
    Team,
)
from forewarn_models.budget import DEFAULT_BUDGET
from forewarn_models.durations import milliseconds_of


class Limit(Section):
    """The value that must not be crossed: exactly one of `above` and `below`."""

    above: Annotated[
        NumberOrQuery | None,
        Field(
            description="Crossed when the series rises above it: a number, or a query whose value "
            "it is.",
            examples=[0.95, "node_filesystem_size_bytes * 0.9"],
        ),
    ] = None
    below: Annotated[
        NumberOrQuery | None,
        Field(
            description="Crossed when the series falls below it: a number or a query.",
            examples=[1_000_000_000],
        ),
    ] = None


class ForecastPolicy(Section):
    """What is forecast for a signal; independent of the step at which it is scored."""

    step: Annotated[
        Duration,
        Field(description="The time from one forecast value to the next.", examples=["6h"]),
    ] = timedelta(hours=1)
    history: Annotated[
        Duration, Field(description="How much of the past it learns from.", examples=["180d"])
    ] = timedelta(days=28)
    horizon: Annotated[Duration, Field(description="How far it looks ahead.", examples=["90d"])] = (
        timedelta(days=7)
    )
    model: Annotated[
        Literal["auto", "hybrid", "prophet", "ets", "seasonal_naive"],
        Field(
            description="The forecaster. `auto` takes the one that would have been best on each "
            "series' own past.",
            examples=["prophet"],
        ),
    ] = "auto"
    limit: Annotated[
        Limit | None,
        Field(
            description="The value that must not be crossed; the time left until then is a metric."
        ),
    ] = None
    regressor: Annotated[
        Query | None,
        Field(
            description="PromQL of what may drive its series, as traffic drives CPU: one series "
            "for all, or one for each with the same labels. It is forecast as well, and used "
            "where that would have been better. Needs `model: auto` or `hybrid`.",
            examples=["sum(rate(http_requests_total[5m]))"],
        ),
    ] = None


class Signal(Section):
    """A named query with its policy: what is watched, and how rare an alarm must be."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$",
            description="The name, unique in the file; the label `signal` of all its metrics.",
            examples=["api_latency_p99"],
        ),
    ]
    query: Annotated[
        Query,
        Field(
            description="PromQL that returns the series to watch, one for each set of labels. "
            "Give counters a `rate(...)`.",
            examples=["sum by (service) (rate(http_requests_total[5m]))"],
        ),
    ]
    step: Annotated[
        Duration,
        Field(description="How often it is scored, and the grid it learns on.", examples=["1m"]),
    ] = timedelta(seconds=30)
    history: Annotated[
        Duration,
        Field(
            description="How much of the past it learns from; at least 60 steps and more than "
            "twice the longest season.",
            examples=["60d"],
        ),
    ] = timedelta(days=28)
    seasons: Annotated[
        Seasons,
        Field(
            description="The cycles in which it repeats itself; `auto` finds them, `[]` says that "
            "there are none.",
            examples=["[1d, 7d]"],
        ),
    ] = "auto"
    direction: Annotated[
        Literal["up", "down", "both"],
        Field(
            description="Which side is worth an alarm: `up` for errors and latency, `down` for "
            "traffic that must not stop.",
            examples=["up"],
        ),
    ] = "both"
    group_by: Annotated[
        tuple[LabelName, ...],
        Field(
            max_length=16,
            description="Labels: the series that agree on them are also judged together, so that "
            "a combination that never occurs is found where each value alone is ordinary.",
            examples=["[instance]"],
        ),
    ] = ()
    siblings: Annotated[
        tuple[LabelName, ...] | None,
        Field(
            max_length=16,
            description="Labels: a new series that agrees on them with a known one is scored from "
            "its first samples, with what that one has learned, and none of them is missed while "
            "another lives. Without it: those of `group_by`. "
            "An empty list: no series has siblings.",
            examples=["[service]"],
        ),
    ] = None
    bounds: Annotated[
        BoundsOfValues,
        Field(
            description="What its values cannot leave; bands and forecasts are cut there, scores "
            "stay. A low and a high value, `null` for none; `auto` is what the query, names, types "
            "and history tell.",
            examples=["[0, 1]"],
        ),
    ] = "auto"
    budget: Annotated[
        AlertBudget,
        Field(
            description="How many false alarms are acceptable, for each series and each group. "
            "It is the threshold: there is no other.",
            examples=["2/week"],
        ),
    ] = DEFAULT_BUDGET
    team: Annotated[
        Team | None,
        Field(
            description="Who is paged; where `budgets` names teams it must be one of them.",
            examples=["checkout"],
        ),
    ] = None
    calendar: Annotated[
        CivilTime | None,
        Field(description="The civil time of its people. Without it: the `calendar` of the file."),
    ] = None
    masks: Annotated[
        tuple[Mask, ...] | None,
        Field(
            max_length=MOST_MASKS,
            description="Times that it must not learn from. Without it: the `masks` of the file.",
        ),
    ] = None
    forecast: Annotated[
        ForecastPolicy | None,
        Field(description="Also forecast it. Without this key: no forecast."),
    ] = None

    @property
    def step_milliseconds(self) -> int:
        return milliseconds_of(self.step)
