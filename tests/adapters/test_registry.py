import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import orjson
import pytest

from forewarn_adapters.config.values import redacted
from forewarn_adapters.registry import (
    BacktestRecord,
    Champion,
    Registry,
    Table,
    TrainingRecord,
    model_name,
)
from forewarn_adapters.tracking import absolute_url, artifact_location
from forewarn_models import artefact
from forewarn_models.contract import State
from forewarn_models.errors import RegistryError, UnknownFormat

URL = "sqlite:///mlruns/mlflow.db"
NOW = 1_700_000_000_000


def a_state(value: float = 1.0, *, format_version: int = 1) -> State:
    return State("rarity_detector", format_version, {"step": 30_000}, {"center": np.full(4, value)})


def a_record(value: float = 1.0, **more) -> TrainingRecord:
    facts = {"signal": "load", "kind": "detector", "state": a_state(value)}
    return TrainingRecord(**(facts | {"trained_milliseconds": NOW} | more))


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A registry folder whose tables exist: making them takes over a second."""
    directory = tmp_path_factory.mktemp("template")
    assert Registry(URL, directory=directory).champion_version("none", "detector") is None
    return directory


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> Path:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").write_bytes((template / "mlruns/mlflow.db").read_bytes())
    return tmp_path


@pytest.fixture
def registry(directory: Path) -> Registry:
    return Registry(URL, directory=directory)


def archives(directory: Path) -> list[Path]:
    return sorted((directory / "mlruns" / "artifacts").rglob("model.npz"))


def test_a_candidate_is_no_champion_until_it_is_promoted(registry):
    version = registry.log_training(a_record())
    assert registry.champion_version("load", "detector") is None
    assert registry.champion("load", "detector") is None
    registry.promote("load", "detector", version)
    assert registry.champion_version("load", "detector") == version


def test_a_champion_comes_back_as_it_was_logged(registry):
    version = registry.log_training(a_record(2.5, metrics={"alarm_budget_ratio": 0.5}))
    registry.promote("load", "detector", version)
    champion = registry.champion("load", "detector")
    assert isinstance(champion, Champion)
    assert champion.version == version
    assert artefact.to_bytes(champion.state) == artefact.to_bytes(a_state(2.5))
    assert champion.metrics == {"alarm_budget_ratio": 0.5}
    assert champion.trained_milliseconds == NOW


def test_what_a_champion_does_live_stands_in_the_run_of_its_training(registry):
    version = registry.log_training(a_record(metrics={"series": 2.0}))
    registry.promote("load", "detector", version)
    for at, ratio in ((NOW + 1, 0.9), (NOW + 2, 0.8)):
        metrics = {"live_error_ratio_1d": ratio, "live_bias_ratio_1d": float("nan")}
        registry.log_live("load", "detector", version, metrics, at_milliseconds=at)
    champion = registry.champion("load", "detector")
    assert champion.metrics == {"series": 2.0, "live_error_ratio_1d": 0.8}
    with pytest.raises(RegistryError, match="what detector version 9 does must be kept"):
        registry.log_live("load", "detector", 9, {}, at_milliseconds=NOW)


def test_a_back_test_is_a_run_of_the_signals_experiment_and_no_model(registry):
    table = Table(("series", "score"), (("a", 1.5),))
    run_id = registry.log_backtest(
        BacktestRecord(
            "load",
            NOW,
            params={"days": "7"},
            metrics={"alarms": 3.0, "f1_ratio": float("nan")},
            tables={"alarms": table},
            plots={"series_1": b"png"},
        )
    )
    client = registry._opened()
    run = client.get_run(run_id)
    assert client.get_experiment(run.info.experiment_id).name == "forewarn/load"
    assert (run.info.run_name, run.info.status) == ("backtest", "FINISHED")
    assert run.data.metrics == {"alarms": 3.0}
    assert run.data.params == {"days": "7"}
    held = {each.path for each in client.list_artifacts(run_id)}
    assert held == {"plots", "tables"}
    assert client.search_registered_models() == []


def test_an_older_version_can_still_be_read(registry):
    first = registry.log_training(a_record(1.0))
    registry.promote("load", "detector", registry.log_training(a_record(2.0)))
    assert registry.version("load", "detector", first).state.arrays["center"][0] == 1.0
    with pytest.raises(RegistryError, match="version 9 must exist"):
        registry.version("load", "detector", 9)


def test_all_kept_versions_are_listed_with_the_time_of_their_training(registry):
    assert registry.versions("load", "detector") == {}
    first = registry.log_training(a_record())
    second = registry.log_training(a_record(2.0))
    assert list(registry.versions("load", "detector")) == [first, second] == [1, 2]
    assert set(registry.versions("load", "detector").values()) == {a_record().trained_milliseconds}


def test_detector_and_forecaster_of_a_signal_are_separate(registry):
    registry.promote("load", "detector", registry.log_training(a_record()))
    assert registry.champion_version("load", "forecaster") is None
    version = registry.log_training(a_record(kind="forecaster"))
    registry.promote("load", "forecaster", version)
    assert registry.champion_version("load", "forecaster") == 1


def test_a_run_keeps_parameters_metrics_tables_plots_and_a_readable_manifest(registry, directory):
    registry.log_training(
        a_record(
            params={f"p{number}": "x" * 7_000 for number in range(150)},
            metrics={"good": 1.0, "unknown": float("nan"), "endless": float("inf")},
            tables={"series": Table(("series", "alarms"), (("{a}", 1), ("{b}", None)))},
            plots={"worst": b"\x89PNG"},
        )
    )
    run = archives(directory)[0].parent.parent
    assert (run / "plots/worst.png").read_bytes() == b"\x89PNG"
    table = orjson.loads((run / "tables/series.json").read_bytes())
    assert table == {"columns": ["series", "alarms"], "data": [["{a}", 1], ["{b}", None]]}
    manifest = orjson.loads((run / "model/manifest.json").read_bytes())
    assert manifest["arrays"] == {"center": {"dtype": "float64", "shape": [4]}}
    logged = registry._opened().get_run(run.parent.name).data
    assert logged.metrics == {"good": 1.0}
    assert len(logged.params) == 150


def test_a_damaged_archive_is_refused(registry, directory):
    registry.promote("load", "detector", registry.log_training(a_record()))
    (path,) = archives(directory)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RegistryError, match="archive is not the one that was registered"):
        registry.champion("load", "detector")


def test_an_archive_that_is_no_model_is_refused_even_when_its_hash_fits(registry, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(artefact, "to_bytes", lambda _state: b"PK not an archive")
        registry.promote("load", "detector", registry.log_training(a_record()))
    with pytest.raises(RegistryError, match="must be a whole archive of arrays"):
        registry.champion("load", "detector")


def test_an_archive_of_an_unknown_form_says_so(registry, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(
            artefact, "to_bytes", lambda state: artefact._pack({"other": 1}, state.arrays)
        )
        registry.promote("load", "detector", registry.log_training(a_record()))
    with pytest.raises(UnknownFormat):
        registry.champion("load", "detector")


def test_a_lost_archive_is_refused(registry, directory):
    registry.promote("load", "detector", registry.log_training(a_record()))
    archives(directory)[0].unlink()
    with pytest.raises(RegistryError, match="must be a whole model"):
        registry.champion("load", "detector")


def test_an_absurdly_large_archive_is_refused_before_it_is_read(directory, registry):
    registry.promote("load", "detector", registry.log_training(a_record()))
    small = Registry(URL, directory=directory, max_model_bytes=100)
    with pytest.raises(RegistryError, match="must be at most 100 bytes, got"):
        small.champion("load", "detector")


def test_promoting_what_does_not_exist_is_an_error(registry):
    with pytest.raises(RegistryError, match="version 3 must become champion"):
        registry.promote("load", "detector", 3)


def test_a_database_that_is_no_database_is_a_registry_error(tmp_path):
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns/mlflow.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(RegistryError, match="must be reachable"):
        Registry(URL, directory=tmp_path).champion_version("load", "detector")


def test_a_server_that_is_down_is_a_registry_error_without_its_password(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = Registry("http://ann:secret@127.0.0.1:9")
    with pytest.raises(RegistryError) as failed:
        registry.champion_version("load", "detector")
    assert "secret" not in str(failed.value)
    assert "secret" not in repr(registry)


def test_paths_are_relative_to_the_configuration():
    directory = Path("/etc/forewarn")
    assert absolute_url(URL, directory=directory) == "sqlite:////etc/forewarn/mlruns/mlflow.db"
    assert absolute_url("https://m", directory=directory) == "https://m"
    assert (
        artifact_location(URL, directory=directory, name="load")
        == "file:///etc/forewarn/mlruns/artifacts/load"
    )
    assert artifact_location("https://m", directory=directory, name="load") is None
    assert (
        artifact_location("postgresql://db/x", directory=directory, name="load")
        == "file:///etc/forewarn/mlruns/artifacts/load"
    )


def test_credentials_are_taken_out_of_any_text():
    text = "GET https://a:b/c@d@host/x failed, then postgresql+psycopg://u:p%40@db/y"
    assert redacted(text) == "GET https://***@host/x failed, then postgresql+psycopg://***@db/y"


def test_model_names_stand_in_their_own_space():
    assert model_name("load", "forecaster") == "forewarn.load.forecaster"


def test_old_versions_go_with_their_files_and_the_champion_stays(registry, directory):
    for value in range(6):
        registry.log_training(a_record(float(value)))
    registry.promote("load", "detector", 2)
    assert registry.delete_old_versions("load", "detector", keep=3) == 2
    assert len(archives(directory)) == 4
    assert registry.champion("load", "detector").state.arrays["center"][0] == 1.0
    assert registry.version("load", "detector", 4).state.arrays["center"][0] == 3.0
    with pytest.raises(RegistryError):
        registry.version("load", "detector", 1)
    assert registry.log_training(a_record()) == 7


def test_files_outside_the_artefacts_are_never_deleted(registry, directory):
    client = registry._opened()
    outside = directory / "outside" / "run" / "artifacts"
    outside.mkdir(parents=True)
    experiment = client.create_experiment("other", artifact_location=(directory / "x").as_uri())
    run = client.create_run(experiment).info.run_id
    client.create_registered_model("forewarn.load.detector")
    client.create_model_version("forewarn.load.detector", source=outside.as_uri(), run_id=run)
    client.create_model_version("forewarn.load.detector", source=outside.as_uri())
    (directory / "x" / run / "artifacts").mkdir(parents=True)
    assert registry.delete_old_versions("load", "detector", keep=0) == 2
    assert (directory / "x" / run / "artifacts").is_dir()
    assert outside.is_dir()


def test_the_time_of_a_champion_is_read_without_its_model(registry, directory):
    assert registry.champion_trained_milliseconds("load", "detector") is None
    registry.promote("load", "detector", registry.log_training(a_record(recipe="abc")))
    assert registry.champion("load", "detector").recipe == "abc"
    archives(directory)[0].unlink()
    assert registry.champion_trained_milliseconds("load", "detector") == NOW


def test_an_experiment_that_another_process_made_in_between_is_used(registry, monkeypatch):
    registry.log_training(a_record())
    client = registry._opened()
    found = client.get_experiment_by_name
    first = iter([True])
    monkeypatch.setattr(
        client,
        "get_experiment_by_name",
        lambda name: None if next(first, False) else found(name),
    )
    assert registry.log_training(a_record()) == 2


def test_an_experiment_that_cannot_be_made_is_an_error(registry, monkeypatch):
    registry.log_training(a_record())
    monkeypatch.setattr(registry._opened(), "get_experiment_by_name", lambda _name: None)
    with pytest.raises(RegistryError, match="already exists"):
        registry.log_training(a_record())


IN_A_PROCESS = """
    import numpy as np, sys, resource, signal
    from pathlib import Path
    from forewarn_adapters import registry as module
    from forewarn_adapters.registry import Registry, TrainingRecord
    from forewarn_models.contract import State
    registry = Registry("sqlite:///mlruns/mlflow.db", directory=Path(sys.argv[1]))
    state = State("rarity_detector", 1, {}, {"a": np.ones(ROOM)})
    record = TrainingRecord("load", "detector", state, 5)
"""


def program(text: str, *, room: int = 10) -> str:
    return textwrap.dedent(IN_A_PROCESS).replace("ROOM", str(room)) + textwrap.dedent(text)


@pytest.mark.parametrize("step", ["_log_files", "_register"])
def test_being_killed_while_a_model_is_stored_leaves_the_champion_intact(registry, directory, step):
    registry.promote("load", "detector", registry.log_training(a_record(7.0)))
    code = program(f"""
        import os
        whole = module.{step}
        def half(*arguments):
            whole(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        module.{step} = half
        registry.promote("load", "detector", registry.log_training(record))
    """)
    done = subprocess.run([sys.executable, "-c", code, directory], check=False)
    assert done.returncode == -signal.SIGKILL
    assert registry.champion("load", "detector").state.arrays["center"][0] == 7.0
    registry.promote("load", "detector", registry.log_training(a_record(8.0)))
    assert registry.champion("load", "detector").state.arrays["center"][0] == 8.0


def test_a_full_disk_is_a_clear_error_and_leaves_the_champion_intact(registry, directory):
    registry.promote("load", "detector", registry.log_training(a_record(7.0)))
    code = program(
        """
        from forewarn_models.errors import RegistryError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
        try:
            registry.log_training(record)
        except RegistryError as failed:
            print(failed)
        """,
        room=1_000_000,
    )
    done = subprocess.run(
        [sys.executable, "-c", code, directory], check=True, capture_output=True, text=True
    )
    assert done.stdout == (
        "signal 'load': its detector must be stored: [Errno 27] File too large\n"
    )
    assert registry.champion("load", "detector").state.arrays["center"][0] == 7.0


def test_nothing_is_printed_and_no_folder_appears_in_the_working_directory(tmp_path):
    code = program("print(registry.log_training(record), file=sys.stderr)")
    work = tmp_path / "work"
    work.mkdir()
    environment = {name: value for name, value in os.environ.items() if "MLFLOW" not in name}
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        check=True,
        capture_output=True,
        text=True,
        cwd=work,
        env=environment,
    )
    assert (done.stdout, done.stderr) == ("", "1\n")
    assert list(work.iterdir()) == []


def test_two_processes_may_open_a_new_registry_at_once(tmp_path):
    code = program("print(registry.log_training(record))")
    command = [sys.executable, "-c", code, tmp_path]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(one.communicate()[0] for one in both) == ["1\n", "2\n"]


def test_being_killed_while_tables_are_made_leaves_nothing_that_cannot_be_opened(tmp_path):
    program = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from mlflow.store.db import utils
        from forewarn_adapters.registry import Registry
        made = utils._initialize_tables
        def killed(engine):
            made(engine)
            os.kill(os.getpid(), signal.SIGKILL)
        utils._initialize_tables = killed
        import mlflow.store.tracking.sqlalchemy_store as store
        store.mlflow.store.db.utils._initialize_tables = killed
        registry = Registry("sqlite:///mlruns/mlflow.db", directory=Path(sys.argv[1]))
        registry.champion_version("a", "detector")
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()
    registry = Registry("sqlite:///mlruns/mlflow.db", directory=tmp_path)
    assert registry.champion_version("a", "detector") is None
