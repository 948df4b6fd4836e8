"""forewarn_adapters.logs.checkpoints: a whole state and changes, each record whole or not there."""

from pathlib import Path

import pytest

from forewarn_adapters.logs import checkpoints
from forewarn_adapters.logs.checkpoints import LogCheckpoints
from forewarn_models.errors import ModelError, StoreError, UnknownFormat


def three_records(folder: Path) -> LogCheckpoints:
    kept = LogCheckpoints(folder)
    kept.write(b"whole")
    kept.append(b"first")
    kept.append(b"second")
    return kept


def test_there_is_nothing_at_first(tmp_path: Path) -> None:
    assert LogCheckpoints(tmp_path / "logs").read() == ()


def test_all_records_are_read_in_order(tmp_path: Path) -> None:
    kept = three_records(tmp_path / "logs")
    assert LogCheckpoints(tmp_path / "logs").read() == (b"whole", b"first", b"second")
    assert kept.size_bytes == kept.path.stat().st_size > kept.whole_bytes


def test_a_whole_state_takes_the_place_of_all_before(tmp_path: Path) -> None:
    kept = three_records(tmp_path)
    kept.write(b"anew")
    assert kept.read() == (b"anew",)
    assert kept.size_bytes == kept.whole_bytes
    assert [path.name for path in tmp_path.iterdir()] == [kept.path.name]


def test_a_record_that_was_cut_off_anywhere_is_not_there(tmp_path: Path) -> None:
    kept = three_records(tmp_path)
    data = kept.path.read_bytes()
    last = len(data) - 40 - len(b"second")
    for length in range(last, len(data)):
        kept.path.write_bytes(data[:length])
        assert kept.read() == (b"whole", b"first")


def test_what_follows_a_damaged_record_is_not_read(tmp_path: Path) -> None:
    kept = three_records(tmp_path)
    data = bytearray(kept.path.read_bytes())
    data[data.index(b"first")] ^= 1
    kept.path.write_bytes(data)
    assert kept.read() == (b"whole",)


def test_after_a_failure_a_change_is_written_over_what_was_cut_off(tmp_path: Path) -> None:
    kept = three_records(tmp_path)
    with kept.path.open("ab") as file:
        file.write(b"rubbish of a write that failed")
    kept.append(b"third")
    assert kept.read()[:4] == (b"whole", b"first", b"second", b"third")


def test_a_damaged_whole_state_is_an_error(tmp_path: Path) -> None:
    kept = three_records(tmp_path)
    data = bytearray(kept.path.read_bytes())
    data[data.index(b"whole")] ^= 1
    kept.path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        kept.read()


def test_another_version_is_an_error(tmp_path: Path) -> None:
    kept = LogCheckpoints(tmp_path)
    kept.path.write_bytes(b"forewarn log checkpoint 9\n")
    with pytest.raises(UnknownFormat, match="this version"):
        kept.read()


def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = three_records(tmp_path)
    monkeypatch.setattr(checkpoints, "MAX_BYTES", 100)
    with pytest.raises(ModelError, match="at most 100 bytes"):
        kept.read()


def test_what_cannot_be_used_is_kept_under_another_name(tmp_path: Path) -> None:
    kept = three_records(tmp_path)
    aside = kept.set_aside(now_milliseconds=7)
    assert kept.read() == ()
    assert aside.exists()


def test_a_folder_that_cannot_be_written_is_an_error_and_the_old_state_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    kept = LogCheckpoints(tmp_path / "file")
    with pytest.raises(StoreError, match="state_directory"):
        kept.write(b"whole")
    kept = three_records(tmp_path / "logs")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints.os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        kept.write(b"anew")
    assert len(kept.read()) == 3
    assert len(list((tmp_path / "logs").iterdir())) == 1


def test_nothing_is_added_to_what_another_process_has_written(tmp_path: Path) -> None:
    mine, other = three_records(tmp_path), LogCheckpoints(tmp_path)
    other.write(b"from a longer state than mine")
    with pytest.raises(StoreError, match="another's file"):
        mine.append(b"third")
    assert other.read() == (b"from a longer state than mine",)
    mine.write(b"anew")
    mine.append(b"again")
    assert mine.read() == (b"anew", b"again")
