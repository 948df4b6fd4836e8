"""What an API needs to run in tests and benchmarks: small models, a snapshot, tokens, a source."""

import re
from dataclasses import dataclass

import numpy as np

from forewarn_adapters.config.schema import Config
from forewarn_models.catalogue import FORECASTERS
from forewarn_models.contract import State
from forewarn_models.detector import RarityDetector
from forewarn_models.errors import SourceRejected
from forewarn_models.panel import Panel
from forewarn_models.samples import Samples
from forewarn_models.verdicts import Verdicts
from forewarn_service.live import NO_MODEL, SAYS, STALE, Missed, SignalSnapshot

STEP = 60_000
NOW = 1_767_225_600_000  # 2026-01-01
CPU = tuple((("instance", f"web-{number}"),) for number in range(4))
TOKENS = {role: f"{role}-token-0123456789" for role in ("read", "score", "operate", "admin")}
TEAM_TOKEN = "team-token-0123456789"
CONFIG = {
    "files": ["unused.csv"],
    "signals": [
        {"name": "cpu", "query": "cpu_ratio", "step": "1m", "team": "web", "budget": "1/7d"},
        {"name": "disk", "query": "disk_bytes", "step": "1m", "team": "storage"},
    ],
}


@dataclass
class MemoryChampions:
    """Champions by signal and kind."""

    states: dict[tuple[str, str], State]
    version: int = 3

    def champion(self, signal, kind):
        state = self.states.get((signal, kind))
        return None if state is None else Stored(self.version, state)

    def champion_version(self, signal, kind):
        return self.version if (signal, kind) in self.states else None


@dataclass(frozen=True)
class Stored:
    version: int
    state: State


class SineSource:
    """Answers every query with two days' sines, or as many series as the query says."""

    def read_range(self, query, *, start_milliseconds, end_milliseconds, step_milliseconds):
        if query == "refused(":
            raise SourceRejected("the query must be PromQL, got 'refused('")
        wanted = re.fullmatch(r"x_(\d+)", query)
        n_series = int(wanted[1]) if wanted else 1
        times = np.arange(start_milliseconds, end_milliseconds + 1, step_milliseconds)
        values = sine(times)
        return Samples(
            tuple((("n", str(number)),) for number in range(n_series)),
            np.repeat(np.arange(n_series), len(times)),
            np.tile(times, n_series),
            np.tile(values, n_series),
        )


def sine(times_milliseconds, seed=0):
    """A daily shape with noise."""
    noise = np.random.default_rng(seed).normal(0, 0.05, len(times_milliseconds))
    return 2 + np.sin(times_milliseconds / 86_400_000 * 2 * np.pi) + noise


def history(series=CPU, n_times=1440, end=NOW, step=STEP):
    times = end - step * np.arange(n_times, 0, -1)
    values = np.stack([sine(times, seed) for seed in range(len(series))])
    return Panel(values, series, int(times[0]), step)


def trained():
    """Return champions of both kinds for the signal `cpu`."""
    detector = RarityDetector().fit(history())
    forecaster = FORECASTERS["hybrid"].fit(history())
    states = {("cpu", "detector"): detector.state(), ("cpu", "forecaster"): forecaster.state()}
    return MemoryChampions(states)


def snapshot(signal="cpu", *, version=3, series=CPU, now=NOW):
    """Rows: ordinary, anomalous in an episode, stale, ordinary."""
    n_rows = len(series)
    score = np.array([0.2, 1.4, np.nan, 0.0])[:n_rows]
    numbers = np.arange(n_rows, dtype=np.float64)
    newest = Verdicts(
        series=series,
        row=np.arange(n_rows),
        timestamp_milliseconds=np.full(n_rows, now - 1_000),
        value=numbers,
        expected=numbers + 0.1,
        lower=numbers - 1,
        upper=numbers + 1,
        return_period_seconds=np.where(np.isnan(score), np.nan, 1e6 * numbers),
        score=score,
        direction=np.array([0, 1, 0, 0], np.int8)[:n_rows],
        view=np.array([-1, 2, -1, 0], np.int8)[:n_rows],
        severity=np.array([0, 2, 0, 0], np.int8)[:n_rows],
        episode_direction=np.array([0, 1, 0, 0], np.int8)[:n_rows],
        episode_view=np.array([-1, 1, -1, -1], np.int8)[:n_rows],
        episode_start_milliseconds=np.array([0, now - 60_000, 0, 0])[:n_rows],
    )
    says = [SAYS, SAYS, STALE, SAYS] if version else [NO_MODEL] * 4
    reasons = np.array(says, np.int8)[:n_rows]
    missed = {2: Missed(1.2, now - 900_000)} if version and n_rows > 2 else {}
    return SignalSnapshot(signal, now, newest, reasons, version, missed=missed)


def with_tokens(config, listen="127.0.0.1:9464"):
    tokens = [{"name": role, "token": text, "role": role} for role, text in TOKENS.items()]
    tokens.append({"name": "webber", "token": TEAM_TOKEN, "role": "operate", "team": "web"})
    return Config.model_validate({**config, "api": {"tokens": tokens, "listen": listen}})
