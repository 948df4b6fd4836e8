"""forewarn_training.backtest and backtest_report"""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import numpy as np
import pytest

from forewarn_adapters.labelled import LabelledEvents
from forewarn_models.budget import parse_budget
from forewarn_models.detector import RarityDetector
from forewarn_models.episodes import distinct_alarms
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.fold import FoldPolicy
from forewarn_models.labels import labels_of
from forewarn_models.masks import Interval
from forewarn_models.offline import Schedule, score_recording
from forewarn_models.panel import Panel
from forewarn_models.rulers import Ruler
from forewarn_models.samples import Samples, samples_of
from forewarn_training import recording as recording_module
from forewarn_training.backtest import Backtest, run_backtest
from forewarn_training.backtest_report import (
    alarm_columns,
    alarm_rows,
    as_mapping,
    figures_of,
    noisiest_of,
    pictures_of,
    record_of,
)
from forewarn_training.recording import Recording, judged_from, signal_recording

STEP = 600_000
DAY = 144
HOUR = 6
NOW = 1_700_006_400_000  # the end of the seventh day of the recording
BUDGET = parse_budget("1/10d")


def ignored(what: str) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def lived(panel_of) -> Recording:
    """Eight days of three series with a group, of which the last two days are judged."""
    rng = np.random.default_rng(4)
    phase = 2 * np.pi * np.arange(8 * DAY) / DAY
    values = np.stack([100 + 10 * np.sin(phase + row) for row in range(3)])
    values += rng.normal(size=values.shape)
    values[0, 7 * DAY : 7 * DAY + HOUR] += 60  # in the labelled event
    values[1, 6 * DAY + 10 * HOUR] += 90  # an hour's work of nobody
    panel = panel_of(values)
    series = tuple((("host", "x"), *labels) for labels in panel.series)
    panel = replace(panel, series=series)
    start = panel.start_milliseconds
    return Recording(
        "load",
        (partial(samples_of, panel),),
        panel.end_milliseconds,
        RarityDetector(group_by=("host",)),
        Schedule(start + 6 * DAY * STEP, DAY * STEP, 6 * DAY * STEP),
        Ruler(start, STEP),
    )


def samples_in(recording: Recording) -> Samples:
    return recording.parts[0]()


def events(lived: Recording, *entries: tuple[float, float, str]) -> LabelledEvents:
    """Labels of (first day, last day, series)."""
    start = samples_in(lived).timestamp_milliseconds.min()
    first, last, series = zip(*entries, strict=True)
    days = [np.rint(start + DAY * STEP * np.array(ends)).astype(np.int64) for ends in (first, last)]
    return LabelledEvents(tuple(series), *days)


def test_it_says_what_scoring_the_recording_says(lived):
    backtest = run_backtest(lived, BUDGET, labels=None, progress=ignored)
    scored = score_recording(
        lived.detector,
        FoldPolicy(BUDGET),
        samples_in(lived),
        lived.schedule,
        ruler=lived.ruler,
    )
    told = scored.verdicts
    is_on = told.severity > 0
    alarms = distinct_alarms(
        told.row[is_on],
        told.episode_start_milliseconds[is_on],
        told.timestamp_milliseconds[is_on],
    )
    counts = np.bincount(alarms[:, 0], minlength=len(told.series))
    np.testing.assert_array_equal(backtest.alarms_of_rows, counts)
    assert counts[:2].min() >= 1
    assert backtest.n_series == 3
    assert backtest.names[3] == '{host="x",series="*"}'
    assert backtest.judged_days == pytest.approx(2.0)
    assert backtest.judged_seconds[:3].tolist() == [2 * 86_400.0] * 3
    assert backtest.events is None
    assert "events" not in figures_of(backtest)


def test_alarms_are_held_against_what_the_budget_allows(lived):
    backtest = run_backtest(lived, BUDGET, labels=None, progress=ignored)
    figures = figures_of(backtest)
    assert figures["alarms"] == len(backtest.alarms)
    assert figures["alarms_per_week"] == pytest.approx(len(backtest.alarms) * 7 / 2)
    assert figures["allowed_alarms_per_week"] == pytest.approx(4 * 7 / 10)  # three and a group
    noisiest = noisiest_of(backtest)
    assert sum(n for _, n in noisiest) == len(backtest.alarms)
    assert noisiest[0][1] == backtest.alarms_of_rows.max()


def test_labels_tell_found_from_missed_and_true_from_false(lived):
    labels = events(
        lived,
        (7.0, 7.04, ""),
        (7.5, 7.6, "host=x,series=c"),  # nothing happens to it
        (7.5, 7.6, "host=x,series=absent"),
        (2.0, 2.1, ""),  # before what is judged
    )
    backtest = run_backtest(lived, BUDGET, labels=labels, progress=ignored)
    assert backtest.detection is not None
    assert (backtest.detection.n_events, backtest.detection.n_found) == (2, 1)
    assert backtest.detection.median_delay_seconds == 0.0
    rows = alarm_rows(backtest, most=99)
    verdicts = {str(row["series"]): row["verdict"] for row in rows}
    assert verdicts['{host="x",series="a"}'] == "true"
    assert verdicts['{host="x",series="b"}'] == "false"
    figures = figures_of(backtest)
    assert figures["event_recall_ratio"] == 0.5
    assert 0 < figures["average_precision_ratio"] <= 1
    assert figures["event_recall_ratio_at_10_budgets"] >= 0.5


def test_what_machines_read_holds_no_nan_and_the_rarest_alarm_first(lived):
    labels = events(lived, (2.0, 2.1, ""))
    backtest = run_backtest(lived, BUDGET, labels=labels, progress=ignored)
    answer = as_mapping(backtest, most_alarms=1)
    assert answer["event_recall_ratio"] is None
    assert answer["thresholds"] == []
    periods = [row["return_period_seconds"] for row in alarm_rows(backtest, most=99)]
    assert periods == sorted(periods, reverse=True)
    assert len(answer["rarest_alarms"]) == 1
    assert {len(column) for column in alarm_columns(backtest).values()} == {len(periods)}


def test_each_series_has_a_picture_and_groups_have_none(lived):
    backtest = run_backtest(lived, BUDGET, labels=None, progress=ignored, most_shown=9)
    pictures = pictures_of(backtest)
    assert set(pictures) == set(backtest.names[:3])
    labels = events(lived, (6.5, 6.6, "host=x,series=c"))
    labelled = run_backtest(lived, BUDGET, labels=labels, progress=ignored, most_shown=9)
    others = pictures_of(labelled)
    changed = {name for name, image in pictures.items() if others[name] != image}
    assert changed == {'{host="x",series="c"}'}


def test_a_run_keeps_the_figures_and_the_alarms(lived, registry):
    backtest = run_backtest(lived, BUDGET, labels=None, progress=ignored)
    record = record_of(backtest, at_milliseconds=1_700_000_000_000, params={"days": "2"}, plots=())
    assert record.params == {"budget": "1/10d", "days": "2"}
    assert len(record.tables["alarms"].rows) == len(backtest.alarms)
    assert registry.log_backtest(record)


def test_of_many_series_the_strangest_are_drawn(lived):
    backtest = run_backtest(lived, BUDGET, labels=None, progress=ignored, most_shown=1)
    (shown,) = backtest.shown
    assert shown.peak_score == max(backtest.alarms.score[backtest.alarm_spans.row >= 0])


def test_parts_say_together_what_the_whole_says(signal, source, monkeypatch):
    monkeypatch.setattr(recording_module, "_CELLS_IN_A_PART", 1_000)  # a series in each

    def outcome() -> Backtest:
        read = signal_recording(
            wanted, source, now_milliseconds=NOW, days=2, every=timedelta(days=1)
        )
        labels = events(read, (4.0, 4.5, ""), (3.5, 3.6, "series=b"))
        return run_backtest(read, parse_budget("1/day"), labels=labels, progress=ignored)

    wanted = signal.model_copy(update={"history": timedelta(days=3)})
    parts = outcome()
    monkeypatch.setattr(recording_module, "_CELLS_IN_A_PART", 1_000_000)
    whole = outcome()
    assert parts.names == whole.names
    assert figures_of(parts) == figures_of(whole)
    assert alarm_rows(parts, most=99) == alarm_rows(whole, most=99)
    assert len(parts.alarms) > 3


def test_a_group_stands_in_one_part(panel_of, monkeypatch):
    panel = panel_of(np.ones((7, 10)))
    series = tuple(labels_of({"host": "xyxyxyz"[row], "n": str(row)}) for row in range(7))
    panel = replace(panel, series=series)
    monkeypatch.setattr(recording_module, "_CELLS_IN_A_PART", 40)  # four series
    parts = [rows.tolist() for rows in recording_module._row_sets(panel, ("host",), ())]
    assert parts == [[0, 2, 4], [1, 3, 5, 6]]
    alone = [rows.tolist() for rows in recording_module._row_sets(panel, (), ())]
    assert alone == [[0, 1, 2, 3], [4, 5, 6]]
    kin = [rows.tolist() for rows in recording_module._row_sets(panel, (), ("host",))]
    assert kin == parts


def test_siblings_of_several_groups_stand_in_one_part_with_them(panel_of, monkeypatch):
    panel = panel_of(np.ones((7, 10)))
    facts = zip("xyxyzzw", "abacddd", strict=True)
    series = [{"host": host, "job": job, "n": str(n)} for n, (host, job) in enumerate(facts)]
    panel = replace(panel, series=tuple(labels_of(labels) for labels in series))
    monkeypatch.setattr(recording_module, "_CELLS_IN_A_PART", 20)  # two series
    parts = [rows.tolist() for rows in recording_module._row_sets(panel, ("host",), ("job",))]
    assert parts == [[0, 2], [1, 3], [4, 5, 6]]


def test_siblings_of_a_signal_stand_in_one_part_though_their_groups_differ(
    signal, source, monkeypatch
):
    wanted = signal.model_copy(
        update={"history": timedelta(days=3), "group_by": ("series",), "siblings": ("host",)}
    )
    whole = signal_recording(wanted, source, now_milliseconds=NOW, days=2, every=timedelta(days=1))
    monkeypatch.setattr(recording_module, "_CELLS_IN_A_PART", 1_000)  # a series in each
    cut = signal_recording(wanted, source, now_milliseconds=NOW, days=2, every=timedelta(days=1))
    assert len(whole.parts) == len(cut.parts) == 1


def test_what_a_mask_hides_is_judged_and_not_learned(lived):
    start = int(samples_in(lived).timestamp_milliseconds.min())
    hidden = (Interval(start, start + 3 * DAY * STEP),)
    seen: list[Panel] = []

    @dataclass
    class Seeing:
        def fit(self, history, earlier=None):
            seen.append(history)
            return lived.detector.fit(history, earlier)

    masked = replace(lived, detector=Seeing(), hidden=hidden)
    backtest = run_backtest(masked, BUDGET, labels=None, progress=ignored)
    assert [int(np.isfinite(panel.values[0]).sum()) for panel in seen] == [3 * DAY, 4 * DAY]
    late = (Interval(start + 6 * DAY * STEP, start + 9 * DAY * STEP),)
    judged = run_backtest(replace(lived, hidden=late), BUDGET, labels=None, progress=ignored)
    assert judged.judged_seconds[:3].tolist() == backtest.judged_seconds[:3].tolist()


def test_trainings_are_told_one_by_one(lived):
    said: list[str] = []
    run_backtest(lived, BUDGET, labels=None, progress=said.append)
    assert [what.partition(" as of")[0] for what in said] == ["training", "training", "judging"]


def test_of_a_short_history_the_first_half_trains():
    assert judged_from(100, 1100, days=7) == 600
    assert judged_from(0, 100 * 86_400_000, days=7) == 93 * 86_400_000


def test_a_signal_is_read_with_the_history_that_its_first_model_needs(signal, source):
    wanted = signal.model_copy(update={"history": timedelta(days=3)})
    recorded = signal_recording(
        wanted, source, now_milliseconds=NOW, days=2, every=timedelta(days=1)
    )
    times = samples_in(recorded).timestamp_milliseconds
    assert (times.min(), times.max()) == (NOW - 5 * DAY * STEP, NOW - STEP)
    assert recorded.schedule == Schedule(NOW - 2 * DAY * STEP, DAY * STEP, 3 * DAY * STEP)


def test_a_signal_without_series_says_what_is_missing(signal, source):
    nothing = signal.model_copy(update={"query": "absent"})
    with pytest.raises(NotEnoughHistory):
        signal_recording(nothing, source, now_milliseconds=1, days=2, every=timedelta(days=1))


def test_a_recording_of_which_nothing_can_be_said_is_no_back_test(lived):
    samples = samples_in(lived)
    times = samples.timestamp_milliseconds
    few = samples.select(times < times.min() + 20 * STEP)
    start = int(few.timestamp_milliseconds.min())
    short = replace(
        lived, parts=(lambda: few,), schedule=Schedule(start + 10 * STEP, STEP, DAY * STEP)
    )
    with pytest.raises(NotEnoughHistory):
        run_backtest(short, BUDGET, labels=None, progress=ignored)
