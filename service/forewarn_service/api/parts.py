"""What the API is made of: every part is given to it, none is looked up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request

from forewarn_adapters.config.schema import Config
from forewarn_adapters.security.events import SecurityEvent
from forewarn_adapters.store import Store
from forewarn_models.samples import Samples
from forewarn_service.api.access import Tokens
from forewarn_service.api.audit import AuditTrail
from forewarn_service.api.champions import Champions, LoadedChampions
from forewarn_service.api.limits import DEFAULT_LIMITS, Limits
from forewarn_service.api.pool import WorkPool
from forewarn_service.live import Live


class RangeSource(Protocol):
    """Where samples of a query are read from; calls block."""

    def read_range(
        self, query: str, *, start_milliseconds: int, end_milliseconds: int, step_milliseconds: int
    ) -> Samples: ...


class Exposing(Protocol):
    """What answers a scrape; `Exposition.body` is one."""

    def __call__(self, *, openmetrics: bool) -> bytes: ...


def no_example(_pattern: str) -> None:
    """Return nothing: this process reads no logs."""


def nobody(_scraper: str) -> None:
    """Do nothing: nobody needs to know who scrapes."""


def nothing() -> None:
    """Return nothing: there is nothing that is waited for."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The dependencies of the API.

    Args:
        config: what is listened on, the tokens, the signals.
        live: the newest verdicts; the only thing that the signals' routes read.
        store: where the audit goes and is read from.
        champions: the model registry.
        source: where queries are answered.
        metrics: returns the exposition, ready made; called at each scrape.
        train: queues a training of the named signal and returns at once; False = it is queued or
            under way already.
        now_milliseconds: the clock.
        heartbeat_milliseconds: when the service's loops last went round.
        is_warm: returns whether all code is compiled; until then nothing is scored.
        logs_wait_for: returns a word and a sentence for what reading of logs waits for, if it does.
        scraped: told who scrapes before `metrics` is called; from other threads.
        heartbeat_timeout_seconds: a longer silence of the loops is death.
        count_error: called with the reason of each error that nobody expected.
        limits: sizes and times.
        scores: whether this process scores; else no signal is waited for.
        security_events: returns what security rules found in logs; None where this process reads
            none.
        log_example: returns a line of a pattern of logs by its name, with secrets masked; None
            where this process has none. Called from other threads.
    """

    config: Config
    live: Live
    store: Store
    champions: Champions
    source: RangeSource
    metrics: Exposing
    train: Callable[[str], bool]
    now_milliseconds: Callable[[], int]
    heartbeat_milliseconds: Callable[[], int]
    is_warm: Callable[[], bool] = lambda: True
    logs_wait_for: Callable[[], tuple[str, str] | None] = nothing
    scraped: Callable[[str], None] = nobody
    heartbeat_timeout_seconds: float = 60.0
    count_error: Callable[[str], None] = lambda reason: None  # noqa: ARG005  the default counts nothing
    limits: Limits = DEFAULT_LIMITS
    log_example: Callable[[str], str | None] = no_example
    security_events: Callable[[], tuple[SecurityEvent, ...] | None] = nothing
    scores: bool = True


@dataclass(frozen=True, eq=False)
class Running:
    """The parts and what the API itself keeps while it runs."""

    parts: Parts
    tokens: Tokens
    audit: AuditTrail
    pool: WorkPool
    models: LoadedChampions


def running_of(request: Request) -> Running:
    """Return what `create_app` put together."""
    running: Running = request.app.state.running
    return running


RunningApi = Annotated[Running, Depends(running_of)]
