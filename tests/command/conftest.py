"""`forewarn` run in this process, as its script runs it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from forewarn.__main__ import main
from forewarn_adapters.tracking import open_client
from forewarn_models.warming import warm


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Compile before any command does, which says so: here they are held to what else they say."""
    warm()


@pytest.fixture(scope="session")
def _database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    directory = tmp_path_factory.mktemp("database")
    open_client("sqlite:///mlflow.db", directory=directory)
    return (directory / "mlflow.db").read_bytes()


@pytest.fixture
def empty_registry(clean_directory: Path, _database: bytes) -> None:
    """Put a registry that holds nothing into the folder: making one takes seconds."""
    (clean_directory / "mlruns").mkdir()
    (clean_directory / "mlruns" / "mlflow.db").write_bytes(_database)


@pytest.fixture
def run_forewarn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[object, str, str]]:
    """Return a function that runs `forewarn` and gives its exit code, output and complaints."""

    def run(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr("sys.argv", ["forewarn", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        said = capsys.readouterr()
        return caught.value.code, said.out, said.err

    return run
