"""The schema of `forewarn.yaml`: what may stand in it, and the defaults, in one place."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from forewarn_models.budget import DEFAULT_BUDGET, Budget, parse_budget
from forewarn_models.durations import milliseconds_of, parse_duration


def _duration(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else parse_duration(str(value))


def _budget(value: object) -> Budget:
    return value if isinstance(value, Budget) else parse_budget(str(value))


Duration = Annotated[timedelta, BeforeValidator(_duration)]
AlertBudget = Annotated[Budget, BeforeValidator(_budget)]


class Section(BaseModel):
    """A mapping of the file: unknown keys are refused, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class BasicAuth(Section):
    """A user name and its password."""

    username: str
    password: SecretStr


class Tls(Section):
    """Certificates for a server that is reached over https."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None


class Endpoint(Section):
    """A server that is reached over HTTP."""

    url: str
    basic_auth: BasicAuth | None = None
    bearer_token: SecretStr | None = None
    tls: Tls | None = None
    timeout: Duration = timedelta(seconds=30)


class Prometheus(Endpoint):
    """The Prometheus, or a server with its API, that holds the series."""

    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    retries: Annotated[int, Field(ge=0, le=10)] = 3


class RemoteWrite(Endpoint):
    """Where scores are written to, in place of waiting for a scrape."""

    queue_samples: Annotated[int, Field(ge=1_000, le=50_000_000)] = 2_000_000
    batch_samples: Annotated[int, Field(ge=1, le=100_000)] = 5_000


Role = Literal["read", "score", "operate", "admin"]


class Token(Section):
    """A bearer token of the API, its role, and the team it is limited to."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    token: Annotated[SecretStr, Field(min_length=16)]
    role: Role = "read"
    team: str | None = None


class Api(Section):
    """The HTTP API and `/metrics`."""

    listen: str = "127.0.0.1:9464"
    tokens: tuple[Token, ...] = ()
    tls: Tls | None = None


class Training(Section):
    """When models are trained, and where they are kept."""

    every: Duration = timedelta(days=1)
    jitter: Duration = timedelta(minutes=5)
    tracking_url: str = "sqlite:///mlruns/mlflow.db"


class Limit(Section):
    """The value that must not be crossed: a number or a query, from above or from below."""

    above: float | str | None = None
    below: float | str | None = None


class ForecastPolicy(Section):
    """What is forecast for a signal; independent of the step at which it is scored."""

    step: Duration = timedelta(hours=1)
    history: Duration = timedelta(days=28)
    horizon: Duration = timedelta(days=7)
    model: Literal["auto", "hybrid", "prophet", "ets"] = "auto"
    limit: Limit | None = None


class Signal(Section):
    """A named query with its policy."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$")]
    query: Annotated[str, Field(min_length=1, max_length=10_000)]
    step: Duration = timedelta(seconds=30)
    history: Duration = timedelta(days=28)
    seasons: Literal["auto"] | tuple[Duration, ...] = "auto"
    direction: Literal["up", "down", "both"] = "both"
    group_by: tuple[str, ...] = ()
    budget: AlertBudget = DEFAULT_BUDGET
    team: str | None = None
    forecast: ForecastPolicy | None = None

    @property
    def step_milliseconds(self) -> int:
        return milliseconds_of(self.step)


class Config(Section):
    """The whole file. Exactly one of `prometheus` and `files` names the source of series."""

    prometheus: Prometheus | None = None
    files: tuple[Path, ...] = ()
    remote_write: RemoteWrite | None = None
    api: Api = Api()
    training: Training = Training()
    state_directory: Path = Path("forewarn-state")
    store_url: str | None = None  # None: an SQLite file in the state directory
    budgets: dict[str, AlertBudget] = {}
    signals: Annotated[tuple[Signal, ...], Field(min_length=1)]
