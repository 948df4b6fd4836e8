"""The schema of `forewarn.yaml`: what may stand in it, and the defaults.

The whole file is here; what is larger has a module of its own beside it. Each class is a mapping of
the file, each field a key of it; the descriptions and examples are what `docs/configuration.md`
shows. What one value must be stands in `values.py`; what several keys must be together is checked
in `checks.py`.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from forewarn_adapters.config.api import Api
from forewarn_adapters.config.endpoints import Section
from forewarn_adapters.config.learning import MOST_MASKS, CivilTime, Mask
from forewarn_adapters.config.logs import Logs
from forewarn_adapters.config.servers import Prometheus, RemoteWrite
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.config.values import (
    AlertBudget,
    Duration,
    LocalPath,
    NotEmpty,
    StoreUrl,
    Team,
    TrackingUrl,
)

MOST_SIGNALS = 10_000


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
        Field(
            max_length=MOST_SIGNALS,
            description="What is watched: a list of signals. Required unless there are `logs`, "
            "whose new patterns and security events need none.",
        ),
    ] = ()

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
