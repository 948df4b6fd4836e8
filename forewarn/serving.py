"""The roles of `forewarn run` in one process: training on schedule, scoring, logs, the API."""

import logging
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import orjson
from prometheus_client import CollectorRegistry

from forewarn_adapters.config.schema import Config
from forewarn_adapters.process_memory import GIVE_BACK_SECONDS, give_back_memory
from forewarn_adapters.registry import Registry
from forewarn_adapters.store import Store
from forewarn_models.errors import ConfigError, ForewarnError, RegistryError
from forewarn_service.runtime import Service, Surroundings
from forewarn_training.schedule import TrainingSchedule
from forewarn_training.telemetry import TrainingTelemetry

_QUIET = ("mlflow", "alembic", "apscheduler", "uvicorn", "urllib3", "numba", "sqlalchemy")


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, where, what, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def log_as_json() -> None:
    """Send the log to stderr, a JSON object a line; other libraries only when they complain."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def run_roles(config: Config, *, path: Path, roles: frozenset[str], stop: threading.Event) -> None:
    """Run until `stop` is set; everything is written and closed when this returns.

    Args:
        config: what to run.
        path: where it was read.
        roles: of `train`, `score`, `logs` and `api`.
        stop: set by a signal.
    """
    log_as_json()
    collectors = CollectorRegistry()
    trainer = _Trainer(stop)
    with ExitStack() as stack:
        registry = Registry(config.training.tracking_url, directory=path.absolute().parent)
        given = Surroundings(
            config=config,
            store=stack.enter_context(Store(config.effective_store_url)),
            registry=registry,
            scores="score" in roles,
            reads_logs="logs" in roles,
            detects=roles != {"logs"},
            train=trainer.queue,
            collectors=collectors,
        )
        service = Service(given)
        stack.callback(service.stop)
        service.start()
        if "train" in roles:
            trainer.start(path, registry, given=given, service=service)
            stack.callback(trainer.stop)
        while not stop.wait(GIVE_BACK_SECONDS):
            give_back_memory()
    if trainer.failure:
        raise trainer.failure


class _Trainer:
    """The training schedule of this process, if it has one.

    It starts in a thread of its own: the registry may take seconds to open, and a signal to stop
    must not wait for it. A failure to start stops the process.
    """

    def __init__(self, stop: threading.Event) -> None:
        self.failure: ForewarnError | None = None
        self._stop = stop
        self._is_wanted = False
        self._schedule: TrainingSchedule | None = None

    def start(
        self, path: Path, registry: Registry, *, given: Surroundings, service: Service
    ) -> None:
        """Begin the schedule; the service looks for new champions after each training."""
        self._is_wanted = True
        schedule = TrainingSchedule(
            path,
            given.config,
            registry=registry,
            telemetry=TrainingTelemetry(given.collectors, service.telemetry),
            clock=given.clock,
            finished=service.champions_changed,
        )
        threading.Thread(target=self._begin, args=(schedule,), name="train", daemon=True).start()

    def queue(self, signal: str) -> bool:
        """Queue a training.

        Raises ConfigError when another process does the training, and RegistryError while this
        one is still opening its registry.
        """
        if not self._is_wanted:
            raise ConfigError("this process does not train: ask the one that runs `--role train`")
        if self._schedule is None:
            raise RegistryError("the model registry is still being opened: try again in a moment")
        return self._schedule.train_now(signal)

    def stop(self) -> None:
        """Break off what is being trained."""
        if self._schedule is not None:
            self._schedule.shutdown()

    def _begin(self, schedule: TrainingSchedule) -> None:
        try:
            schedule.start()
        except ForewarnError as failed:
            self.failure = failed
            self._stop.set()
        else:
            self._schedule = schedule
            if self._stop.is_set():
                schedule.shutdown()
