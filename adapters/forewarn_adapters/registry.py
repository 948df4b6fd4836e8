"""The model registry on MLflow: one run for each training of a signal, one alias `champion`.

A model is stored as arrays with a manifest (`forewarn_models.artefact`), never as a pickle. Its
archive is written whole and registered before the alias moves, and the alias moves in one
transaction: whoever is killed in between leaves the champion as it was.
"""

import contextlib
import hashlib
import tempfile
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import orjson

from forewarn_adapters.config.values import redacted
from forewarn_adapters.retention import KEPT_VERSIONS, delete_old_versions
from forewarn_adapters.tracking import artifact_location, open_client, registry_errors
from forewarn_models import artefact
from forewarn_models.contract import State
from forewarn_models.errors import ModelError, RegistryError, UnknownFormat

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

Kind: TypeAlias = Literal["detector", "forecaster"]
Cell: TypeAlias = str | int | float | bool | None

CHAMPION = "champion"
_ARCHIVE = "model/model.npz"
_HASH_TAG, _TRAINED_TAG, _RECIPE_TAG = "sha256", "trained_milliseconds", "recipe"
_MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_METRICS_IN_A_BATCH = 1_000
_PARAMS_IN_A_BATCH = 100


@dataclass(frozen=True, eq=False)
class Table:
    """A table of results, one row a series."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """All that is kept of one training of one signal.

    Args:
        signal: the signal's name.
        kind: which of its models was trained.
        state: the fitted model.
        trained_milliseconds: when, since the epoch.
        recipe: what makes two trainings comparable: the query and the hyperparameters.
        params: how it was trained.
        metrics: how good it is; what is not finite is not logged.
        tables: by name; kept as JSON with `columns` and `data`, which MLflow's page shows.
        plots: PNG images by name.
    """

    signal: str
    kind: Kind
    state: State
    trained_milliseconds: int
    recipe: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    plots: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class BacktestRecord:
    """All that is kept of one back-test of one signal: a run without a model.

    Args:
        signal: the signal's name.
        at_milliseconds: when it was made, since the epoch.
        params: how.
        metrics: what came of it; what is not finite is not logged.
        tables: by name.
        plots: PNG images by name.
    """

    signal: str
    at_milliseconds: int
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    plots: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Champion:
    """A registered model: its version, its state, and what its training measured."""

    version: int
    state: State
    metrics: Mapping[str, float]
    trained_milliseconds: int
    recipe: str = ""


class Registry:
    """Models and training runs in MLflow: an SQLite file, another database or a server by URL.

    All methods may be called from any thread and raise RegistryError when MLflow, its database,
    its server or the disk fails; nothing is opened before the first call.

    Args:
        tracking_url: such as `sqlite:///mlruns/mlflow.db` or `https://models.example`.
        directory: where a relative SQLite path starts: the configuration's folder.
        max_model_bytes: a larger archive is refused before it is read.
    """

    def __init__(
        self,
        tracking_url: str,
        *,
        directory: Path = Path(),
        max_model_bytes: int = artefact.MAX_BYTES,
    ) -> None:
        self._tracking_url = tracking_url
        self._directory = directory.absolute()
        self._max_model_bytes = max_model_bytes
        self._lock = threading.Lock()
        self._client: MlflowClient | None = None

    def __repr__(self) -> str:
        return f"Registry({redacted(self._tracking_url)!r})"

    def log_training(self, record: TrainingRecord) -> int:
        """Log a run with its model, register the model, and return its version.

        The new version is a candidate until `promote` makes it the champion.
        """
        client = self._opened()
        data = artefact.to_bytes(record.state)
        with registry_errors(f"signal {record.signal!r}: its {record.kind} must be stored"):
            at = record.trained_milliseconds
            with self._run(client, record.signal, record.kind, at=at) as run:
                _log_numbers(client, run.info.run_id, record, at=at)
                _log_files(client, run.info.run_id, _files(record) | _model_files(record, data))
            source = f"{run.info.artifact_uri}/model"
            return _register(client, record, run.info.run_id, source, _digest(data))

    def log_backtest(self, record: BacktestRecord) -> str:
        """Log a run of a back-test in the signal's experiment, and return its id."""
        client = self._opened()
        with registry_errors(f"signal {record.signal!r}: its back-test must be stored"):
            at = record.at_milliseconds
            with self._run(client, record.signal, "backtest", at=at) as run:
                _log_numbers(client, run.info.run_id, record, at=at)
                _log_files(client, run.info.run_id, _files(record))
            return str(run.info.run_id)

    def log_live(
        self,
        signal: str,
        kind: Kind,
        number: int,
        metrics: Mapping[str, float],
        *,
        at_milliseconds: int,
    ) -> None:
        """Add what was measured while a version serves to the run of its training, as a course."""
        client = self._opened()
        with registry_errors(f"signal {signal!r}: what {kind} version {number} does must be kept"):
            found = client.get_model_version(model_name(signal, kind), str(number))
            _log_metrics(client, str(found.run_id), metrics, at=at_milliseconds)

    def promote(self, signal: str, kind: Kind, version: int) -> None:
        """Make a version the champion: the service scores with it from its next poll on."""
        client = self._opened()
        with registry_errors(f"signal {signal!r}: {kind} version {version} must become champion"):
            client.set_registered_model_alias(model_name(signal, kind), CHAMPION, str(version))

    def delete_old_versions(self, signal: str, kind: Kind, *, keep: int = KEPT_VERSIONS) -> int:
        """Delete all but the newest `keep` versions and the champion; return how many."""
        client = self._opened()
        where = artifact_location(self._tracking_url, directory=self._directory, name=signal)
        with registry_errors(f"signal {signal!r}: old versions of its {kind} must be deletable"):
            return delete_old_versions(client, model_name(signal, kind), keep=keep, root=where)

    def versions(self, signal: str, kind: Kind) -> Mapping[int, int]:
        """Return the versions that are kept, the oldest first, and when each was trained."""
        client = self._opened()
        name = model_name(signal, kind)
        with registry_errors(f"signal {signal!r}: the versions of its {kind} must be readable"):
            found = client.search_model_versions(f"name = '{name}'", max_results=1_000)
            trained = {int(each.version): _trained_milliseconds(each) for each in found}
        return dict(sorted(trained.items()))

    def champion_version(self, signal: str, kind: Kind) -> int | None:
        """Return the champion's version, or None when there is none yet: a cheap poll."""
        found = self._champion(signal, kind)
        return None if found is None else int(found.version)

    def champion_trained_milliseconds(self, signal: str, kind: Kind) -> int | None:
        """Return when the champion was trained, or None when there is none yet."""
        found = self._champion(signal, kind)
        return None if found is None else _trained_milliseconds(found)

    def champion(self, signal: str, kind: Kind) -> Champion | None:
        """Return the champion with its state, or None when there is none yet.

        RegistryError when it cannot be loaded whole, UnknownFormat when a later version of
        Forewarn wrote it; the caller keeps the last good one.
        """
        found = self._champion(signal, kind)
        return None if found is None else self._loaded(found)

    def version(self, signal: str, kind: Kind, number: int) -> Champion:
        """Return any registered version with its state; errors are those of `champion`."""
        client = self._opened()
        with registry_errors(f"signal {signal!r}: {kind} version {number} must exist"):
            found = client.get_model_version(model_name(signal, kind), str(number))
        return self._loaded(found)

    def _opened(self) -> "MlflowClient":
        with self._lock:
            if self._client is None:
                self._client = open_client(self._tracking_url, directory=self._directory)
            return self._client

    def _champion(self, signal: str, kind: Kind) -> "ModelVersion | None":
        client = self._opened()
        from mlflow.exceptions import MlflowException

        with registry_errors(f"signal {signal!r}: the champion {kind} must be readable"):
            try:
                return client.get_model_version_by_alias(model_name(signal, kind), CHAMPION)
            except MlflowException as failed:
                if failed.error_code in _MISSING:
                    return None
                raise

    def _loaded(self, found: "ModelVersion") -> Champion:
        client = self._opened()
        what = f"{found.name} version {found.version} must be a whole model"
        run_id = str(found.run_id)
        with registry_errors(what), tempfile.TemporaryDirectory(prefix="forewarn-") as folder:
            for entry in client.list_artifacts(run_id, "model"):
                if entry.path == _ARCHIVE:
                    self._check_size(what, entry.file_size or 0)
            path = Path(client.download_artifacts(run_id, _ARCHIVE, folder))
            self._check_size(what, path.stat().st_size)
            data = path.read_bytes()
            metrics = dict(client.get_run(run_id).data.metrics)
        if found.tags.get(_HASH_TAG, _digest(data)) != _digest(data):
            raise RegistryError(f"{what}: its archive is not the one that was registered")
        return Champion(
            version=int(found.version),
            state=_state(data, what),
            metrics=metrics,
            trained_milliseconds=_trained_milliseconds(found),
            recipe=found.tags.get(_RECIPE_TAG, ""),
        )

    def _check_size(self, what: str, size: int) -> None:
        if size > self._max_model_bytes:
            raise RegistryError(
                f"{what}: its archive must be at most {self._max_model_bytes} bytes, got {size}"
            )

    @contextlib.contextmanager
    def _run(self, client: "MlflowClient", signal: str, kind: str, *, at: int) -> "Iterator[Run]":
        """Open a run of a signal's experiment, which ends as failed where its work fails."""
        run = client.create_run(
            self._experiment_id(client, signal),
            start_time=at,
            run_name=kind,
            tags={"signal": signal, "kind": kind},
        )
        try:
            yield run
            client.set_terminated(run.info.run_id)
        except BaseException:
            # the first failure is the one to tell
            with contextlib.suppress(RegistryError), registry_errors("ending a run"):
                client.set_terminated(run.info.run_id, "FAILED")
            raise

    def _experiment_id(self, client: "MlflowClient", signal: str) -> str:
        from mlflow.exceptions import MlflowException

        name = f"forewarn/{signal}"
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        where = artifact_location(self._tracking_url, directory=self._directory, name=signal)
        try:
            return str(client.create_experiment(name, artifact_location=where))
        except MlflowException:  # another process made it in between
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
            return str(found.experiment_id)


def model_name(signal: str, kind: Kind) -> str:
    """Return the name of a signal's registered model.

    >>> model_name("disk_free", "detector")
    'forewarn.disk_free.detector'
    """
    return f"forewarn.{signal}.{kind}"


def _trained_milliseconds(found: "ModelVersion") -> int:
    return int(found.tags.get(_TRAINED_TAG, found.creation_timestamp))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _state(data: bytes, what: str) -> State:
    try:
        return artefact.from_bytes(data)
    except UnknownFormat:
        raise
    except (ModelError, MemoryError, EOFError, RuntimeError, zlib.error) as broken:
        raise RegistryError(f"{what}: {broken}") from broken


def _log_numbers(
    client: "MlflowClient", run_id: str, record: TrainingRecord | BacktestRecord, *, at: int
) -> None:
    from mlflow.entities import Param

    params = [Param(name, value[:6_000]) for name, value in record.params.items()]
    for start in range(0, len(params), _PARAMS_IN_A_BATCH):
        client.log_batch(run_id, params=params[start : start + _PARAMS_IN_A_BATCH])
    _log_metrics(client, run_id, record.metrics, at=at)


def _log_metrics(
    client: "MlflowClient", run_id: str, metrics: Mapping[str, float], *, at: int
) -> None:
    from mlflow.entities import Metric

    finite = [
        Metric(name, float(value), at, 0)
        for name, value in metrics.items()
        if abs(value) < float("inf")
    ]
    for start in range(0, len(finite), _METRICS_IN_A_BATCH):
        client.log_batch(run_id, metrics=finite[start : start + _METRICS_IN_A_BATCH])


def _model_files(record: TrainingRecord, data: bytes) -> dict[str, bytes]:
    manifest = {
        "kind": record.state.kind,
        "format_version": record.state.format_version,
        "manifest": dict(record.state.manifest),
        "arrays": {
            name: {"shape": array.shape, "dtype": str(array.dtype)}
            for name, array in sorted(record.state.arrays.items())
        },
    }
    return {_ARCHIVE: data, "model/manifest.json": orjson.dumps(manifest, option=_READABLE)}


def _files(record: TrainingRecord | BacktestRecord) -> dict[str, bytes]:
    plots = {f"plots/{name}.png": image for name, image in record.plots.items()}
    tables = {f"tables/{name}.json": _table_json(table) for name, table in record.tables.items()}
    return plots | tables


def _log_files(client: "MlflowClient", run_id: str, files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory(prefix="forewarn-") as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        client.log_artifacts(run_id, folder)


_READABLE = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def _table_json(table: Table) -> bytes:
    return orjson.dumps({"columns": table.columns, "data": table.rows})


def _register(
    client: "MlflowClient", record: TrainingRecord, run_id: str, source: str, digest: str
) -> int:
    from mlflow.exceptions import MlflowException

    name = model_name(record.signal, record.kind)
    tags = {_HASH_TAG: digest, _TRAINED_TAG: str(record.trained_milliseconds)}
    tags |= {_RECIPE_TAG: record.recipe} if record.recipe else {}
    try:
        client.create_registered_model(name)
    except MlflowException as failed:
        if failed.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = client.create_model_version(
        name,
        source=source,
        run_id=run_id,
        tags=tags,
        await_creation_for=0,
    )
    return int(version.version)
