"""forewarn_service.logs.keeping: cuts are stored, then shown."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from forewarn_adapters.logs import checkpoints
from forewarn_adapters.logs.checkpoints import LogCheckpoints
from forewarn_models.artefact import to_bytes
from forewarn_models.contract import State
from forewarn_models.errors import StoreError
from forewarn_service.logs import keeping
from forewarn_service.logs.counting import Cut, LineCounting
from forewarn_service.logs.keeping import Keeper
from forewarn_service.logs.snapshot import Snapshot
from forewarn_service.logs.stored import Stored
from forewarn_service.telemetry import Telemetry
from log_parts import NOW, batch_of, counting_of, numbered


class Site:
    """A keeper of one folder, what it showed, and what it counted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry = CollectorRegistry()
        self.shown: list[Snapshot] = []
        self.holds_lease = True
        self.counting = counting_of()
        self.stored = Gauge("stored", "When.", registry=self.registry)
        self.keeper = Keeper(
            LogCheckpoints(folder),
            publish=self.publish,
            may_write=lambda: self.holds_lease,
            clock=lambda: NOW,
            telemetry=Telemetry(self.registry, version="1"),
            stored=self.stored,
        )

    def publish(self, snapshot: Snapshot) -> None:
        self.shown.append(snapshot)

    def cut(self, n_lines: int, *, cursor: int) -> Cut:
        batch = batch_of(numbered(0, n_lines), cursor={"next": cursor})
        self.counting.take("app", batch, now_milliseconds=NOW)
        return self.counting.cut(now_milliseconds=NOW)

    def on_disk(self) -> list[int]:
        """Lines in the checkpoint."""
        found: list[int] = (
            self.restored().cut(now_milliseconds=NOW).snapshot.series["count"].tolist()
        )
        return found

    def restored(self) -> LineCounting:
        def build(stored: Stored | None) -> LineCounting:
            counting = counting_of()
            if stored is not None:
                counting.restore(stored)
            return counting

        return self.keeper.restored(build)

    def errors(self, reason: str) -> float | None:
        labels = {"reason": reason, "signal": ""}
        return self.registry.get_sample_value("forewarn_errors_total", labels)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "logs")
    yield site
    site.keeper.close()


def test_a_cut_is_stored_and_shown_and_its_cursors_are_safe(site: Site) -> None:
    kept = site.keeper.keep(site.cut(5, cursor=5)).result()
    assert (kept.is_stored, kept.cursors) == (True, {"app": {"next": 5}})
    assert site.on_disk() == [5]
    assert site.shown[0].series["count"].tolist() == [5]
    assert site.registry.get_sample_value("stored") == NOW / 1000
    site.keeper.keep(site.cut(7, cursor=12)).result()
    assert site.on_disk() == [12]


def test_where_nothing_changed_nothing_is_written(site: Site) -> None:
    site.keeper.keep(site.cut(5, cursor=5)).result()
    before = (site.folder / "lines.checkpoint").stat()
    kept = site.keeper.keep(site.counting.cut(now_milliseconds=NOW)).result()
    assert kept.is_stored
    assert (site.folder / "lines.checkpoint").stat().st_mtime_ns == before.st_mtime_ns
    assert len(site.shown) == 2


def test_a_full_disk_is_said_once_and_what_is_counted_is_shown(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(checkpoints.os, "fsync", full)
        for number in range(2):
            kept = site.keeper.keep(site.cut(5, cursor=number)).result()
            assert (kept.is_stored, kept.cursors) == (False, {})
            site.counting.store_whole()
        unchanged = Cut(None, is_whole=False, cursors={"app": {}}, snapshot=site.shown[-1])
        assert site.keeper.keep(unchanged).result().cursors == {}
    assert site.shown[1].series["count"].tolist() == [10]
    assert site.keeper.keep(site.cut(5, cursor=2)).result().is_stored
    assert site.on_disk() == [15]
    assert site.errors("store") == 2.0
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0].startswith("counters of log lines are not stored, it is tried again: ")
    assert messages[1:] == ["counters of log lines are stored again"]


def test_who_lost_the_lease_does_not_write(site: Site) -> None:
    site.keeper.keep(site.cut(5, cursor=5)).result()
    site.holds_lease = False
    assert not site.keeper.keep(site.cut(5, cursor=10)).result().is_stored
    assert site.on_disk() == [5]


def test_a_snapshot_that_cannot_be_shown_stops_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.keeper, "_publish", lambda _snapshot: 1 / 0)
    assert site.keeper.keep(site.cut(5, cursor=5)).result().is_stored
    assert site.errors("internal") == 1.0


@pytest.mark.parametrize(
    "content",
    [
        b"forewarn log checkpoint 9\n",
        b"forewarn log checkpoint 1\nrubbish",
        to_bytes(State("another", 1)),
    ],
)
def test_what_cannot_be_used_is_set_aside_and_said(
    site: Site, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    if content.startswith(b"PK"):
        LogCheckpoints(site.folder).write(content)
    else:
        site.folder.mkdir()
        (site.folder / "lines.checkpoint").write_bytes(content)
    assert site.on_disk() == []
    assert site.errors("checkpoint") == 1.0
    (aside,) = site.folder.iterdir()
    assert aside.name == f"lines.checkpoint.refused-{NOW}"
    assert "counters of log lines begin anew" in caplog.text
    assert str(aside) in caplog.text
    assert site.on_disk() == []
    assert site.errors("checkpoint") == 1.0


def test_a_checkpoint_that_cannot_be_read_now_is_left_alone(site: Site) -> None:
    site.folder.touch()
    with pytest.raises(StoreError, match="Not a directory"):
        site.restored()
    assert site.errors("checkpoint") is None


def test_after_many_changes_a_whole_state_is_due(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_LEAST_BYTES_OF_CHANGES", 0)
    site.keeper.keep(site.cut(5, cursor=0)).result()
    assert not site.keeper.is_long
    n_changes = 0
    while not site.keeper.is_long:
        site.keeper.keep(site.cut(1, cursor=n_changes)).result()
        n_changes += 1
    assert n_changes > 1
    site.counting.store_whole()
    site.keeper.keep(site.cut(1, cursor=0)).result()
    assert not site.keeper.is_long
    assert site.on_disk() == [6 + n_changes]
