"""The form of requests and answers, with their limits: what the OpenAPI document shows."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from forewarn_service.api.limits import MAX_LABELS, MAX_LEVELS, MAX_SAMPLES, MAX_SERIES

DurationText = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{1,12}(ms|s|m|h|d|w|y))+$",
        max_length=60,
        description="Whole numbers with units ms, s, m, h, d, w or y, such as 30s or 1h30m.",
    ),
]
BudgetText = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,9}/([0-9a-z]{1,60})$",
        description="False alarms that are acceptable in a period, such as 1/30d or 2/week.",
    ),
]
# From 1970 to 2200, epoch seconds as Prometheus writes them.
Instant = Annotated[float, Field(ge=0, le=7_258_118_400)]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=128)]
LabelValue = Annotated[str, Field(max_length=1_024)]
SIGNAL_PATTERN = r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$"
SignalName = Annotated[str, Field(pattern=SIGNAL_PATTERN)]


class Part(BaseModel):
    """A mapping of a request or an answer: nothing unknown, nothing converted, nothing infinite."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class SeriesValues(Part):
    """One series: its labels, and its samples in any order; null is an explicit "no value"."""

    labels: Annotated[dict[LabelName, LabelValue], Field(max_length=MAX_LABELS)] = {}
    # The first complaint of a list is enough: 200,000 of them would take memory and time.
    timestamps: Annotated[
        list[Instant], Field(min_length=1, max_length=MAX_SAMPLES, fail_fast=True)
    ]
    values: Annotated[
        list[float | None], Field(min_length=1, max_length=MAX_SAMPLES, fail_fast=True)
    ]


class Asked(Part):
    """What is asked about: values in the request, a query, or a configured signal."""

    series: Annotated[
        list[SeriesValues] | None,
        Field(
            description="The values themselves.",
            min_length=1,
            max_length=MAX_SERIES,
            fail_fast=True,
        ),
    ] = None
    query: Annotated[
        str | None,
        Field(
            description="PromQL (or a selector of files) that the service reads from its source.",
            min_length=1,
            max_length=10_000,
        ),
    ] = None
    signal: Annotated[
        SignalName | None, Field(description="A configured signal, whose champion is used.")
    ] = None
    step: Annotated[
        DurationText | None,
        Field(description="The grid. Left out: 1m for a query, else the samples' usual distance."),
    ] = None
    history: Annotated[
        DurationText | None, Field(description="How far back a query is read. Left out: 1d.")
    ] = None


class ScoreRequest(Asked):
    """Score values with a fresh fit, values with a signal's champion, or the result of a query."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "series": [
                        {
                            "labels": {"instance": "web-1"},
                            "timestamps": [1767225600, 1767225630, 1767225660],
                            "values": [0.21, None, 0.94],
                        }
                    ],
                    "signal": "api_latency_p99",
                },
                {"query": "node_load1", "history": "7d", "step": "5m", "direction": "up"},
            ]
        }
    )

    train_fraction: Annotated[
        float,
        Field(
            gt=0, lt=1, description="The share of the samples, from the first on, that is learned."
        ),
    ] = 0.5
    budget: BudgetText | None = None
    direction: Literal["up", "down", "both"] | None = None
    seasons: Literal["auto"] | Annotated[list[DurationText], Field(max_length=8)] | None = None
    group_by: Annotated[list[LabelName], Field(max_length=8)] | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        given = (self.series is not None, self.query is not None, self.signal is not None)
        if given not in {(True, False, False), (True, False, True), (False, True, False)}:
            raise ValueError("give `series`, or `series` and `signal`, or `query`")
        if self.query is None and (self.step is not None or self.history is not None):
            raise ValueError("`step` and `history` go with `query` only")
        fresh = (self.budget, self.direction, self.seasons, self.group_by)
        if self.signal is not None and any(option is not None for option in fresh):
            raise ValueError(
                "`budget`, `direction`, `seasons` and `group_by` are the signal's own: "
                "leave them out, or leave out `signal` for a fresh fit"
            )
        return self


class ForecastRequest(Asked):
    """Forecast values, the result of a query, or a configured signal."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"signal": "disk_used_bytes", "horizon": "7d", "levels": [80, 95]},
                {"query": "node_load1", "history": "14d", "step": "1h", "horizon": "2d"},
            ]
        }
    )

    horizon: Annotated[DurationText, Field(description="How far ahead, from the last sample.")]
    levels: Annotated[
        list[Annotated[float, Field(gt=0, lt=100)]],
        Field(min_length=1, max_length=MAX_LEVELS, description="Central bands, in percent."),
    ] = [80.0, 95.0]
    model: Literal["auto", "seasonal_naive", "hybrid", "prophet", "ets"] = "auto"

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if sum(part is not None for part in (self.series, self.query, self.signal)) != 1:
            raise ValueError("give exactly one of `series`, `query` and `signal`")
        if self.history is not None and self.query is None:
            raise ValueError("`history` goes with `query` only")
        if self.signal is not None and (self.step is not None or self.model != "auto"):
            raise ValueError("`step` and `model` are the signal's own: leave them out")
        return self


Numbers = list[float | None]
ViewName = Literal[
    "change", "slower_change", "value", "level", "season", "unrest", "drift", "stuck", "peers"
]


class ScoredSeries(Part):
    """The verdicts of one row, one entry a sample; null where nothing can be said."""

    labels: dict[str, str]
    timestamps: list[float]
    value: Numbers
    expected: Numbers
    lower: Numbers
    upper: Numbers
    score: Numbers
    return_period_seconds: Numbers
    anomalous: list[bool | None]
    view: Annotated[list[ViewName | None], Field(description="What is rarest; null: groups too.")]


class ScoreAnswer(Part):
    """The verdicts of each series, in the order of the request, then those of each group."""

    model_version: Annotated[int | None, Field(description="The champion's; null = fresh fit.")]
    step_seconds: float
    budget: str
    series: list[ScoredSeries]


class ForecastSeries(Part):
    """The quantiles of one series; `quantiles` has one list for each of the answer's levels."""

    labels: dict[str, str]
    model: str
    quantiles: list[Numbers]


class ForecastAnswer(Part):
    """The forecast of each series at the same times."""

    model_version: Annotated[int | None, Field(description="The champion's; null = fresh fit.")]
    step_seconds: float
    timestamps: list[float]
    quantile_levels: list[float]
    series: list[ForecastSeries]


class SignalSummary(Part):
    """One configured signal, and how it is right now."""

    name: str
    query: str
    step: str
    budget: str
    direction: str
    team: str | None
    model_version: int | None
    updated: Annotated[float | None, Field(description="Epoch seconds of the newest verdicts.")]
    series: int
    anomalous: int
    episodes: int
    cannot_say: Annotated[dict[str, int], Field(description="Rows without a verdict, by reason.")]


class SignalList(Part):
    """All signals that the caller may see."""

    signals: list[SignalSummary]


class SeriesNow(Part):
    """The newest verdict of one row."""

    labels: dict[str, str]
    timestamp: float | None
    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    score: float | None
    return_period_seconds: float | None
    anomalous: bool | None
    view: Annotated[ViewName | None, Field(description="What is rarest; null for groups.")]
    severity: Literal["none", "warning", "critical"]
    direction: Literal["up", "down", "both"]
    episode_view: Annotated[
        ViewName | None, Field(description="What is rarest about the episode's rarest sample.")
    ]
    episode_start: float | None
    cannot_say: str | None
    absence_score: Annotated[
        float | None, Field(description="How rare its silence is; null where that is no news.")
    ]


class SeriesPage(Part):
    """A page of rows; `next_cursor` is null on the last one."""

    signal: str
    model_version: int | None
    updated: float
    series: list[SeriesNow]
    next_cursor: str | None


class HealthReason(Part):
    """One thing that is not as it should be."""

    reason: str
    detail: str


class Health(Part):
    """Whether the service is well; `reasons` say what is not, also where the answer is yes."""

    status: Literal["ok", "unavailable"]
    reasons: list[HealthReason]


class AuditLine(Part):
    """One entry of the audit."""

    sequence: int
    timestamp: float
    actor: str
    action: str
    subject: str
    detail: str


class AuditPage(Part):
    """A page of the audit, newest first; `next_cursor` is null on the last one."""

    entries: list[AuditLine]
    next_cursor: str | None


class TrainAnswer(Part):
    """A training was queued, or one was queued or under way already."""

    signal: str
    queued: bool


class Complaint(Part):
    """One thing that is wrong with a request."""

    where: str
    what: str


class Problem(Part):
    """What was wrong (RFC 9457); `reason` is for programs."""

    type: str
    title: str
    status: int
    reason: str
    detail: str
    request_id: str
    errors: list[Complaint] = []
    reasons: list[HealthReason] = []
