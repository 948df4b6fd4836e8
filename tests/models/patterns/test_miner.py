"""forewarn_models.patterns.miner: which patterns there are, their names, what is stored."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_data.log_lines import log_lines
from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.contract import State
from forewarn_models.errors import ConfigError, UnknownFormat
from forewarn_models.patterns import known
from forewarn_models.patterns.miner import OTHER, Miner, Pattern, miner_of
from forewarn_models.patterns.scanning import line_places

GOLDEN = Path(__file__).parents[2] / "golden"
N_GOLDEN_LINES = 3000

# Few words of each class, so that nodes are on both sides of what opens them.
WORDS = st.sampled_from([f"w{letter}x" for letter in "abcdefghijklmnopqrst"])
NAMES = st.sampled_from([f"w{letter}X.y" for letter in "abcdefghijklm"])
NUMBERED = st.sampled_from(["eth0", "eth1", "tty2"])
UNITS = st.sampled_from(["KB", "MB", "of"])
LINES = st.one_of(
    st.builds("start unit {} of slice {} now".format, WORDS, WORDS),
    st.builds("{} {} {} {} {}".format, WORDS, WORDS, WORDS, WORDS, NAMES),
    st.builds("info mount point of {} {} {}".format, NAMES, WORDS, NUMBERED),
    st.builds("level=info kind={} size 3 {} on {}".format, WORDS, UNITS, NUMBERED),
    st.builds('{{"service":"{}","message":"{} went {}"}}'.format, WORDS, WORDS, WORDS),
)


def mined(lines: Sequence[str], miner: Miner | None = None) -> Miner:
    miner = miner or Miner()
    mine(miner, lines)
    return miner


def mine(miner: Miner, lines: Sequence[str]) -> np.ndarray:
    data = "".join(f"{line}\n" for line in lines).encode()
    places = np.empty((len(lines), 2), dtype=np.int64)
    assert line_places(np.frombuffer(data, dtype=np.uint8), 0, places) == (len(lines), len(data))
    return miner.mine(data, places)


def ids_of(miner: Miner, rows: np.ndarray, first_line: int = 0) -> list[str]:
    half = len(rows) // 2
    blocks = miner.ids_of([rows[:half], rows[half:]], first_line=first_line)
    return [name for block in blocks for name in block]


def facts(miner: Miner) -> list[tuple[str, str, int]]:
    return [(each.pattern_id, each.template, each.count) for each in miner.patterns()]


def templates(*lines: str) -> list[str]:
    return sorted(pattern.template for pattern in mined(lines).patterns())


def of_wire(state: State) -> State:
    return from_bytes(to_bytes(state))


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=150), st.integers(0, 2**16))
def test_patterns_and_names_do_not_depend_on_the_order_of_lines(
    lines: list[str], seed: int
) -> None:
    shuffled = random.Random(seed).sample(lines, len(lines))
    assert facts(mined(shuffled)) == facts(mined(lines))


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=150), st.integers(2, 5))
def test_halves_that_are_merged_are_the_whole(lines: list[str], n_parts: int) -> None:
    merged = Miner()
    for part in range(n_parts):
        merged.absorb(of_wire(mined(lines[part::n_parts]).state()))
    assert facts(merged) == facts(mined(lines))
    assert merged.n_lines == len(lines)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=60), st.lists(LINES, max_size=60), st.lists(LINES, max_size=60))
def test_a_whole_state_and_its_changes_go_on_as_if_there_was_no_restart(
    first: list[str], second: list[str], third: list[str]
) -> None:
    running = mined(first)
    stored = [running.state()]
    mine(running, second)
    stored.append(running.state(changed_only=True))
    restarted = miner_of(of_wire(stored[0]))
    restarted.absorb(of_wire(stored[1]))
    assert facts(restarted) == facts(running)
    assert facts(mined(third, restarted)) == facts(mined(third, running))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_counted(data: bytes) -> None:
    data += b"\n"
    places = np.empty((data.count(b"\n"), 2), dtype=np.int64)
    line_places(np.frombuffer(data, dtype=np.uint8), 0, places)
    miner = Miner()
    miner.mine(data, places)
    assert sum(pattern.count for pattern in miner.patterns()) == len(places)
    for pattern in miner.patterns():
        pattern.template.encode()
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in pattern.template)
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in pattern.example)


def test_each_line_is_told_its_pattern_as_it_is_by_now() -> None:
    lines = log_lines(5000, seed=3)
    miner = Miner()
    rows = mine(miner, lines)
    ids = ids_of(miner, rows)
    assert len(ids) == 5000
    counts = {pattern.pattern_id: pattern.count for pattern in miner.patterns()}
    assert {name: ids.count(name) for name in set(ids)} == counts
    alone = [mined([line]).patterns()[0] for line in lines[:200]]
    exact = {pattern.pattern_id for pattern in alone if "<*>" in pattern.template}
    assert len(exact & set(ids)) > 10


def test_changes_hold_only_what_came_since_the_last_state() -> None:
    miner = mined(["a stays here", "b goes on"])
    miner.state()
    mine(miner, ["b goes on", "c is new"])
    changes = miner.state(changed_only=True)
    assert changes.arrays["counts"].tolist() == [0, 1, 1]
    assert sorted(changes.manifest["examples"]) == ["b goes on", "c is new"]
    assert miner.state(changed_only=True).arrays["counts"].tolist() == [0]


@pytest.mark.compiled
def test_names_are_the_same_for_ever() -> None:
    expected = (GOLDEN / "log_patterns_v1.csv").read_text()
    assert rows_of(mined(log_lines(N_GOLDEN_LINES))) == expected


@pytest.mark.compiled
def test_a_state_of_format_1_loads_for_ever() -> None:
    stored = miner_of(from_bytes((GOLDEN / "log_patterns_v1.zip").read_bytes()))
    assert rows_of(stored) == (GOLDEN / "log_patterns_v1.csv").read_text()
    assert mined(log_lines(N_GOLDEN_LINES), stored).n_lines == 2 * N_GOLDEN_LINES


def rows_of(miner: Miner) -> str:
    return "".join(
        f"{pattern.pattern_id}\t{pattern.count}\t{pattern.template}\n"
        for pattern in miner.patterns()
    )


def test_a_state_of_something_else_is_refused() -> None:
    state = State("log_patterns", 2, {}, {"counts": np.zeros(1, dtype=np.int64)})
    with pytest.raises(UnknownFormat, match="must be log_patterns 1, got log_patterns 2"):
        miner_of(state)


def test_too_few_patterns_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 8 patterns must be allowed, got 7"):
        Miner(most_patterns=7)


def test_words_that_many_follow_alike_become_a_wildcard() -> None:
    people = [f"{name}son" for name in "abcdefghijklmnop"]
    assert templates(*(f"we let {name} in today" for name in people)) == ["we let <*> in today"]
    assert len(templates(*(f"we let {name} in today" for name in people[:8]))) == 8


def test_the_first_word_never_becomes_one() -> None:
    names = [f"{letter}d" for letter in "abcdefghijklmnopqrstuvwxyz"]
    assert len(templates(*(f"{name} startup succeeded" for name in names))) == 26


def test_last_words_become_one_when_there_are_more() -> None:
    names = [f"x{a}{b}x" for a in "abcdefgh" for b in "abcdefgh"]
    assert templates(*(f"cannot load theme {name}" for name in names[:13])) == [
        "cannot load theme <*>"
    ]
    assert len(templates(*(f"cannot load theme {name}" for name in names[:12]))) == 12
    assert templates(*(f"hello {name}" for name in names[:49])) == ["hello <*>"]


def test_very_many_words_become_one_whatever_follows() -> None:
    names = [f"x{a}{b}x" for a in "abcdefghi" for b in "abcdefgh"]
    lines = [f"move {name} beside {other}" for name, other in zip(names, names[::-1], strict=True)]
    assert templates(*lines) == ["move <*> beside <*>"]


def test_values_of_keys_and_words_with_digits_become_one_soon() -> None:
    assert templates("kind=a went", "kind=b went") == ["kind=a went", "kind=b went"]
    assert templates(*(f"kind={letter} went" for letter in "abcd")) == ["kind=<*> went"]
    assert len(templates(*(f"kind={letter} went" for letter in "ABCD"))) == 4
    assert templates("eth0 up", "eth1 up") == ["<*> up"]
    assert templates("eth0 up", "eth0 up") == ["eth0 up"]


def test_levels_are_never_merged() -> None:
    levels = ["trace", "debug", "info", "notice", "warn", "error", "critical", "fatal"]
    assert len(templates(*(f"level={level} stop" for level in levels))) == 8


def test_a_size_varies_with_its_unit() -> None:
    assert templates("free 1.5 KB of disk", "free 3 KB of disk") == ["free <*> KB of disk"]
    assert templates("free 1.5 KB of disk", "free 3 MB of disk") == ["free <*> of disk"]


def test_a_name_does_not_change_when_a_digit_or_a_unit_varies() -> None:
    one, other = mined(["eth0 read 5 KB"]), mined(["eth0 read 5 KB", "eth1 read 7 MB"])
    assert one.patterns()[0].template == "eth0 read <*> KB"
    assert other.patterns()[0].template == "<*> read <*>"
    assert one.patterns()[0].pattern_id == other.patterns()[0].pattern_id


def test_an_example_is_a_line_without_its_secrets() -> None:
    miner = mined(["user=eva password=hunter2 \x1b[31mcame from 10.0.0.1"])
    assert miner.patterns()[0].example == "user=eva password=*** came from 10.0.0.1"
    assert "hunter2" not in str(miner.state().manifest)


def test_patterns_stay_bounded_and_what_is_folded_is_counted() -> None:
    letters = "ghijklmnop"
    names = [f"{a}{b}{c}{d}" for a in letters for b in letters for c in letters for d in letters]
    miner = Miner(most_patterns=100)
    first = mine(miner, ["the usual thing happened"] * 50)
    rows = [mine(miner, [f"{name} was here once"]) for name in names[:9000:3]]
    found = miner.patterns()
    assert len(found) <= 102
    assert found[0].template == "the usual thing happened"
    assert found[-1].pattern_id == OTHER
    assert found[-1].template == "<*>"
    assert sum(pattern.count for pattern in found) == miner.n_lines == 3050
    told = [ids_of(miner, row, 50 + line)[0] for line, row in enumerate(rows)]
    assert told.count(OTHER) == found[-1].count
    assert set(ids_of(miner, first)) == {found[0].pattern_id}
    assert {pattern.pattern_id for pattern in found} == {*told, found[0].pattern_id}


def test_a_pattern_that_was_folded_comes_back_with_its_name() -> None:
    miner = Miner(most_patterns=8)
    name = mined(["once upon a time"]).patterns()[0].pattern_id
    mine(miner, ["once upon a time"])
    for letter in "abcdefghijklmnopqrstuvwxyz":
        mine(miner, [f"{letter}o there"] * 3)
    assert name not in {pattern.pattern_id for pattern in miner.patterns()}
    assert ids_of(miner, mine(miner, ["once upon a time"]), 79) == [name]


@pytest.mark.compiled
def test_known_shapes_are_forgotten_before_they_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(known, "_MOST_SLOTS", 1 << 13)
    letters = "ghijklmnop"
    names = [f"{a}{b}{c}{d}" for a in letters for b in letters for c in letters for d in letters]
    miner = mined([f"we sent {name} a letter" for name in names])
    mine(miner, ["we sent word a letter"])
    assert [(pattern.template, pattern.count) for pattern in miner.patterns()] == [
        ("we sent <*> a letter", 10_001)
    ]


@pytest.mark.compiled
def test_lines_of_one_statement_are_one_pattern() -> None:
    found = mined(log_lines(8_000, n_statements=40)).patterns()
    assert (
        40 <= len(found) <= 160
    )  # by levels, of which there are three, and few with services of their own
    assert all("<*>" in pattern.template for pattern in found)
    assert isinstance(found[0], Pattern)


def test_leaders_follow_patterns_that_become_one_or_are_folded() -> None:
    miner = Miner(most_patterns=8)
    first = mine(miner, [f"size 3 kind={letter * 3}" for letter in "ab"])
    stamps = np.full(2, miner.n_lines - 1)
    assert first[0] != first[1]
    assert miner.leaders(first, stamps).tolist() == first.tolist()
    assert (miner.n_made, miner.n_moved) == (2, 0)

    mine(miner, [f"size 3 kind={letter * 3}" for letter in "cde"])
    leader = int(miner.leaders(first, stamps)[0])
    assert miner.leaders(first, stamps).tolist() == [leader, leader]
    assert miner.n_moved > 0
    assert [row for _, _, row in miner.ways()] == [leader]
    assert miner.example(leader).startswith("size 3 kind=")
    assert 0 < leader < miner.n_rows

    moved = miner.n_moved
    for length in range(2, 30):
        mine(miner, [" ".join(["word"] * length)] * 9)
    assert miner.n_moved > moved
    assert miner.leaders(first, stamps).tolist() == [0, 0]
