"""The schema of `forewarn.yaml`: what may stand in it, and the defaults, in one place.

Each class is a mapping of the file, each field a key of it; the descriptions and examples are
what `docs/configuration.md` shows. What one value must be stands in `values.py`; what several keys
must be together is checked in `checks.py`.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from forewarn_adapters.config.addresses import host_of, port_of
from forewarn_adapters.config.endpoints import Endpoint, Section, Tls
from forewarn_adapters.config.learning import CivilTime, Mask
from forewarn_adapters.config.logs import Logs
from forewarn_adapters.config.values import (
    AlertBudget,
    BoundsOfValues,
    Duration,
    HttpUrl,
    LabelName,
    ListenAddress,
    LocalPath,
    NotEmpty,
    NumberOrQuery,
    Query,
    Seasons,
    StoreUrl,
    Team,
    TrackingUrl,
    WholeNumber,
)
from forewarn_models.budget import DEFAULT_BUDGET
from forewarn_models.durations import milliseconds_of

MOST_SIGNALS = 10_000
MOST_MASKS = 100


class Prometheus(Endpoint):
    """The Prometheus, or a server with its API, that holds the series."""

    concurrency: Annotated[
        WholeNumber,
        Field(
            ge=1,
            le=64,
            description="How many queries may run on the server at one time; queries of the API "
            "add two at most.",
            examples=[8],
        ),
    ] = 4
    retries: Annotated[
        WholeNumber,
        Field(
            ge=0,
            le=10,
            description="How often a query is tried again when the server fails, with growing "
            "pauses. A query that the server refuses is not tried again.",
            examples=[5],
        ),
    ] = 3


class RemoteWrite(Endpoint):
    """Where scores are written to, in place of waiting for a scrape of `/metrics`."""

    url: Annotated[
        HttpUrl,
        Field(
            description="The whole url of the receiver, its path included.",
            examples=["http://prometheus:9090/api/v1/write"],
        ),
    ]
    queue_samples: Annotated[
        WholeNumber,
        Field(
            ge=1_000,
            le=50_000_000,
            description="How many samples wait in memory while the server is down; when it is "
            "full, the oldest are dropped and counted.",
            examples=[500_000],
        ),
    ] = 2_000_000
    batch_samples: Annotated[
        WholeNumber,
        Field(
            ge=1,
            le=100_000,
            description="How many samples one request carries at most.",
            examples=[2_000],
        ),
    ] = 5_000


Role = Literal["read", "score", "operate", "admin"]


class Token(Section):
    """A bearer token of the API, its role, and the team it is limited to."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            description="Who uses the token; the audit shows this name.",
            examples=["grafana"],
        ),
    ]
    token: Annotated[
        SecretStr,
        Field(
            min_length=16,
            description="The token itself, at least 16 characters.",
            examples=["${GRAFANA_TOKEN}"],
        ),
    ]
    role: Annotated[
        Role,
        Field(
            description="What the token may do; each role may do what those before it may: "
            "`read` sees signals and verdicts, `score` also sends values to be scored, `operate` "
            "also changes what runs, `admin` also reads the audit.",
            examples=["operate"],
        ),
    ] = "read"
    team: Annotated[
        Team | None,
        Field(
            description="Limits the token to the signals of one team. Without it: all signals.",
            examples=["checkout"],
        ),
    ] = None


class Api(Section):
    """The HTTP API and `/metrics`."""

    listen: Annotated[
        ListenAddress,
        Field(
            description="The address and port that the service listens on. Anything but loopback "
            "needs `tokens`. Port 0 picks a free one.",
            examples=["0.0.0.0:9464", "[::1]:9464"],
        ),
    ] = "127.0.0.1:9464"
    tokens: Annotated[
        tuple[Token, ...],
        Field(max_length=1_000, description="Who may use the API. On loopback it may be empty."),
    ] = ()
    tls: Annotated[
        Tls | None,
        Field(
            description="Serve https with `cert_file` and `key_file`; with `ca_file` clients must "
            "show a certificate that it has signed."
        ),
    ] = None

    @property
    def host(self) -> str:
        """The address of `listen` without brackets; empty means every interface."""
        return host_of(self.listen)

    @property
    def port(self) -> int:
        return port_of(self.listen)


class Training(Section):
    """When models are trained, and where they are kept."""

    every: Annotated[
        Duration, Field(description="How often each signal is trained anew.", examples=["12h"])
    ] = timedelta(days=1)
    jitter: Annotated[
        Duration,
        Field(
            description="Trainings are spread over this time at random, so that they do not all "
            "ask Prometheus at once.",
            examples=["30m"],
        ),
    ] = timedelta(minutes=5)
    tracking_url: Annotated[
        TrackingUrl,
        Field(
            validate_default=True,
            description="Where MLflow keeps runs and models: an SQLite file, a database, or a "
            "tracking server.",
            examples=["http://mlflow:5000", "postgresql://mlflow:${MLFLOW_PASSWORD}@db/mlflow"],
        ),
    ] = "sqlite:///mlruns/mlflow.db"


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


class Config(Section):
    """The whole file. Exactly one of `prometheus` and `files` names the source of series."""

    prometheus: Annotated[
        Prometheus | None,
        Field(description="The server to read series from. Not together with `files`."),
    ] = None
    files: Annotated[
        tuple[LocalPath, ...],
        Field(
            max_length=10_000,
            description="CSV or Parquet files to read series from, in place of a server.",
            examples=["[recordings/cpu.csv]"],
        ),
    ] = ()
    remote_write: Annotated[
        RemoteWrite | None,
        Field(
            description="Write scores to this server. Without it they wait at `/metrics` to be "
            "scraped."
        ),
    ] = None
    api: Annotated[Api, Field(description="The HTTP API and `/metrics`.")] = Api()
    training: Annotated[
        Training, Field(description="When models are trained, and where they are kept.")
    ] = Training()
    state_directory: Annotated[
        LocalPath,
        Field(
            validate_default=True,
            description="A folder for checkpoints and, without `store_url`, the store.",
            examples=["/var/lib/forewarn"],
        ),
    ] = Path("forewarn-state")
    store_url: Annotated[
        StoreUrl | None,
        Field(
            description="Where the audit and the lease of replicas are kept: `sqlite:///path` or "
            "`postgresql://...`. Without it: an SQLite file in `state_directory`.",
            examples=["postgresql://forewarn:${STORE_PASSWORD}@db/forewarn"],
        ),
    ] = None
    budgets: Annotated[
        dict[Team, AlertBudget],
        Field(
            max_length=1_000,
            description="How many pages each team accepts from all its signals together. Where "
            "it names teams, every `team` in the file must be one of them.",
            examples=["{checkout: 2/week}"],
        ),
    ] = {}  # noqa: RUF012  pydantic copies a default for each instance
    calendar: Annotated[
        CivilTime,
        Field(description="The civil time of the people whose habits the series show."),
    ] = CivilTime()
    masks: Annotated[
        tuple[Mask, ...],
        Field(max_length=MOST_MASKS, description="Times that must not be learned from."),
    ] = ()
    logs: Annotated[
        Logs | None, Field(description="Also read logs, and count their lines by pattern.")
    ] = None
    # Last, because it takes over what stands above it.
    signals: Annotated[
        tuple[Signal, ...],
        NotEmpty,
        Field(max_length=MOST_SIGNALS, description="What is watched: a list of signals."),
    ]

    @field_validator("signals")
    @classmethod
    def _with_what_the_file_says(
        cls, signals: tuple[Signal, ...], info: ValidationInfo
    ) -> tuple[Signal, ...]:
        """Let each signal say all that holds for it, so that nobody has to ask the file as well."""
        shared = {key: info.data.get(key) for key in ("calendar", "masks")}
        return tuple(
            signal.model_copy(
                update={key: each for key, each in shared.items() if getattr(signal, key) is None}
            )
            for signal in signals
        )

    @property
    def effective_store_url(self) -> str:
        """`store_url`, or that of the SQLite file in the state directory."""
        return self.store_url or f"sqlite:///{self.state_directory / 'forewarn.sqlite'}"
