import os
from pathlib import Path

import pytest

from forewarn_adapters import checkpoint as checkpoint_module
from forewarn_adapters.checkpoint import Checkpoint, CheckpointFolder, NoCheckpoint
from forewarn_models.errors import StoreError

CHECKPOINT = Checkpoint(
    {"champion_version": 3, "emitted_until_milliseconds": 1.7e12}, b"\x00fold\n"
)


def reason_of(folder: CheckpointFolder, signal: str = "cpu") -> str:
    found = folder.read(signal)
    assert isinstance(found, NoCheckpoint)
    return found.reason


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "state")
    folder.write("cpu", CHECKPOINT)
    found = folder.read("cpu")
    assert isinstance(found, Checkpoint)
    assert (CHECKPOINT.facts, CHECKPOINT.fold_state) == (found.facts, found.fold_state)


def test_a_newer_checkpoint_replaces_the_older_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.write("cpu", CHECKPOINT)
    folder.write("cpu", Checkpoint({"champion_version": 4}, b""))
    assert [path.name for path in tmp_path.iterdir()] == ["cpu.checkpoint"]
    assert folder.read("cpu").facts == {"champion_version": 4}  # type: ignore[union-attr]


def test_a_missing_checkpoint_says_so(tmp_path: Path) -> None:
    assert reason_of(CheckpointFolder(tmp_path)) == "missing"


@pytest.mark.parametrize("cut", [1, 10, 40, 60])
def test_a_checkpoint_that_is_cut_short_is_not_used(tmp_path: Path, cut: int) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.write("cpu", CHECKPOINT)
    path = tmp_path / "cpu.checkpoint"
    path.write_bytes(path.read_bytes()[:-cut])
    assert reason_of(folder) == "damaged"


def test_a_file_of_another_kind_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "cpu.checkpoint").write_bytes(b"PK\x03\x04")
    assert reason_of(CheckpointFolder(tmp_path)) == "unknown_format"


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_module, "MAX_BYTES", 10)
    folder = CheckpointFolder(tmp_path)
    folder.write("cpu", CHECKPOINT)
    assert reason_of(folder) == "too_large"


def test_a_checkpoint_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "cpu.checkpoint").mkdir()
    assert reason_of(CheckpointFolder(tmp_path)) == "unreadable"


def test_a_folder_that_cannot_be_made_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="must be readable and writable"):
        CheckpointFolder(tmp_path / "file" / "state")


def test_a_write_that_fails_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.write("cpu", CHECKPOINT)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        folder.write("cpu", Checkpoint({}, b"new"))
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["cpu.checkpoint"]
    assert isinstance(folder.read("cpu"), Checkpoint)
