"""What an API needs to run in tests and benchmarks: small models, a snapshot, tokens, a source."""

import re
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from forewarn_adapters.config.schema import Config
from forewarn_models.catalogue import FORECASTERS
from forewarn_models.contract import Forecast, State
from forewarn_models.detector import RarityDetector
from forewarn_models.errors import SourceRejected
from forewarn_models.panel import Panel
from forewarn_models.samples import Samples
from forewarn_models.verdicts import Verdicts
from forewarn_service.live import (
    NO_MODEL,
    SAYS,
    STALE,
    ForecastSnapshot,
    Missed,
    SignalSnapshot,
)

STEP = 60_000
NOW = 1_767_225_600_000  # 2026-01-01
CPU = tuple((("instance", f"web-{number}"),) for number in range(4))
TOKENS = {role: f"{role}-token-0123456789" for role in ("read", "score", "operate", "admin")}
TEAM_TOKEN = "team-token-0123456789"
CONFIG = {
    "files": ["unused.csv"],
    "signals": [
        {
            "name": "cpu",
            "query": "cpu_ratio",
            "step": "1m",
            "team": "web",
            "budget": "1/7d",
            "forecast": {"step": "1m", "history": "1d", "horizon": "1h", "limit": {"above": 4}},
        },
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
    ahead = forecast_snapshot(series, now=now) if version and n_rows == len(CPU) else None
    return SignalSnapshot(signal, now, newest, reasons, version, ahead, missed)


def forecast_snapshot(series=CPU, *, version=5, now=NOW):
    """An hour ahead of rows: on the way to the limit, never there, cannot say, at the limit."""
    n_rows = len(series)
    levels = (0.025, 0.1, 0.5, 0.9, 0.975)
    path = np.arange(60.0)[None, :] * np.array([2.0, 0.0, np.nan, 0.1])[:n_rows, None] / 60
    quantiles = 3 + path[:, :, None] + np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    never, unknown = np.inf, np.nan
    times = [[900.0, 1_200.0, 1_800.0, 2_700.0, never], [never] * 5, [unknown] * 5, [0.0] * 5]
    chances = [[0.1, 0.5, 0.95], [0.0, 0.0, 0.01], [unknown] * 3, [1.0] * 3]
    return ForecastSnapshot(
        forecast=Forecast(series, now + STEP, STEP, levels, quantiles, ("hybrid",) * n_rows),
        horizons=tuple(timedelta(minutes=each) for each in (15, 30, 60)),
        quantiles=quantiles[:, [14, 29, 59]],
        time_to_limit_seconds=np.array(times)[:n_rows],
        breach_probability=np.array(chances)[:n_rows],
        limits=np.full(n_rows, 4.0),
        values=np.array([3.0, 3.0, unknown, 4.5])[:n_rows],
        champion_version=version,
        made_milliseconds=now,
    )


def with_tokens(config, listen="127.0.0.1:9464"):
    tokens = [{"name": role, "token": text, "role": role} for role, text in TOKENS.items()]
    tokens.append({"name": "webber", "token": TEAM_TOKEN, "role": "operate", "team": "web"})
    return Config.model_validate({**config, "api": {"tokens": tokens, "listen": listen}})
