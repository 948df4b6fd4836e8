"""A recording of three series, its source, and an empty registry for each test."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from forewarn_adapters.config.reading import parse_config
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.files import FilesSource
from forewarn_adapters.registry import Registry
from forewarn_models.panel import Panel

STEP_SECONDS = 600
NOW_SECONDS = 1_700_006_400
NOW = NOW_SECONDS * 1000
DAY = 144  # slots
TRACKING_URL = "sqlite:///mlruns/mlflow.db"

SIGNAL = "{name: NAME, query: '{}', step: 10m, history: 6d, budget: 1/10d MORE}"
FORECAST = ", forecast: {step: 1h, history: 6d, horizon: 12h, limit: {above: 140}}"


def values_of(n_days: int, *, seed: int = 1, noise: float = 1.0) -> np.ndarray:
    """Return three daily cycles with noise, (3, n_times)."""
    rng = np.random.default_rng(seed)
    phase = 2 * np.pi * np.arange(n_days * DAY) / DAY
    rows = [100 + 10 * np.sin(phase + row) for row in range(3)]
    return np.stack(rows) + noise * rng.normal(size=(3, len(phase)))


@pytest.fixture
def panel_of() -> Callable[[np.ndarray], Panel]:
    """Return a function that lays values on a grid which ends at NOW."""

    def build(values: np.ndarray) -> Panel:
        series = tuple((("series", name),) for name in "abcdefgh"[: len(values)])
        step = STEP_SECONDS * 1000
        return Panel(values, series, NOW - step * values.shape[1], step)

    return build


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of eight days; NOW is the end of the seventh."""
    path = tmp_path_factory.mktemp("recording") / "load.csv"
    values = values_of(8)
    times = NOW_SECONDS + 86_400 - STEP_SECONDS * np.arange(values.shape[1], 0, -1)
    table = np.column_stack([times, values.T])
    np.savetxt(path, table, "%.4f", ",", header="timestamp,a,b,c", comments="")
    return path


@pytest.fixture
def source(recording: Path) -> FilesSource:
    return FilesSource((recording,))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry's database whose tables exist: making them takes over a second."""
    directory = tmp_path_factory.mktemp("empty")
    assert Registry(TRACKING_URL, directory=directory).champion_version("x", "detector") is None
    return directory / "mlruns" / "mlflow.db"


@pytest.fixture
def directory(tmp_path: Path, empty_database: Path, recording: Path) -> Path:
    """A folder with the recording and an empty registry."""
    (tmp_path / "mlruns").mkdir()
    shutil.copy(empty_database, tmp_path / "mlruns" / "mlflow.db")
    shutil.copy(recording, tmp_path / "load.csv")
    return tmp_path


@pytest.fixture
def registry(directory: Path) -> Registry:
    return Registry(TRACKING_URL, directory=directory)


@pytest.fixture
def config_of(directory: Path) -> Callable[..., Config]:
    """Return a function that writes a configuration of named signals and reads it."""

    def build(*names: str, more: str = "", training: str = "every: 1d, jitter: 1s") -> Config:
        signals = "\n".join(f"- {SIGNAL}".replace("NAME", n).replace("MORE", more) for n in names)
        text = f"files: [load.csv]\ntraining: {{{training}}}\nsignals:\n{signals}\n"
        (directory / "forewarn.yaml").write_text(text)
        return parse_config(text, environment={}, folder=directory)

    return build


@pytest.fixture
def signal(config_of: Callable[..., Config]) -> Signal:
    return config_of("load").signals[0]


@pytest.fixture
def forecast_signal(config_of: Callable[..., Config]) -> Signal:
    return config_of("load", more=FORECAST).signals[0]
