"""The demo without servers: the same training and scoring on a recording, pages in the terminal."""

import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table

from forewarn.demo.scenario import (
    RECORDING,
    REPLAY_FROM,
    REPLAY_SECONDS,
    REPLAY_UNTIL,
    recorded_config_text,
)
from forewarn.progress import compile_first
from forewarn_adapters.config.reading import parse_config
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.registry import Registry
from forewarn_adapters.source import Source, open_source
from forewarn_data.recordings import recording_path
from forewarn_models.catalogue import detector_from_state
from forewarn_models.errors import ModelError
from forewarn_models.fold import FoldPolicy, start_fold
from forewarn_models.labels import label_text
from forewarn_models.verdicts import DIRECTIONS, SEVERITIES, Verdicts
from forewarn_models.views import view_words
from forewarn_reports.terminal import SeriesView, alert_frame, series_table
from forewarn_reports.wording import number_text, rarity_text
from forewarn_service.scorer import Scorer
from forewarn_service.timing import timing_of
from forewarn_service.verdict_rows import concatenate, empty, select
from forewarn_training.job import train_signal

_POINTS = 40


@dataclass(eq=False)
class Replayed:
    """A signal in replay: its scorer and what it said so far."""

    signal: Signal
    scorer: Scorer
    said: Verdicts
    paged: set[tuple[int, int]] = field(default_factory=set)


def play_on_a_recording(console: Console) -> None:
    """Train on a recording's first days, score its last one, and show each page as it comes.

    Raises ForewarnError when a part does not work.
    """
    started = time.monotonic()
    compile_first()
    with tempfile.TemporaryDirectory(prefix="forewarn-demo-") as folder:
        text = recorded_config_text(recording_path(RECORDING), folder)
        config = parse_config(text, environment={}, name="the demo's configuration")
        with closing(open_source(config)) as source:
            console.print(f"Training on the first days of the recording {RECORDING!r} (simulated).")
            replayed = _trained(console, config, source)
            console.print("Now its last day, five minutes of it in a blink.")
            n_pages = _replay(console, replayed, source)
    console.print(
        f"{n_pages} pages in {time.monotonic() - started:.0f} s. The faults that were planted are "
        "in data/README.md; with Prometheus and Alertmanager the same pages are delivered."
    )


def _trained(console: Console, config: Config, source: Source) -> list[Replayed]:
    registry = Registry(config.training.tracking_url)
    replayed = []
    for signal in config.signals:
        with console.status(f"training {signal.name}"):
            outcome = train_signal(
                signal, source=source, registry=registry, now_milliseconds=REPLAY_FROM
            )
            champion = registry.champion(signal.name, "detector")
        if champion is None:
            why = outcome.models[0].why
            raise ModelError(f"{signal.name} must have a champion after training, got none: {why}")
        model = detector_from_state(champion.state)
        policy = FoldPolicy(signal.budget)
        timing = timing_of(signal.step_milliseconds)
        scorer = Scorer(model, policy, timing=timing, start=start_fold(model, policy))
        replayed.append(Replayed(signal, scorer, empty(model.output_series, 0)))
    return replayed


def _replay(console: Console, replayed: list[Replayed], source: Source) -> int:
    step = replayed[0].signal.step_milliseconds
    n_pages = 0
    pause = REPLAY_SECONDS / ((REPLAY_UNTIL - REPLAY_FROM) // step)
    with Live(console=console, transient=True, auto_refresh=False) as live:
        for now in range(REPLAY_FROM, REPLAY_UNTIL, step):
            for one in replayed:
                _advance(one, source, now=now)
                for alert in _new_alerts(one):
                    live.console.print(alert_frame(alert))
                    n_pages += 1
            if console.is_terminal:
                live.update(_table(console, replayed, now=now), refresh=True)
                time.sleep(pause)
    console.print(_table(console, replayed, now=now))
    return n_pages


def _table(console: Console, replayed: list[Replayed], *, now: int) -> Table:
    views = [view for one in replayed for view in _views(one)]
    return series_table(views, title=_clock_text(now), width=console.width)


def _advance(one: Replayed, source: Source, *, now: int) -> None:
    step = one.signal.step_milliseconds
    samples = source.read_newest(
        one.signal.query,
        after_milliseconds=now - step,
        until_milliseconds=now,
        step_milliseconds=step,
    )
    emitted = one.scorer.advance(samples, now_milliseconds=now).emitted
    one.said = concatenate(one.said.series, [one.said, emitted])


def _new_alerts(one: Replayed) -> list[dict[str, dict[str, str]]]:
    """Return an alert for each episode that was not shown yet, as it stood when it began."""
    alerts = []
    for index in np.flatnonzero(one.said.severity > 0):
        episode = int(one.said.row[index]), int(one.said.episode_start_milliseconds[index])
        if episode not in one.paged:
            one.paged.add(episode)
            alerts.append(_alert(one, int(index)))
    return alerts


def _alert(one: Replayed, index: int) -> dict[str, dict[str, str]]:
    said = one.said
    name = _name(one, int(said.row[index]))
    side = {"up": "above", "down": "below", "both": "unlike"}
    where = side[DIRECTIONS[int(said.episode_direction[index])]]
    band = f"{number_text(said.lower[index])} to {number_text(said.upper[index])}"
    return {
        "labels": {
            "alertname": "ForewarnEpisode",
            "severity": SEVERITIES[int(said.severity[index])],
        },
        "annotations": {
            "summary": f"{name} is {where} what is normal",
            "value": number_text(said.value[index]),
            "expected": f"{number_text(said.expected[index])} (99 % of the time {band})",
            "return_period": rarity_text(float(said.return_period_seconds[index])),
            "because": view_words(int(said.episode_view[index])),
            "since": _clock_text(int(said.timestamp_milliseconds[index])),
        },
    }


def _views(one: Replayed) -> list[SeriesView]:
    rows = range(len(one.scorer.model.series))
    return [_view(one, row) for row in rows if (one.said.row == row).any()]


def _view(one: Replayed, row: int) -> SeriesView:
    course = select(one.said, np.flatnonzero(one.said.row == row)[-_POINTS:])
    rarity = float(course.return_period_seconds[-1])
    verdict = "anomalous" if course.severity[-1] else "ordinary"
    return SeriesView(
        name=_name(one, row),
        values=course.value,
        lower=course.lower,
        upper=course.upper,
        expected=float(course.expected[-1]),
        return_period_seconds=rarity,
        verdict="cannot say" if np.isnan(rarity) else verdict,
    )


def _name(one: Replayed, row: int) -> str:
    labels = one.said.series[row]
    return one.signal.name + (label_text(labels) if labels else "")


def _clock_text(milliseconds: int) -> str:
    minute = np.datetime64(milliseconds, "ms").astype("datetime64[m]")
    return f"{str(minute).replace('T', ' ')} UTC"
