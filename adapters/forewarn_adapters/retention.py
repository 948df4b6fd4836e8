"""How many versions of a model are kept: a month of daily trainings, and the champion always."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

KEPT_VERSIONS = 30
_CHAMPION = "champion"


def delete_old_versions(client: "MlflowClient", name: str, *, keep: int, root: str | None) -> int:
    """Delete all but the newest `keep` versions of a registered model, with their runs.

    The champion stays, however old. Files are deleted below `root`, the `file:` URI of the local
    artefacts; those of a tracking server are its own to clean (`mlflow gc`).

    Returns:
        How many versions were deleted. Any exception of MLflow or the disk may be raised.
    """
    versions = client.search_model_versions(f"name = '{name}'", max_results=1_000)
    aliases = client.get_registered_model(name).aliases
    champion = str(aliases.get(_CHAMPION, ""))
    newest_first = sorted(versions, key=lambda version: -int(version.version))
    old = [version for version in newest_first[keep:] if str(version.version) != champion]
    for version in old:
        _delete(client, version, root=root)
    return len(old)


def _delete(client: "MlflowClient", version: "ModelVersion", *, root: str | None) -> None:
    client.delete_model_version(version.name, str(version.version))
    if version.run_id is None:
        return
    run = client.get_run(version.run_id)
    client.delete_run(version.run_id)
    folder = _local(str(run.info.artifact_uri))
    if root is not None and folder.is_relative_to(_local(root)):
        shutil.rmtree(folder.parent, ignore_errors=True)


def _local(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))
