"""The form of questions and answers about forecasts that are there, and about capacity."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from forewarn_service.api.limits import MAX_HORIZONS, MAX_LEVELS, MAX_PAGE, MAX_SELECTOR
from forewarn_service.api.wire import SIGNAL_PATTERN, DurationText, Numbers, Part

Match = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=MAX_SELECTOR,
        description="Only series whose labels this selector chooses, as Prometheus writes it.",
        examples=['{instance="web-1"}'],
    ),
]
PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE)]


class ForecastsQuery(BaseModel):
    """Which part of a forecast is wanted: some horizons, or the whole path."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    signal: Annotated[str, Field(pattern=SIGNAL_PATTERN, examples=["disk_free"])]
    match: Match = None
    horizon: Annotated[
        list[DurationText],
        Field(
            max_length=MAX_HORIZONS,
            description="Distances from now. Left out: a quarter, half and all of the signal's.",
        ),
    ] = []
    path: Annotated[bool, Field(description="Every step, in place of some horizons.")] = False
    step: Annotated[
        DurationText | None,
        Field(description="Of a path: a multiple of the forecast's own. Left out: that."),
    ] = None
    quantile: Annotated[
        list[Annotated[float, Field(gt=0, lt=1)]],
        Field(max_length=2 * MAX_LEVELS + 1, description="Levels to show. Left out: all."),
    ] = []
    limit: PageSize = 100
    cursor: Annotated[
        str | None, Field(pattern=r"^[0-9]{1,9}\.[0-9]{1,9}$", description="`next_cursor`.")
    ] = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if self.path and self.horizon:
            raise ValueError("give `path` or `horizon`, not both")
        if self.step is not None and not self.path:
            raise ValueError("`step` goes with `path=true` only")
        return self


class CapacityQuery(BaseModel):
    """Which series are ranked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signal: Annotated[
        str | None,
        Field(
            pattern=SIGNAL_PATTERN,
            description="Left out: all signals with a limit.",
            examples=["disk_free"],
        ),
    ] = None
    match: Match = None
    limit: PageSize = 100
    cursor: Annotated[str | None, Field(pattern=r"^[0-9]{1,9}$", description="`next_cursor`.")] = (
        None
    )


class SeriesAhead(Part):
    """Where one series is heading; `quantiles` has one list for each of the answer's levels."""

    labels: dict[str, str]
    model: str
    value: Annotated[float | None, Field(description="The newest sample.")]
    quantiles: list[Numbers]


class ForecastPage(Part):
    """A page of the newest forecast of a signal; `next_cursor` is null on the last one."""

    signal: str
    model_version: int
    made: Annotated[float, Field(description="Epoch seconds from which it looks ahead.")]
    step_seconds: Annotated[float, Field(description="Of the forecast itself.")]
    timestamps: list[float]
    quantile_levels: list[float]
    series: list[SeriesAhead]
    next_cursor: str | None


class TimeToLimit(Part):
    """Seconds by which the chance of having reached the limit is 1, 5 and 9 in 10.

    Null is *not within the horizon*, where `breach` holds a probability; else *cannot say*.
    """

    p10: float | None
    p50: float | None
    p90: float | None


class BreachBy(Part):
    """The probability that the limit is reached at least once by then; null = cannot say."""

    horizon_seconds: float
    probability: float | None


class SeriesCapacity(Part):
    """How long one series lasts."""

    rank: int
    signal: str
    labels: dict[str, str]
    value: Annotated[float | None, Field(description="The newest sample.")]
    limit: Annotated[float | None, Field(description="What must not be crossed; null = unknown.")]
    side: Literal["above", "below"]
    growth_per_day: Annotated[float | None, Field(description="Of the median forecast.")]
    time_to_limit_seconds: TimeToLimit
    breach: list[BreachBy]
    made: Annotated[float, Field(description="Epoch seconds from which all this counts.")]
    model_version: int


class CapacityPage(Part):
    """A page of series, what runs out first first; `next_cursor` is null on the last one."""

    series: list[SeriesCapacity]
    waiting: Annotated[
        list[str], Field(description="Signals with a limit that have no forecast yet.")
    ]
    next_cursor: str | None
