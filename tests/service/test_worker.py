"""One signal's ticks: what is read, said, kept, and gone on from."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from forewarn_adapters.checkpoint import Checkpoint, CheckpointFolder
from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.signals import Signal
from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.contract import FittedDetector, State
from forewarn_models.errors import SourceUnavailable, StoreError
from forewarn_models.labels import labels_of
from forewarn_models.samples import NO_SAMPLES, Samples
from forewarn_service import buffer as buffer_module
from forewarn_service import scorer as scorer_module
from forewarn_service import worker as worker_module
from forewarn_service.champions import ChampionWatch
from forewarn_service.live import CANNOT_SAY
from forewarn_service.telemetry import Telemetry
from forewarn_service.worker import Worker
from service_parts import (
    Collected,
    MemoryChampions,
    MemorySource,
    fitted,
    healthy,
    history,
    samples_of,
)

END = 1_800_000_000_000
STEP = 1_000
SERIES = tuple(labels_of({"machine": name}) for name in "abc")
STRANGER = labels_of({"machine": "new"})


@cache
def model(seed: int = 3) -> FittedDetector:
    return fitted(history(SERIES, end_milliseconds=END, seed=seed))


def stream(n_slots: int, *, machines: int = 3, start: int = END) -> Samples:
    series = (*SERIES, STRANGER)[:machines]
    values = healthy(np.random.default_rng(1), (n_slots, machines))
    times = start + 300 + STEP * np.arange(n_slots, dtype=np.int64)
    row = np.tile(np.arange(machines, dtype=np.int64), n_slots)
    return Samples(series, row, np.repeat(times, machines), values.ravel())


@dataclass
class Stand:
    """A worker with everything around it."""

    folder: Path
    source: MemorySource
    clock: ManualClock = field(default_factory=lambda: ManualClock(END + 400))
    champions: MemoryChampions = field(default_factory=MemoryChampions)
    output: Collected = field(default_factory=Collected)
    collectors: CollectorRegistry = field(default_factory=CollectorRegistry)
    written: int | None = END

    def __post_init__(self) -> None:
        telemetry = Telemetry(self.collectors, version="1")
        checkpoints = CheckpointFolder(self.folder)
        signal = Signal(name="load", query="load_ratio", step="1s")  # type: ignore[arg-type]  # as a file has it
        self.worker = Worker(
            signal,
            source=self.source,
            output=self.output,
            checkpoints=checkpoints,
            telemetry=telemetry,
        )
        self.watch = ChampionWatch(
            registry=self.champions,
            source=self.source,
            checkpoints=checkpoints,
            written_until=lambda _signal: self.written,
            clock=self.clock,
            telemetry=telemetry,
        )

    def train(self, *, seed: int = 3, version: int = 1) -> None:
        self.champions.put("load", model(seed), version=version)
        self.watch.look(self.worker)

    def tick(self, *, times: int = 1, advance: int = STEP) -> None:
        for _ in range(times):
            self.worker.tick(self.clock())
            self.clock.advance(milliseconds=advance)

    def said(self) -> list[str]:
        return [CANNOT_SAY[reason] for reason in self.output.snapshots[-1].cannot_say]

    def count(self, name: str, **labels: str) -> float:
        return self.collectors.get_sample_value(name, labels) or 0.0


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path, MemorySource(stream(3_000)))


def test_before_anything_is_trained_the_signal_says_so(stand: Stand) -> None:
    stand.tick()
    snapshot = stand.output.snapshots[-1]
    assert (stand.said(), snapshot.series, snapshot.champion_version) == (["no_model"], ((),), None)
    assert stand.worker.newest_milliseconds is None


def test_each_sample_is_handed_out_once_tick_by_tick(stand: Stand) -> None:
    stand.train()
    stand.tick(times=100)
    expected = {(row, END + 300 + slot * STEP) for row in range(3) for slot in range(100)}
    assert Counter(stand.output.handed_out()) == Counter(expected)
    assert stand.said() == ["", "", ""]
    assert stand.count("forewarn_scored_samples_total", signal="load") == 300


def test_a_tick_reads_only_a_little_behind_the_newest_sample(stand: Stand) -> None:
    stand.train()
    stand.tick(times=20)
    after, until = stand.source.reads[-1]
    assert (after, until) == (END + 18_300 - 10_000, END + 19_400)


def test_now_and_then_the_whole_window_is_read_for_late_samples(stand: Stand) -> None:
    late = (stand.source.samples.row == 1) & (
        stand.source.samples.timestamp_milliseconds == END + 50_300
    )
    whole = stand.source.samples
    stand.source.samples = whole.select(~late)
    stand.train()
    stand.tick(times=200)
    stand.source.samples = whole
    stand.tick(times=40)
    keys = Counter(stand.output.handed_out())
    assert keys[1, END + 50_300] == 1
    assert set(keys.values()) == {1}


def test_a_gap_in_which_the_service_did_not_run_is_caught_up(stand: Stand) -> None:
    stand.train()
    stand.tick(times=5)
    stand.clock.advance(milliseconds=1_200_000)
    stand.tick()
    assert len(stand.output.handed_out()) == 3 * 1_206
    assert set(Counter(stand.output.handed_out()).values()) == {1}


def test_a_series_that_the_champion_does_not_know_is_untrained_until_it_is_gone(
    tmp_path: Path,
) -> None:
    stand = Stand(tmp_path, MemorySource(stream(10, machines=4)))
    stand.train()
    stand.tick(times=5)
    assert (stand.said(), stand.output.snapshots[-1].series[3]) == (
        ["", "", "", "untrained"],
        STRANGER,
    )
    stand.tick(times=80)
    assert len(stand.output.snapshots[-1].series) == 3


def test_a_row_without_samples_for_sixty_steps_is_stale(tmp_path: Path) -> None:
    stand = Stand(tmp_path, MemorySource(stream(10)))
    stand.train()
    stand.tick(times=69)
    assert stand.said() == ["", "", ""]
    stand.tick(times=3)
    assert stand.said() == ["stale"] * 3


def test_a_sample_that_is_no_number_is_a_gap(stand: Stand) -> None:
    samples = stand.source.samples
    value = np.where(samples.row == 2, np.nan, samples.value)
    stand.source.samples = Samples(SERIES, samples.row, samples.timestamp_milliseconds, value)
    stand.train()
    stand.tick(times=3)
    assert stand.said() == ["", "", "gap"]


def silent(samples: Samples, row: int, *, start: int, end: int = 2 * END) -> Samples:
    """The samples without those of a row between two times."""
    times = samples.timestamp_milliseconds
    return samples.select((samples.row != row) | (times < start) | (times >= end))


def said_missing(stand: Stand) -> list[tuple[int, int]]:
    """Row, and seconds after the end of the history, of all that was said to be missed."""
    return [
        (row, (snapshot.published_milliseconds - END) // 1_000)
        for snapshot in stand.output.snapshots
        for row in snapshot.missed
    ]


def test_a_machine_that_falls_silent_is_missed_until_it_is_back(tmp_path: Path) -> None:
    gone = silent(stream(7_200), 1, start=END + 100_000, end=END + 6_000_000)
    stand = Stand(tmp_path, MemorySource(gone))
    stand.train()
    stand.tick(times=110, advance=60_000)
    minutes = range(7, 100)  # the first more than five after the last sample
    assert said_missing(stand) == [(1, 60 * minute) for minute in minutes]
    missed = [snapshot.missed[1] for snapshot in stand.output.snapshots if snapshot.missed]
    assert {each.since_milliseconds for each in missed} == {END + 100_000}
    scores = [each.score for each in missed]
    assert scores == sorted(scores)
    # Of an hour's history it takes most of an hour to be as rare as once in 30 days.
    assert 40 <= sum(score < 1 for score in scores) <= 50


def test_nothing_is_missed_while_the_source_fails_nor_when_its_first_samples_are_on_their_way(
    tmp_path: Path,
) -> None:
    collected = stream(7_200)
    for row in range(3):
        collected = silent(collected, row, start=END + 600_000, end=END + 1_830_000)
    stand = Stand(tmp_path, MemorySource(silent(collected, 1, start=END + 100_000)))
    stand.train()
    stand.tick(times=600)
    stand.source.failure = SourceUnavailable("down")
    stand.tick(times=1_200)
    stand.source.failure = None
    stand.tick(times=120)
    assert {row for row, _ in said_missing(stand)} == {1}
    seconds = {second for _, second in said_missing(stand)}
    # Known are the last tick that read, and what it said for as long as that speaks for now.
    assert seconds == {*range(401, 660), *range(1_860, 1_920)}


def test_what_is_missed_stands_still_while_a_read_fails(tmp_path: Path) -> None:
    stand = Stand(tmp_path, MemorySource(silent(stream(1_000), 1, start=END + 100_000)))
    stand.train()
    stand.tick(times=500)
    stand.source.failure = SourceUnavailable("down")
    stand.tick(times=2)
    before, *after = (snapshot.missed for snapshot in stand.output.snapshots[-3:])
    assert after == [before] * 2


def test_a_service_that_catches_up_misses_nobody_on_the_way(tmp_path: Path) -> None:
    away = silent(stream(15_000), 1, start=END + 9_000_000, end=END + 11_000_000)
    stand = Stand(tmp_path, MemorySource(away))
    stand.train()
    stand.tick()
    stand.clock.advance(milliseconds=14_000_000)
    stand.tick(times=100)
    assert len(stand.output.snapshots) == 102  # ten thousand slots are one portion
    assert said_missing(stand) == []


def test_a_machine_is_missed_again_after_a_restart(tmp_path: Path) -> None:
    source = MemorySource(silent(stream(3_600), 1, start=END + 100_000))
    stand = Stand(tmp_path, source)
    stand.train()
    stand.tick(times=600)
    stand.worker.write_checkpoint(stand.clock())
    again = Stand(tmp_path, source, clock=stand.clock)
    again.train()
    again.tick(times=61)
    assert said_missing(again) == [(1, 660)]
    assert again.output.snapshots[-1].missed[1].since_milliseconds == END + 100_000


@cache
def fleet_model() -> FittedDetector:
    """All machines are siblings: they agree in a label that none of them has."""
    return fitted(history(SERIES, end_milliseconds=END), siblings=("job",))


@pytest.fixture
def fleet(tmp_path: Path) -> Stand:
    """A stand whose fourth machine comes after thirty seconds."""
    samples = stream(3_000, machines=4)
    is_there = (samples.row < 3) | (samples.timestamp_milliseconds >= END + 30_000)
    stand = Stand(tmp_path, MemorySource(samples.select(is_there)))
    stand.champions.put("load", fleet_model())
    stand.watch.look(stand.worker)
    return stand


def test_a_newcomer_with_a_sibling_is_scored_from_its_second_tick(fleet: Stand) -> None:
    fleet.tick(times=31)
    assert fleet.said() == ["", "", "", "untrained"]
    fleet.tick(times=29)
    assert fleet.said() == ["", "", "", ""]
    expected = {(row, END + 300 + slot * STEP) for row in range(3) for slot in range(60)}
    expected |= {(3, END + 300 + slot * STEP) for slot in range(30, 60)}
    assert Counter(fleet.output.handed_out()) == Counter(expected)
    assert fleet.output.snapshots[-1].newest.score[3] < 1


def test_a_machine_of_which_a_sibling_lives_is_not_missed(fleet: Stand) -> None:
    fleet.source.samples = silent(fleet.source.samples, 1, start=END + 100_000)
    fleet.tick(times=45, advance=60_000)
    assert fleet.said() == ["", "stale", "", ""]
    assert said_missing(fleet) == []


def test_a_newcomer_changes_nothing_for_the_others(tmp_path: Path, fleet: Stand) -> None:
    alone = Stand(tmp_path / "alone", MemorySource(fleet.source.samples))
    alone.champions.put("load", model())
    alone.watch.look(alone.worker)
    fleet.tick(times=60)
    alone.tick(times=60)
    assert {key: score for key, score in scores(fleet).items() if key[0] < 3} == scores(alone)


def test_a_newcomer_is_welcomed_again_after_a_restart(tmp_path: Path, fleet: Stand) -> None:
    fleet.tick(times=60)
    fleet.worker.write_checkpoint(fleet.clock())
    again = Stand(tmp_path, fleet.source, clock=fleet.clock, champions=fleet.champions)
    again.watch.look(again.worker)
    again.tick(times=5)
    assert again.said() == ["", "", "", ""]
    newest = END + 300 + 59 * STEP
    keys = again.output.handed_out()
    assert {(row, newest + n * STEP) for row in range(4) for n in range(1, 6)} <= set(keys)
    assert set(Counter(keys).values()) == {1}


def test_episodes_are_held_when_the_source_fails_in_the_tick_that_welcomes(fleet: Stand) -> None:
    jump(fleet, 0, END + 10_000)
    fleet.tick(times=31)
    assert fleet.said() == ["", "", "", "untrained"]
    before = fleet.output.snapshots[-1].newest
    fleet.source.failure = SourceUnavailable("down")
    fleet.tick()
    after = fleet.output.snapshots[-1].newest
    assert len(fleet.worker._current.scorer.model.series) == 4  # type: ignore[union-attr]  # it scores
    assert fleet.said()[:3] == ["", "", ""]
    assert before.severity[0] > 0
    assert after.severity[:3].tolist() == before.severity[:3].tolist()
    fleet.tick(times=100)
    assert fleet.said()[0] == "source"
    assert fleet.output.snapshots[-1].newest.severity[0] > 0


def with_newcomers(fleet: Stand, names: str, *, after: int) -> None:
    """Have the source hold machines that come some seconds after the end of the history."""
    held = fleet.source.samples
    rows = {
        labels: [
            (int(time), float(value))
            for time, value in zip(
                held.timestamp_milliseconds[held.row == row],
                held.value[held.row == row],
                strict=True,
            )
        ]
        for row, labels in enumerate(held.series)
    }
    times = END + 300 + STEP * np.arange(after, 3_000)
    for name in names:
        rows[labels_of({"machine": name})] = [(int(time), 1.0) for time in times]
    fleet.source.samples = samples_of(rows)


def test_only_so_many_series_are_welcomed_under_one_champion(
    fleet: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorer_module, "MOST_WELCOMED", 3)
    with_newcomers(fleet, "pqrs", after=40)
    with_newcomers(fleet, "t", after=50)
    fleet.tick(times=45)
    assert Counter(fleet.said()) == {"": 6, "untrained": 2}
    fleet.tick(times=15)
    assert Counter(fleet.said()) == {"": 6, "untrained": 3}
    labels = {"reason": "too_many_newcomers", "signal": "load"}
    assert fleet.count("forewarn_errors_total", **labels) == 2  # when it was full, and of `t`
    assert set(Counter(fleet.output.handed_out()).values()) == {1}


def test_a_welcome_that_fails_is_counted_and_the_known_series_are_scored(
    fleet: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffer_module, "MAX_ROWS", 4)
    with_newcomers(fleet, "pq", after=30)
    fleet.tick(times=60)
    assert fleet.said() == ["", "", "", *["untrained"] * 3]
    expected = {(row, END + 300 + slot * STEP) for row in range(3) for slot in range(60)}
    assert Counter(fleet.output.handed_out()) == Counter(expected)
    assert fleet.count("forewarn_errors_total", reason="data", signal="load") == 1


def test_a_stranger_without_a_sibling_is_asked_for_once(stand: Stand) -> None:
    stand.source.samples = stream(300, machines=4)
    stand.train()
    stand.tick(times=5)
    assert stand.said() == ["", "", "", "untrained"]


def test_a_row_with_too_little_history_is_untrained(stand: Stand) -> None:
    panel = history(SERIES, end_milliseconds=END)
    values = panel.values.copy()
    values[1, :-5] = np.nan
    short = type(panel)(values, SERIES, panel.start_milliseconds, STEP)
    stand.champions.put("load", fitted(short))
    stand.watch.look(stand.worker)
    stand.tick(times=3)
    assert stand.said() == ["", "untrained", ""]


def test_a_failing_source_is_counted_at_once_and_said_after_a_while(stand: Stand) -> None:
    stand.train()
    stand.tick(times=3)
    stand.source.failure = SourceUnavailable("down")
    stand.tick()
    assert stand.said() == ["", "", ""]
    assert stand.count("forewarn_errors_total", reason="source_unavailable", signal="load") == 1
    stand.tick(times=61)
    assert stand.said() == ["source"] * 3
    stand.source.failure = None
    stand.tick()
    assert stand.said() == ["", "", ""]
    assert set(Counter(stand.output.handed_out()).values()) == {1}


def test_an_unexpected_failure_is_counted_and_the_next_tick_goes_on(stand: Stand) -> None:
    stand.train()
    stand.source.failure = ZeroDivisionError("a defect")
    stand.tick()
    stand.source.failure = None
    stand.tick()
    assert stand.count("forewarn_errors_total", reason="internal", signal="load") == 1
    assert stand.said() == ["", "", ""]


def jump(stand: Stand, row: int, after: int) -> None:
    samples = stand.source.samples
    is_high = (samples.row == row) & (samples.timestamp_milliseconds > after)
    value = np.where(is_high, 5.0, samples.value)
    stand.source.samples = Samples(
        samples.series, samples.row, samples.timestamp_milliseconds, value
    )


def test_an_episode_is_held_while_the_source_fails_and_let_go_after_five_minutes(
    stand: Stand,
) -> None:
    jump(stand, 0, END + 10_000)
    stand.train()
    stand.tick(times=20)
    stand.source.failure = SourceUnavailable("down")
    stand.tick(times=100)
    assert stand.said()[0] == "source"
    assert stand.output.snapshots[-1].newest.severity.tolist()[0] > 0
    stand.tick(times=6, advance=60_000)
    assert stand.output.snapshots[-1].newest.severity.tolist() == [0, 0, 0]


def test_a_restart_goes_on_from_the_checkpoint(tmp_path: Path, stand: Stand) -> None:
    stand.train()
    stand.tick(times=50)
    stand.worker.write_checkpoint(stand.clock())
    again = Stand(tmp_path, stand.source, clock=stand.clock)
    again.train()
    again.tick(times=10)
    newest = END + 300 + 49 * STEP
    keys = again.output.handed_out()
    assert max(stand.output.handed_out()) == (2, newest)
    assert {time for _, time in keys if time > newest} == {newest + n * STEP for n in range(1, 11)}
    assert set(Counter(keys).values()) == {1}
    assert min(time for _, time in keys) > END
    first = {key: score for key, score in scores(stand).items() if key in scores(again)}
    assert first == {key: scores(again)[key] for key in first}
    assert len(first) >= 30


def scores(stand: Stand) -> dict[tuple[int, int], float]:
    values = [score for each in stand.output.emitted for score in each.score.tolist()]
    return dict(zip(stand.output.handed_out(), values, strict=True))


def test_a_damaged_checkpoint_is_rebuilt_from_the_source(tmp_path: Path, stand: Stand) -> None:
    stand.train()
    stand.tick(times=50)
    (tmp_path / "load.checkpoint").write_bytes(b"nonsense")
    again = Stand(tmp_path, stand.source, clock=stand.clock, written=END + 49_000)
    again.train()
    again.tick()
    assert {time for _, time in again.output.handed_out()} == {END + 49_300, END + 50_300}


def without(name: str) -> Callable[[State], State]:
    """Return a change that leaves out an array."""
    return lambda state: replace(
        state, arrays={key: array for key, array in state.arrays.items() if key != name}
    )


def narrower(state: State) -> State:
    """The state of a release whose carry remembered less."""
    exact = state.arrays["carry/exact"][:, :-1]
    return replace(state, arrays={**state.arrays, "carry/exact": exact})


@pytest.mark.parametrize(
    "change",
    [
        lambda state: replace(state, format_version=2),
        lambda state: replace(state, manifest={}),
        without("episodes/active"),
        without("carry/rough"),
        narrower,
    ],
    ids=["format", "manifest", "episodes", "carry", "shape"],
)
def test_a_checkpoint_of_another_release_is_as_none(
    tmp_path: Path, stand: Stand, change: Callable[[State], State]
) -> None:
    stand.train()
    stand.tick(times=50)
    stand.worker.write_checkpoint(stand.clock())
    folder = CheckpointFolder(tmp_path)
    found = folder.read("load")
    assert isinstance(found, Checkpoint)
    changed = to_bytes(change(from_bytes(found.fold_state)))
    folder.write("load", Checkpoint(found.facts, changed))
    again = Stand(tmp_path, stand.source, clock=stand.clock, written=END + 49_000)
    again.train()
    again.tick()
    assert again.said() == ["", "", ""]
    assert {time for _, time in again.output.handed_out()} == {END + 49_300, END + 50_300}


def test_without_checkpoint_and_scores_only_what_comes_from_now_on_is_handed_out(
    tmp_path: Path,
) -> None:
    clock = ManualClock(END + 100_000)
    stand = Stand(tmp_path, MemorySource(stream(300)), clock=clock, written=None)
    stand.train()
    stand.tick(times=2)
    assert {time for _, time in stand.output.handed_out()} == {END + 100_300}
    assert stand.said() == ["", "", ""]


def test_what_was_never_handed_out_is_not_after_a_restart_either(tmp_path: Path) -> None:
    clock = ManualClock(END + 100_400)
    stand = Stand(tmp_path, MemorySource(stream(300)), clock=clock, written=None)
    stand.train()
    stand.tick(times=3)
    stand.train(seed=4, version=2)
    stand.tick(times=3)
    stand.worker.write_checkpoint(clock())
    again = Stand(tmp_path, stand.source, clock=clock)
    again.train(seed=4, version=2)
    again.tick()
    assert min(time for _, time in again.output.handed_out()) == END + 101_300


def test_a_checkpoint_never_passes_what_is_not_written(stand: Stand) -> None:
    stand.train()
    stand.tick(times=300)
    stand.output.unsent = END + 100_300
    stand.worker.write_checkpoint(stand.clock())
    again = Stand(stand.folder, stand.source, clock=stand.clock)
    again.train()
    again.tick()
    assert min(time for _, time in again.output.handed_out()) <= END + 100_300


def test_a_checkpoint_is_left_alone_while_older_samples_wait_than_can_be_folded(
    stand: Stand,
) -> None:
    stand.train()
    stand.tick(times=10)
    stand.output.unsent = END - 3_600_000
    stand.worker.write_checkpoint(stand.clock())
    assert not (stand.folder / "load.checkpoint").exists()


def test_a_checkpoint_that_cannot_be_written_is_counted(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("full")

    stand.worker.write_checkpoint(stand.clock())
    stand.train()
    stand.tick()
    monkeypatch.setattr(CheckpointFolder, "write", full)
    stand.worker.write_checkpoint(stand.clock())
    assert stand.count("forewarn_errors_total", reason="store", signal="load") == 1


def test_a_new_champion_takes_over_without_a_gap_or_a_double(stand: Stand) -> None:
    stand.train()
    stand.tick(times=50)
    stand.train(seed=4, version=2)
    stand.tick(times=50)
    assert set(Counter(stand.output.handed_out()).values()) == {1}
    assert len(stand.output.handed_out()) == 300
    assert stand.output.snapshots[-1].champion_version == 2
    assert stand.worker.version == 2


def test_the_same_champion_is_not_loaded_again(stand: Stand) -> None:
    stand.train()
    stand.tick()
    stand.train()
    assert stand.worker._offered is None


def test_after_another_champion_was_promoted_while_down_the_scores_go_on_where_they_stopped(
    tmp_path: Path, stand: Stand
) -> None:
    stand.train()
    stand.tick(times=50)
    stand.worker.write_checkpoint(stand.clock())
    again = Stand(tmp_path, stand.source, clock=stand.clock)
    again.train(seed=4, version=2)
    again.tick(times=10)
    times = {time for _, time in again.output.handed_out()}
    assert times == {END + 300 + slot * STEP for slot in range(60)}


def test_a_champion_that_cannot_be_loaded_leaves_the_old_one_scoring(stand: Stand) -> None:
    stand.train()
    stand.tick(times=3)
    broken = stand.champions.held["load", "detector"]
    state = type(broken.state)("nonsense", 1)
    stand.champions.held["load", "detector"] = type(broken)(2, state)
    stand.watch.look(stand.worker)
    stand.tick(times=3)
    assert stand.output.snapshots[-1].champion_version == 1
    assert stand.count("forewarn_errors_total", reason="unknown_format", signal="load") == 1


def test_a_champion_that_is_gone_again_changes_nothing(stand: Stand) -> None:
    stand.watch.look(stand.worker)
    assert stand.worker.version is None


def test_the_budget_and_the_band_are_watched(stand: Stand) -> None:
    jump(stand, 0, END + 60_000)
    stand.train()
    stand.tick(times=100)
    assert stand.count("forewarn_alarm_budget_ratio", signal="load") > 1_000
    assert 0.8 < stand.count("forewarn_band_coverage_ratio", signal="load") < 1


def test_the_newest_values_are_found_by_labels(stand: Stand) -> None:
    assert np.isnan(stand.worker.newest_values((SERIES[0],))).all()
    stand.train()
    stand.tick()
    found = stand.worker.newest_values((STRANGER, SERIES[1]))
    assert np.isnan(found[0])
    assert found[1] == stand.source.samples.value[1]


def test_a_tick_that_hangs_in_the_source_is_said_beside_it(stand: Stand) -> None:
    stand.train()
    stand.tick(times=3)
    entered, leave = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> Samples:
        entered.set()
        leave.wait(10)
        return NO_SAMPLES

    stand.source.read_newest = hang  # type: ignore[method-assign]  # a server that does not answer
    thread = threading.Thread(target=stand.worker.tick, args=(stand.clock(),))
    thread.start()
    entered.wait(10)
    stand.worker.say_if_stuck(stand.clock() + 60_000)
    assert stand.said() == ["", "", ""]
    stand.worker.say_if_stuck(stand.clock() + 61_001)
    assert stand.said() == ["source"] * 3
    leave.set()
    thread.join()
    stand.worker.say_if_stuck(stand.clock() + 200_000)
    assert stand.said() == ["", "", ""]


def test_of_too_many_strangers_some_are_named_and_the_rest_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "MOST_UNKNOWN", 2)
    rows = {labels_of({"machine": f"new{n}"}): [(END + 300, 1.0)] for n in range(5)}
    stand = Stand(tmp_path, MemorySource(samples_of(rows)))
    stand.train()
    stand.tick()
    assert stand.said().count("untrained") == 2
    labels = {"reason": "too_many_untrained", "signal": "load"}
    assert stand.count("forewarn_errors_total", **labels) == 1


def test_a_champion_of_another_step_is_not_used(stand: Stand) -> None:
    other = history(SERIES, end_milliseconds=END, step_milliseconds=5_000)
    stand.champions.put("load", fitted(other))
    stand.watch.look(stand.worker)
    stand.tick()
    assert stand.said() == ["no_model"]
    assert stand.count("forewarn_errors_total", reason="model", signal="load") == 1


def test_a_checkpoint_of_another_champion_with_the_same_version_is_not_used(
    tmp_path: Path, stand: Stand
) -> None:
    stand.train()
    stand.tick(times=50)
    stand.worker.write_checkpoint(stand.clock())
    again = Stand(tmp_path, stand.source, clock=stand.clock)
    again.train(seed=4)
    again.tick()
    assert again.worker._current is not None
    assert again.worker._current.emitted_until_milliseconds == END - 1
