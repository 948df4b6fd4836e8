"""`forewarn explain`, on files and a real registry, against what the scorer said live."""

from functools import partial
from pathlib import Path

import numpy as np
import orjson
import pytest

from forewarn_adapters.registry import Registry, TrainingRecord
from forewarn_models.contract import FittedDetector
from forewarn_models.fold import FoldPolicy, start_fold
from forewarn_models.labels import Labels, labels_of
from forewarn_models.verdicts import Verdicts
from forewarn_models.views import VIEWS
from forewarn_service.scorer import Scorer
from forewarn_service.timing import timing_of
from forewarn_service.verdict_rows import concatenate
from service_parts import fitted, healthy, history, samples_of

STEP = 10_000
END = 1_800_000_000_000
SLOTS = 360
BURSTS = {40: 1.9, 41: 1.9, 42: 1.9, 120: 0.2, 200: 1.7, 250: 3.0, 251: 3.0, 345: 2.4, 346: 2.5}
AT = "2027-01-15T08:57:30.300Z"  # of slot 345
AT_MILLISECONDS = END + 345 * STEP + 300
SERIES = tuple(labels_of({"machine": name, "site": "x"}) for name in "abc")
CONFIG = """
files: [load.csv]
signals:
  - {name: load, query: '{}', step: 10s, history: 4d, group_by: [site]}
"""


@pytest.fixture(scope="module")
def rows() -> dict[Labels, list[tuple[int, float]]]:
    """An hour after the training: noise, and bursts of the first two series."""
    values = np.round(healthy(np.random.default_rng(11), (SLOTS, len(SERIES))), 6)
    for slot, factor in BURSTS.items():
        values[slot, :2] *= (factor, np.sqrt(factor))
    values[:, :2] = np.round(values[:, :2], 6)
    times = (END + 300 + STEP * np.arange(SLOTS)).tolist()
    return {
        labels: list(zip(times, values[:, row].tolist(), strict=True))
        for row, labels in enumerate(SERIES)
    }


@pytest.fixture(scope="module")
def first_model() -> FittedDetector:
    return fitted(history(SERIES, end_milliseconds=END, step_milliseconds=STEP), group_by=("site",))


@pytest.fixture(scope="module")
def live(rows, first_model) -> Verdicts:
    """What the scorer said of the same samples, tick by tick."""
    policy = FoldPolicy()
    start = start_fold(first_model, policy)
    scorer = Scorer(first_model, policy, timing=timing_of(STEP), start=start)
    parts = [
        scorer.advance(
            samples_of({labels: [rows[labels][slot]] for labels in SERIES}),
            now_milliseconds=END + slot * STEP + 500,
        ).emitted
        for slot in range(SLOTS)
    ]
    return concatenate(first_model.output_series, parts)


@pytest.fixture
def folder(clean_directory: Path, empty_registry: None, rows, first_model) -> Path:
    """A folder with a configuration, the samples, and a registry with one champion."""
    lines = [
        f"{time / 1000:.3f},{value:.6f},{dict(labels)['machine']},x"
        for labels, samples in rows.items()
        for time, value in samples
    ]
    Path("load.csv").write_text("timestamp,value,machine,site\n" + "\n".join(lines) + "\n")
    Path("forewarn.yaml").write_text(CONFIG)
    promote(first_model, END)
    return clean_directory


def promote(model: FittedDetector, trained: int) -> None:
    registry = Registry("sqlite:///mlruns/mlflow.db")
    record = TrainingRecord("load", "detector", model.state(), trained)
    registry.promote("load", "detector", registry.log_training(record))


@pytest.fixture
def explain(run_forewarn):
    """Return a function that runs `forewarn explain` and gives its exit code and output."""
    return partial(run_forewarn, "explain")


def said_live(live: Verdicts, labels: Labels, time: int) -> dict[str, float]:
    row = live.series.index(labels)
    (entry,) = np.flatnonzero((live.row == row) & (live.timestamp_milliseconds == time))
    names = ("value", "expected", "lower", "upper", "return_period_seconds", "score")
    return {name: float(getattr(live, name)[entry]) for name in names}


def same(found: dict[str, object], said: dict[str, float]) -> bool:
    return all(
        (found[name] is None and np.isnan(value)) or found[name] == value
        for name, value in said.items()
    )


@pytest.mark.parametrize("slot", [0, 1, 40, 41, 120, 251, 345, 359])
def test_the_score_is_to_the_last_bit_what_was_said_live(explain, folder, live, slot):
    for machine, labels in zip("abc", SERIES, strict=True):
        time = END + slot * STEP + 300
        code, out, err = explain(
            "load", "--at", f"{time / 1000}", "--series", f"machine={machine}", "--json"
        )
        assert (code, err) == (0, "")
        (found,) = orjson.loads(out)["series"]
        assert same(found, said_live(live, labels, time))


def test_the_score_of_a_group_is_to_the_last_bit_what_was_said_live(explain, folder, live):
    time = END + 345 * STEP
    code, out, _ = explain("load", "--at", f"{time / 1000}", "--series", "series=*", "--json")
    assert code == 0
    (found,) = orjson.loads(out)["series"]
    assert same(found, said_live(live, labels_of({"series": "*", "site": "x"}), time))
    members = [each["labels"]["machine"] for each in found["members"]]
    assert members[:2] == ["a", "b"]


def test_the_rarest_view_is_the_answer_and_its_rarity_is_the_return_period(explain, folder):
    code, out, _ = explain("load", "--at", AT, "--series", "machine=a", "--json")
    assert code == 0
    (found,) = orjson.loads(out)["series"]
    views = found["views_return_period_seconds"]
    assert tuple(views) == VIEWS
    assert max(views, key=views.get) == found["view"]
    assert views[found["view"]] == found["return_period_seconds"]


def test_the_episode_and_the_three_before_it_are_those_of_the_live_fold(explain, folder, live):
    code, out, _ = explain("load", "--at", AT, "--series", "machine=a", "--json")
    assert code == 0
    (found,) = orjson.loads(out)["series"]
    own = (live.row == 0) & (live.severity > 0)
    own &= live.timestamp_milliseconds <= AT_MILLISECONDS
    starts = np.unique(live.episode_start_milliseconds[own])[::-1] / 1000
    assert found["episode"]["start"] == starts[0]
    assert [each["start"] for each in found["earlier_episodes"]] == starts[1:4].tolist()
    assert len(found["earlier_episodes"]) == 3


def test_where_no_series_is_named_those_about_which_anything_is_rare_stand_in_order(
    explain, folder
):
    code, out, _ = explain("load", "--at", AT, "--json")
    assert code == 0
    found = orjson.loads(out)["series"]
    periods = [each["return_period_seconds"] for each in found]
    assert found[0]["labels"] == {"machine": "a", "site": "x"}
    assert all(each["score"] > 0 for each in found)
    assert periods == sorted(periods, reverse=True)


def test_people_read_value_rarity_view_and_episode_in_words(explain, folder):
    code, out, _ = explain("load", "--at", AT, "--series", '{machine=~"a"}')
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == (
        "load: version 1, today's champion, judges what came after 2027-01-15T08:00:00Z"
    )
    assert lines[2] == '{machine="a",site="x"} at 2027-01-15T08:57:30.300Z: anomalous'
    assert lines[3].startswith("  value     2.261")
    assert ", above the expected 1.0" in lines[3]
    assert lines[4].startswith("  rarity    once in ")
    assert lines[5].endswith(", where 1 is the budget 1/30d (once in 30 days)")
    assert lines[8].startswith("  earlier   2027-01-15T08:")
    assert sum(line.endswith("<- the answer") for line in lines) == 1


def test_a_group_names_the_members_that_make_it_strange(explain, folder):
    code, out, _ = explain("load", "--at", f"{END / 1000 + 3450}", "--series", "series=*")
    assert code == 0
    lines = out.splitlines()
    assert "  because   several series strange together" in lines
    members = lines[lines.index("  members, the strangest first") + 1 :]
    assert members[0].startswith('    {machine="a",site="x"}  2.')


@pytest.fixture
def second_model() -> FittedDetector:
    """A model that learned half an hour of what the first one judges."""
    until = END + 180 * STEP
    panel = history(SERIES, end_milliseconds=until, step_milliseconds=STEP, seed=4)
    return fitted(panel, group_by=("site",))


def test_an_older_version_explains_and_the_champion_stands_beside(explain, folder, second_model):
    promote(second_model, END + 180 * STEP)
    arguments = ("load", "--at", AT, "--series", "machine=a", "--version", "1")
    _, out, _ = explain(*arguments, "--json")
    found = orjson.loads(out)
    assert (found["version"], found["champion"]["version"]) == (1, 2)
    assert found["series"][0]["score"] != found["champion"]["series"][0]["score"]
    code, out, _ = explain(*arguments)
    assert code == 0
    assert out.startswith("load: version 1, not today's champion")
    assert "today's champion, version 2, says\n  {machine=" in out


def test_a_champion_that_has_learned_from_the_instant_says_so(explain, folder, second_model):
    promote(second_model, END + 180 * STEP)
    code, out, _ = explain("load", "--at", f"{END / 1000 + 401}", "--version", "1")
    assert code == 0
    assert out.splitlines()[-1] == (
        "today's champion, version 2, cannot judge this: it has learned from all that came before "
        "2027-01-15T08:30:00Z"
    )


def test_an_instant_that_the_champion_has_learned_from_names_the_range_and_the_version(
    explain, folder, second_model
):
    promote(second_model, END + 180 * STEP)
    code, out, err = explain("load", "--at", "2027-01-15T08:10:00Z")
    assert (code, out) == (1, "")
    assert err == (
        "forewarn: version 2 of 'load' has learned from what came before 2027-01-15T08:30:00Z: it "
        "can explain from then on, got 2027-01-15T08:10:00Z; try --version 1\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("laod", "--at", AT), 2, "got 'laod': did you mean 'load'?"),
        (("load", "--at", AT, "--version", "9"), 2, "a kept version of 'load', 1; got 9"),
        (("load", "--at", "yesterday"), 2, "--at must be an instant such as 2026-03-01T03:12:30Z"),
        (("load", "--at", "1800003450300"), 2, "seconds (not milliseconds) since the epoch"),
        (("load", "--at", AT, "--series", "machine"), 2, "--series must be label=value"),
        (("load", "--at", AT, "--series", "{machine"), 2, "--series: files answer only selectors"),
        (("load", "--at", AT, "--series", "machine=z"), 1, 'such as {machine="a",site="x"}, '),
        (
            ("load", "--at", AT, "--series", "machine=z"),
            1,
            "a new series can be explained once the next model knows it",
        ),
        (("load", "--at", "2027-01-15T07:00:00Z"), 1, "no earlier version is kept"),
        (
            ("load", "--at", "2027-01-15T09:05:00Z"),
            1,
            "10 s before it, got none: the nearest is at 2027-01-15T08:59:50.300Z",
        ),
        (
            ("load", "--at", "2027-01-15T08:00:00.200Z", "--series", "machine=a"),
            1,
            "got none: the nearest is at 2027-01-15T08:00:00.300Z",
        ),
    ],
)
def test_a_question_without_an_answer_is_told_why(explain, folder, arguments, code, said):
    found, out, err = explain(*arguments)
    assert (found, out) == (code, "")
    assert err.startswith("forewarn: ")
    assert said in err


def test_a_signal_that_was_never_trained_is_told_how_to_be(explain, folder):
    text = Path("forewarn.yaml").read_text().replace("name: load", "name: fresh")
    Path("forewarn.yaml").write_text(text)
    code, _, err = explain("fresh", "--at", AT)
    assert code == 1
    assert err.endswith("must have a trained detector, got none: forewarn train fresh\n")
