"""Builds the service from a configuration and runs it until it is told to stop."""

import logging
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version as version_of

from prometheus_client import CollectorRegistry

from forewarn_adapters.checkpoint import CheckpointFolder
from forewarn_adapters.clock import Clock, now_milliseconds
from forewarn_adapters.config.logs import Logs
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.servers import RemoteWrite
from forewarn_adapters.logs.enrichment import enrich
from forewarn_adapters.logs.opening import open_log_source
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_adapters.security.rules import SecurityRules
from forewarn_adapters.source import Source, open_source
from forewarn_adapters.store import Store
from forewarn_service.api.app import create_app
from forewarn_service.api.limits import MAX_SAMPLES
from forewarn_service.api.parts import Parts, no_example, nobody, nothing
from forewarn_service.champions import Champions, ChampionWatch
from forewarn_service.exporter import Exposition
from forewarn_service.forecast_scoring import ForecastScoring
from forewarn_service.forecasting import Forecasting
from forewarn_service.http_server import HttpServer
from forewarn_service.lease import Lease
from forewarn_service.live import Live
from forewarn_service.logs.means import LogMeans
from forewarn_service.logs.role import LEASE_NAME as LOG_LEASE_NAME
from forewarn_service.logs.role import LogRole
from forewarn_service.loop import Loop
from forewarn_service.outputs import RemoteOutput, ScrapeOutput
from forewarn_service.read_back import written_until
from forewarn_service.remote_queue import RemoteQueue
from forewarn_service.telemetry import Telemetry
from forewarn_service.warm_up import WarmUp
from forewarn_service.worker import Output, Worker

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What the service shares with the other roles of its process.

    Args:
        config: the whole file.
        store: lease, audit, and how forecasts turn out.
        registry: where champions are kept.
        scores: whether this process scores.
        reads_logs: whether it reads logs, where the file names some.
        detects: whether it ever scores or trains, on request too.
        train: queues a training of a signal; False = it is queued already.
        collectors: the registry that `/metrics` shows beside the verdicts.
        clock: tells the time.
    """

    config: Config
    store: Store
    registry: Champions
    scores: bool = True
    reads_logs: bool = False
    detects: bool = True
    train: Callable[[str], bool] = lambda _signal: False
    collectors: CollectorRegistry = field(default_factory=CollectorRegistry)
    clock: Clock = now_milliseconds


class Service:
    """The scoring loop, the outputs and the API of one process, wired together.

    Raises ConfigError when the address cannot be listened on, and what opening the source raises.
    """

    def __init__(self, given: Surroundings) -> None:
        config, clock = given.config, given.clock
        self._given = given
        self._began_milliseconds: int | None = None  # to score
        self.live = Live()
        self.telemetry = Telemetry(
            given.collectors, version=version_of("forewarn"), scores=given.scores
        )
        self.source: Source = open_source(config)
        self._on_demand = self.source.limited(MAX_SAMPLES)
        self._lease = Lease(
            given.store, holder=_holder(), clock=clock, on_failure=self.telemetry.failed
        )
        self._exposition = Exposition(given.collectors)
        write = config.remote_write
        self._queue = self._remote_queue(write, self._lease) if write else None
        self._loop = self._scoring_loop() if given.scores else None
        self._logs = self._log_role(config.logs) if given.reads_logs and config.logs else None
        self._warm_up = WarmUp(
            self._begin,
            clock=clock,
            telemetry=self.telemetry,
            # One thing is compiled at a time, and what reads lines sooner than what scores.
            first=(self._logs.wait_until_compiled,) if self._logs else (),
            is_needed=given.detects,
        )
        self._server = HttpServer(create_app(self._parts()), config.api)
        self.url = self._server.url

    def start(self) -> None:
        """Begin to answer, and to score as soon as what scores is compiled."""
        if self._loop:
            self._lease.start()
            if self._queue:
                self._queue.start()
        if self._logs:
            self._logs.start()
        self._server.start()
        _log.info("listening on %s", self.url)
        self._warm_up.start()

    def stop(self) -> None:
        """End within two seconds: write the checkpoints, send what waits, give the lease back."""
        self._warm_up.stop()
        if self._loop:
            self._loop.stop()
            if self._queue:
                self._queue.stop()
            self._lease.stop()
        if self._logs:
            self._logs.stop()
        self._server.stop()
        self._on_demand.close()
        self.source.close()
        _log.info("stopped")

    def champions_changed(self) -> None:
        """Look for new champions at once."""
        if self._loop:
            self._loop.look_now()

    def exposition(self, *, openmetrics: bool) -> bytes:
        """Return what a scrape gets; only who writes shows verdicts, and who reads logs lines."""
        is_writer = self._queue is None and self._lease.is_held()
        self.telemetry.is_leader.set(self._lease.is_held())
        body = self._exposition.body(openmetrics=openmetrics, only_own=not is_writer)
        return (self._logs.exposition(openmetrics=openmetrics) if self._logs else b"") + body

    def _begin(self) -> None:
        if self._loop:
            self._began_milliseconds = self._given.clock()
            self._loop.start()

    def _log_role(self, settings: Logs) -> LogRole:
        given, write = self._given, self._given.config.remote_write
        lease = Lease(
            given.store,
            holder=_holder(),
            clock=given.clock,
            on_failure=self.telemetry.failed,
            name=LOG_LEASE_NAME,
        )
        directory = given.config.state_directory / "logs"
        return LogRole(
            LogMeans(
                settings=settings,
                rules=SecurityRules.load(
                    shipped=settings.security.shipped, paths=settings.security.rules
                ),
                directory=directory,
                lease=lease,
                queue=self._remote_queue(write, lease) if write else None,
                open_source=partial(open_log_source, directory=directory),
                enrich=enrich,
                clock=given.clock,
                telemetry=self.telemetry,
            )
        )

    def _remote_queue(self, settings: RemoteWrite, lease: Lease) -> RemoteQueue:
        return RemoteQueue(
            RemoteWriter(settings, clock=self._given.clock),
            read_back=self.source.read_newest,
            may_write=lease.is_held,
            clock=self._given.clock,
            telemetry=self.telemetry,
            most_samples=settings.queue_samples,
        )

    def _scoring_loop(self) -> Loop:
        given = self._given
        checkpoints = CheckpointFolder(given.config.state_directory / "checkpoints")
        workers = [
            Worker(
                signal,
                source=self.source,
                output=self._output(),
                checkpoints=checkpoints,
                telemetry=self.telemetry,
            )
            for signal in given.config.signals
        ]
        watch = ChampionWatch(
            registry=given.registry,
            source=self.source,
            checkpoints=checkpoints,
            written_until=self._written_until,
            clock=given.clock,
            telemetry=self.telemetry,
        )
        forecasting = Forecasting(
            registry=given.registry,
            source=self.source,
            retraining=given.config.training.every,
            clock=given.clock,
            telemetry=self.telemetry,
            scoring=self._forecast_scoring(),
        )
        return Loop(
            workers,
            watch=watch,
            forecasting=forecasting,
            clock=given.clock,
            telemetry=self.telemetry,
        )

    def _forecast_scoring(self) -> ForecastScoring:
        given = self._given
        return ForecastScoring(
            store=given.store,
            registry=given.registry,
            source=self.source,
            retraining=given.config.training.every,
            clock=given.clock,
            telemetry=self.telemetry,
            train=given.train,
        )

    def _output(self) -> Output:
        if self._queue is None:
            return ScrapeOutput(self.live, self._exposition)
        return RemoteOutput(self.live, self._queue)

    def _written_until(self, signal: str) -> int | None:
        if self._queue is None:
            return None
        return written_until(self.source, signal, now_milliseconds=self._given.clock())

    def _parts(self) -> Parts:
        given = self._given
        return Parts(
            config=given.config,
            live=self.live,
            store=given.store,
            champions=given.registry,
            source=self._on_demand,
            metrics=self.exposition,
            train=given.train,
            now_milliseconds=given.clock,
            heartbeat_milliseconds=self._heartbeat_milliseconds,
            is_warm=self._warm_up.is_done,
            count_error=self.telemetry.failed,
            scores=given.scores,
            log_example=self._logs.example if self._logs else no_example,
            security_events=self._logs.security_events if self._logs else nothing,
            scraped=self._logs.scraped if self._logs else nobody,
            logs_wait_for=self._logs.waits_for if self._logs else nothing,
        )

    def _heartbeat_milliseconds(self) -> int:
        beats = [self._logs.heartbeat_milliseconds()] if self._logs else []
        if self._loop is not None and self._began_milliseconds is not None:
            beats.append(max(self._began_milliseconds, self._loop.heartbeat_milliseconds()))
        return min(beats, default=self._given.clock())


def _holder() -> str:
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"
