"""The way to MLflow: opening its client quietly, and turning its failures into ours."""

import contextlib
import fcntl
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from forewarn_adapters.config.values import redacted
from forewarn_models.errors import RegistryError

if TYPE_CHECKING:
    from mlflow import MlflowClient

# No reports to anyone, no links or progress bars on the standard output, and an unreachable
# server is an answer within a minute: the service asks again at its next poll anyway.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
}
_SQLITE = "sqlite:///"


@contextlib.contextmanager
def registry_errors(what: str) -> Iterator[None]:
    """Turn what MLflow, its database, its server or the disk raise into RegistryError."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as failed:
        # requests' exceptions are OSErrors; an answer can be long, its first line says it
        said = next(iter(str(failed).splitlines()), "") or type(failed).__name__
        raise RegistryError(f"{what}: {redacted(said)[:500]}") from failed


def open_client(tracking_url: str, *, directory: Path) -> "MlflowClient":
    """Return a client of the tracking store, whose tables are created when it is new and local.

    A relative SQLite path starts at `directory`, where the configuration lies. RegistryError
    when the store cannot be opened.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    url = absolute_url(tracking_url, directory=directory)
    what = f"the model registry {redacted(url)} must be reachable"
    with registry_errors(what), _alone(url), warnings.catch_warnings():
        # MLflow's own tables use an option that SQLAlchemy 2.1 deprecates
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        _make_tables(url)
        return MlflowClient(tracking_uri=url, registry_uri=url)


def _make_tables(url: str) -> None:
    """Make a new SQLite file whole or not at all: tables half made could never be opened again."""
    from mlflow import MlflowClient

    path = Path(url.removeprefix(_SQLITE))
    if not url.startswith(_SQLITE) or path.exists():
        return
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    MlflowClient(tracking_uri=f"{_SQLITE}{unfinished}", registry_uri=f"{_SQLITE}{unfinished}")
    unfinished.replace(path)


@contextlib.contextmanager
def _alone(url: str) -> Iterator[None]:
    """Let one process at a time make the tables of an SQLite file: two at once break them."""
    if not url.startswith(_SQLITE):
        yield
        return
    path = Path(url.removeprefix(_SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file closes, however that happens
        yield


def absolute_url(tracking_url: str, *, directory: Path) -> str:
    """Return the URL with a relative SQLite path taken from `directory`.

    >>> absolute_url("sqlite:///mlruns/mlflow.db", directory=Path("/srv"))
    'sqlite:////srv/mlruns/mlflow.db'
    """
    if not tracking_url.startswith(_SQLITE):
        return tracking_url
    return _SQLITE + str((directory / tracking_url.removeprefix(_SQLITE)).absolute())


def artifact_location(tracking_url: str, *, directory: Path, name: str) -> str | None:
    """Return where an experiment's artefacts go; None leaves it to a tracking server.

    Beside an SQLite database they are files in its folder `artifacts`; beside any other database
    they are in `mlruns/artifacts` of `directory`.
    """
    url = absolute_url(tracking_url, directory=directory)
    if url.startswith(_SQLITE):
        return (Path(url.removeprefix(_SQLITE)).parent / "artifacts" / name).as_uri()
    if url.startswith(("http://", "https://")):
        return None
    return ((directory / "mlruns" / "artifacts").absolute() / name).as_uri()
