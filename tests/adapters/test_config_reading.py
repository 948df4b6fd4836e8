import os
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_adapters.config.reading import parse_config, read_config
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.signals import Signal
from forewarn_models.budget import Budget
from forewarn_models.errors import ConfigError

TESTS = Path(__file__).parent.parent
BAD = sorted((TESTS / "bad_config").glob("*.yaml"))
GOOD = sorted((TESTS / "good_config").glob("*.yaml"))
EVERY_KEY = (TESTS / "good_config" / "every-key.yaml").read_text()
EVERY_VALUE = yaml.safe_load(EVERY_KEY)
SERVER = 'prometheus: {url: "http://localhost:9090"}\n'
SIGNAL = "signals: [{name: up, query: up}]\n"
# Words that no message may ever show stand for every value of the environment.
ENVIRONMENT = {
    "SECRET_WORD": "geheim-secret-word",
    "EMPTY": "",
    "SHORT": "3m",
    "LONG": "97d",
    "LETTERS": "geheim",
}


def problems_of(text: str, **environment: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, environment=environment)
    return caught.value.problems


def test_the_corpus_of_broken_files_is_large():
    assert len(BAD) >= 40


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_broken_file_is_refused_with_exactly_its_message(path):
    with pytest.raises(ConfigError) as caught:
        parse_config(path.read_text(), environment=ENVIRONMENT)
    assert path.with_suffix(".txt").read_text() == str(caught.value) + "\n"
    assert "geheim" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_file_is_read(path):
    assert read_config(path, environment=ENVIRONMENT).signals


def test_the_example_that_we_ship_is_right():
    path = TESTS.parent / "deploy" / "forewarn.example.yaml"
    config = read_config(path, environment={})
    assert [signal.name for signal in config.signals] == ["api_latency_p99", "orders", "disk_free"]


def test_the_example_of_logs_is_right_and_shows_every_kind_of_signal_on_them():
    path = TESTS.parent / "deploy" / "logs.example.yaml"
    config = read_config(path, environment={})
    assert config.logs is not None
    assert [source.kind for source in config.logs.sources] == ["files", "loki", "otlp", "syslog"]
    assert all("forewarn_" in signal.query for signal in config.signals)


@pytest.mark.parametrize("directory", [None, "/var/lib/forewarn"])
def test_the_example_keeps_its_files_where_systemd_says_or_beside_it(directory):
    path = TESTS.parent / "deploy" / "forewarn.example.yaml"
    environment = {"STATE_DIRECTORY": directory} if directory else {}
    config = read_config(path, environment=environment)
    where = Path(directory) if directory else path.parent
    assert config.state_directory == where / "forewarn-state"
    assert config.training.tracking_url == f"sqlite:///{where}/mlruns/mlflow.db"
    assert config.effective_store_url == f"sqlite:///{where}/forewarn-state/forewarn.sqlite"


def test_the_smallest_file_has_the_documented_defaults():
    config = parse_config(SERVER + SIGNAL, environment={})
    signal = config.signals[0]
    assert signal.step == timedelta(seconds=30)
    assert signal.step_milliseconds == 30_000
    assert signal.history == timedelta(days=28)
    assert signal.budget == Budget(1, timedelta(days=30))
    assert (signal.seasons, signal.direction, signal.forecast) == ("auto", "both", None)
    assert signal.bounds == "auto"
    assert (config.api.host, config.api.port) == ("127.0.0.1", 9464)


def test_every_key_is_read():
    config = parse_config(EVERY_KEY, environment=ENVIRONMENT)
    assert config.prometheus is not None
    assert config.prometheus.basic_auth is not None
    assert config.prometheus.basic_auth.password.get_secret_value() == "geheim-secret-word"
    assert config.api.host == "::"
    first, second = config.signals
    assert first.query == 'label_replace(up, "host", "${1}", "instance", "(.*):.*")'
    assert first.seasons == (timedelta(days=1), timedelta(days=7))
    assert first.forecast is not None
    assert first.forecast.limit is not None
    assert first.forecast.limit.above == 0.95
    assert second.seasons == ()
    assert (first.bounds, second.bounds) == ((0.0, 1.0), (0.0, None))
    assert second.forecast is not None
    assert second.forecast.horizon == timedelta(days=90)  # merged from the first
    assert second.forecast.model == "prophet"
    assert second.forecast.limit is not None
    assert second.forecast.limit.below == "disk_reserved_bytes"


def test_every_key_of_the_schema_stands_in_the_file_of_every_key():
    from forewarn_adapters.config.documentation import sections

    keys = {key for section, _ in sections(Config, "") for key in section.model_fields}
    assert {key for key in keys if f"{key}:" not in EVERY_KEY} == set()


def test_words_are_text_and_numbers_are_numbers():
    config = read_config(TESTS / "good_config" / "words-are-text.yaml", environment={})
    assert [signal.name for signal in config.signals] == ["yes", "y"]
    assert sorted(config.budgets) == ["no", "on"]
    assert config.signals[1].query == "1:30"


def test_secrets_are_in_no_message_and_no_representation():
    config = parse_config(EVERY_KEY, environment=ENVIRONMENT)
    assert "geheim" not in repr(config)
    assert "geheim" not in str(config)
    assert config.store_url == "postgresql://forewarn:geheim-secret-word@db/forewarn"


def test_relative_paths_start_from_the_folder_of_the_file(tmp_path):
    path = tmp_path / "forewarn.yaml"
    path.write_text("files: [cpu.csv, /data/disk.csv]\n" + SIGNAL + "store_url: sqlite:///s.sqlite")
    config = read_config(path, environment={})
    assert config.files == (tmp_path / "cpu.csv", Path("/data/disk.csv"))
    assert config.state_directory == tmp_path / "forewarn-state"
    assert config.training.tracking_url == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    assert config.effective_store_url == f"sqlite:///{tmp_path}/s.sqlite"


def test_certificates_and_an_absent_store_start_from_the_folder_too(tmp_path):
    config = parse_config(EVERY_KEY, environment=ENVIRONMENT, folder=tmp_path)
    assert config.prometheus is not None
    assert config.prometheus.tls is not None
    assert config.prometheus.tls.ca_file == tmp_path / "tls" / "ca.pem"
    config = parse_config(SERVER + SIGNAL, environment={}, folder=tmp_path)
    store = tmp_path / "forewarn-state" / "forewarn.sqlite"
    assert config.effective_store_url == f"sqlite:///{store}"


def test_a_store_in_memory_stays_there(tmp_path):
    text = SERVER + SIGNAL + "store_url: 'sqlite:///:memory:'"
    config = parse_config(text, environment={}, folder=tmp_path)
    assert config.store_url == "sqlite:///:memory:"


def test_a_value_of_the_environment_cannot_change_the_structure():
    text = SERVER + "signals: [{name: up, query: '${QUERY}'}]"
    config = parse_config(text, environment={"QUERY": "up}]\nstate_directory: /"})
    assert config.signals[0].query == "up}]\nstate_directory: /"


def test_a_number_may_come_from_the_environment():
    text = (
        "prometheus: {url: 'http://localhost:9090', concurrency: '${N}'}\n"
        "signals: [{name: up, query: up, forecast: {limit: {above: '${LIMIT}'}}}]\n"
    )
    config = parse_config(text, environment={"N": "8", "LIMIT": "0.5"})
    assert config.prometheus is not None
    assert config.prometheus.concurrency == 8
    forecast = config.signals[0].forecast
    assert forecast is not None
    assert forecast.limit is not None
    assert forecast.limit.above == 0.5


def test_two_dollars_stand_for_one_and_a_default_for_a_variable():
    text = SERVER + "signals: [{name: up, query: '$${A} ${A} ${B:-b} ${EMPTY:-c}'}]"
    config = parse_config(text, environment={"A": "a", "EMPTY": ""})
    assert config.signals[0].query == "${A} a b c"


def test_a_schema_takes_durations_and_budgets_that_are_read_already():
    budget = Budget(2, timedelta(weeks=1))
    signal = Signal(name="up", query="up", step=timedelta(minutes=1), budget=budget)
    assert (signal.step_milliseconds, signal.budget) == (60_000, budget)


def test_a_complaint_without_a_saying_of_its_own_is_told_in_plain_words():
    digits = "9" * 5_000
    found = problems_of(f"prometheus: {{url: 'http://x', retries: '{digits}'}}\n{SIGNAL}")
    said = "Unable to parse input string as an integer, exceeded maximum size"
    shown = "9" * 57 + "..."
    assert found == (f"forewarn.yaml:1: prometheus.retries: {said}, got {shown!r}",)


def test_problems_come_sorted_by_line_and_once_each():
    text = "prometheus: {url: x}\nsignals:\n- {name: a, quary: b}\n- {name: a, query: b, step: 1}\n"
    found = problems_of(text)
    lines = [int(problem.split(":")[1]) for problem in found]
    assert lines == sorted(lines)
    assert len(set(found)) == len(found)


def test_of_many_problems_the_first_hundred_are_told_and_how_many_more_there_are():
    with pytest.raises(ConfigError) as refusal:
        parse_config("files: [a]\nsignals:\n" + "- a\n" * 150, environment={})
    *told, rest = refusal.value.problems
    assert [line.partition(": ")[0] for line in told] == [
        f"forewarn.yaml:{line}" for line in range(3, 103)
    ]
    assert rest == "and 50 more problems"


def test_a_problem_that_rests_on_a_broken_value_is_not_told():
    # Were `step` its default of 30s, ten minutes of history would be too short.
    found = problems_of(SERVER + "signals: [{name: a, query: b, stpe: 1s, history: 10m}]")
    assert found == ("forewarn.yaml:2: signals[0].stpe: unknown key; did you mean 'step'?",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("token: [", "not valid YAML"),
        ("a" * 1_048_577, "1: the file must be at most 1048576 bytes, got more"),
        ("a: \udcff\n", "1: the file must be UTF-8 text"),
        (SERVER + "signals: [" + "{name: a, query: b}, " * 10_001 + "]", "at most 10000 entries"),
    ],
)
def test_a_hostile_text_is_refused(text, said):
    assert said in problems_of(text)[0]


def test_aliases_cannot_grow_a_small_file_into_a_large_one():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    found = problems_of("\n".join(lines))
    said = "forewarn.yaml:6: the file must hold at most 500000 values, aliases unfolded"
    assert found == (said,)


def test_aliases_cannot_nest_deeper_than_the_limit():
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 3_000)]
    said = "forewarn.yaml:19: nothing may be nested deeper than 20 levels"
    assert problems_of("\n".join(lines)) == (said,)


def test_variables_cannot_grow_a_small_file_into_a_large_one():
    one = SERVER + "signals: [{name: a, query: '${A}${A}'}]"
    assert "at most 65536 characters" in problems_of(one, A="x" * 60_000)[0]
    many = SERVER + SIGNAL + "files: [" + "'${A}', " * 200 + "]"
    assert "at most 8388608 characters together" in problems_of(many, A="x" * 60_000)[0]


def test_a_file_that_cannot_be_read_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="must be readable: No such file or directory"):
        read_config(tmp_path / "forewarn.yaml", environment={})
    with pytest.raises(ConfigError, match="must be readable: Is a directory"):
        read_config(tmp_path, environment={})


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path):
    endless = Path("/dev/zero")
    with pytest.raises(ConfigError, match="at most 1048576 bytes, got more"):
        read_config(endless, environment={})


def test_a_file_in_another_encoding_names_the_line(tmp_path):
    path = tmp_path / "forewarn.yaml"
    path.write_bytes(b"signals:\n  # \xe4\n")
    with pytest.raises(ConfigError, match=r"forewarn\.yaml:2: the file must be UTF-8 text"):
        read_config(path, environment={})


def test_a_byte_order_mark_is_no_problem(tmp_path):
    path = tmp_path / "forewarn.yaml"
    path.write_text(SERVER + SIGNAL, encoding="utf-8-sig")
    assert read_config(path, environment=os.environ).signals[0].name == "up"


def read_or_refuse(text: str) -> None:
    problems: tuple[str, ...] = ()
    try:
        config = parse_config(text, environment=ENVIRONMENT)
    except ConfigError as refused:
        problems = refused.problems
    else:
        assert isinstance(config, Config)
        return
    assert problems
    for problem in problems:
        assert problem.startswith("forewarn.yaml:")
        assert "\n" not in problem
        assert "geheim" not in problem


PIECES = [*EVERY_KEY.splitlines(keepends=True), *EVERY_KEY.split()]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_mutated_file_is_read_or_refused_and_nothing_else(data):
    lines = EVERY_KEY.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, len(lines) - 1))
        line = lines[where]
        cut = data.draw(st.integers(0, len(line)))
        piece = data.draw(st.sampled_from(PIECES) | st.text(max_size=8))
        change = data.draw(st.sampled_from(["drop", "double", "replace", "insert", "truncate"]))
        lines[where] = {
            "drop": "",
            "double": line * 2,
            "replace": line.partition(":")[0] + ": " + piece.strip() + "\n",
            "insert": line[:cut] + piece + line[cut:],
            "truncate": line[:cut],
        }[change]
    read_or_refuse("".join(lines))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,?\n \t<~0.5${}\x00\ud800é", max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    read_or_refuse(text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.data(), values)
def test_any_value_anywhere_is_read_or_refused_and_nothing_else(data, value):
    tree = deepcopy(EVERY_VALUE)
    place = tree
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    read_or_refuse(yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True))
