"""From a question about one sample to its answer: load the version, read, fold again, explain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from forewarn.telling import listed
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.portions import read_in_portions
from forewarn_adapters.registry import Champion, Registry
from forewarn_adapters.selectors import Matcher, parse_selector
from forewarn_adapters.source import Source
from forewarn_models.catalogue import detector_from_state
from forewarn_models.contract import FittedDetector
from forewarn_models.errors import ConfigError, DataError, RegistryError, SourceRejected
from forewarn_models.explanation import Explanation, explain, rows_at
from forewarn_models.fold import FoldPolicy
from forewarn_models.labels import Labels, label_text
from forewarn_models.replay import Replay, end_of_slot, replay
from forewarn_reports.wording import time_text

MOST_SERIES = 5
_DETECTOR: Literal["detector"] = "detector"
_MOST_NAMED = 3
_LAST_SECOND = 4_102_444_800  # in the year 2100
_SEARCHED_STEPS = 100  # after an instant without a sample, for the nearest one


@dataclass(frozen=True, eq=False)
class Question:
    """What is to be explained.

    Args:
        signal: of the configuration.
        at_milliseconds: the instant.
        matchers: the series that are meant; none = the rarest.
        version: of the detector; None = the champion.
    """

    signal: Signal
    at_milliseconds: int
    matchers: tuple[Matcher, ...] = ()
    version: int | None = None


@dataclass(frozen=True, eq=False)
class Judgement:
    """What one version says.

    Args:
        version: of the detector.
        learned_until_milliseconds: the end of its history: it can explain from here on.
        explanations: of the rarest series; none where it has learned from the instant itself.
    """

    version: int
    learned_until_milliseconds: int
    explanations: tuple[Explanation, ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """What the version that was asked says, and beside it what today's champion says."""

    asked: Judgement
    champion: Judgement | None


def instant_of(text: str) -> int:
    """Return the instant that `text` names, in milliseconds.

    >>> instant_of("2026-01-01T01:00:00+01:00"), instant_of("1767225600.25")
    (1767225600000, 1767225600250)
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_of_text(text)
    if not 0 < seconds < _LAST_SECOND:
        raise _no_instant(text)
    return round(seconds * 1000)


def _seconds_of_text(text: str) -> float:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise _no_instant(text) from wrong
    return instant.replace(tzinfo=instant.tzinfo or UTC).timestamp()


def _no_instant(text: str) -> ConfigError:
    return ConfigError(
        "--at must be an instant such as 2026-03-01T03:12:30Z, or seconds (not milliseconds) since "
        f"the epoch, got {text!r}"
    )


def matchers_of(text: str) -> tuple[Matcher, ...]:
    """Return the conditions that `name=value,...` names; a PromQL selector in braces works too.

    >>> matchers_of("instance=web-1,job=node")
    (Matcher(label='instance', operator='=', value='web-1'), Matcher(label='job', operator='=', \
value='node'))
    """
    if text.strip().startswith("{"):
        try:
            return parse_selector(text)
        except SourceRejected as wrong:
            raise ConfigError(f"--series: {wrong}") from wrong
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(equals and name.strip() for name, equals, _ in pairs):
        raise ConfigError(
            "--series must be label=value with commas between, such as instance=web-1,job=node, "
            f'or a selector such as {{instance=~"web-.*"}}, got {text!r}'
        )
    return tuple(Matcher(name.strip(), "=", value.strip()) for name, _, value in pairs)


def answered(question: Question, *, source: Source, registry: Registry) -> Answer:
    """Return why the series in question got their scores at the instant.

    Raises ConfigError when there is no such version, RegistryError when nothing is trained or a
    model cannot be loaded, DataError when the version cannot judge the instant, knows no such
    series, or the series have no sample there, and SourceError.
    """
    champion = registry.champion(question.signal.name, _DETECTOR)
    stored = _stored(question, champion, registry)
    model = detector_from_state(stored.state)
    _check_instant(question, model, stored, registry)
    replayed = _replayed(question, model, source)
    rows = rows_at(replayed, _chosen(question, replayed.series))[:MOST_SERIES]
    if not rows:
        raise _nothing_there(question, replayed, source)
    asked = _judgement(stored, replayed, [replayed.series[row] for row in rows])
    if not question.matchers:
        asked = replace(asked, explanations=_rare(asked.explanations))
    if champion is None or champion.version == stored.version:
        return Answer(asked, None if champion is None else asked)
    return Answer(asked, _beside(question, champion, asked, source))


def _stored(question: Question, champion: Champion | None, registry: Registry) -> Champion:
    name, number = question.signal.name, question.version
    if number is None:
        if champion is None:
            raise RegistryError(
                f"signal {name!r} must have a trained detector, got none: forewarn train {name}"
            )
        return champion
    versions = registry.versions(name, _DETECTOR)
    if number not in versions:
        kept = ", ".join(map(str, versions)) or "none"
        raise ConfigError(f"--version must be a kept version of {name!r}, {kept}; got {number}")
    return registry.version(name, _DETECTOR, number)


def _check_instant(
    question: Question, model: FittedDetector, stored: Champion, registry: Registry
) -> None:
    end, at = model.initial_carry().next_milliseconds, question.at_milliseconds
    if at >= end:
        return
    versions = registry.versions(question.signal.name, _DETECTOR)
    earlier = [number for number, trained in versions.items() if trained <= at]
    hint = f"try --version {earlier[-1]}" if earlier else "no earlier version is kept"
    raise DataError(
        f"version {stored.version} of {question.signal.name!r} has learned from what came before "
        f"{time_text(end)}: it can explain from then on, got {time_text(at)}; {hint}"
    )


def _replayed(question: Question, model: FittedDetector, source: Source) -> Replay:
    portions = read_in_portions(
        source,
        question.signal.query,
        model=model,
        after_milliseconds=model.initial_carry().next_milliseconds - 1,
        until_milliseconds=end_of_slot(model, question.at_milliseconds) - 1,
    )
    policy = FoldPolicy(question.signal.budget)
    return replay(model, policy, portions, at_milliseconds=question.at_milliseconds)


def _chosen(question: Question, series: Sequence[Labels]) -> list[int]:
    """Return the rows that are meant; DataError when there are none."""
    chosen = [row for row, labels in enumerate(series) if _is_meant(question, labels)]
    if not chosen:
        named = listed([label_text(labels) for labels in series], most=_MOST_NAMED)
        raise DataError(
            f"--series must name a series that the model of {question.signal.name!r} knows, such "
            f"as {named}; a new series can be explained once the next model knows it"
        )
    return chosen


def _is_meant(question: Question, labels: Labels) -> bool:
    held = dict(labels)
    return all(matcher.accepts(held) for matcher in question.matchers)


def _rare(explanations: tuple[Explanation, ...]) -> tuple[Explanation, ...]:
    """Return those about which anything is rare, at least the first."""
    return tuple(each for each in explanations if each.score > 0) or explanations[:1]


def _judgement(stored: Champion, replayed: Replay, series: Sequence[Labels]) -> Judgement:
    place = {labels: row for row, labels in enumerate(replayed.series)}
    found = [explain(replayed, place[labels]) for labels in series if labels in place]
    end = replayed.model.initial_carry().next_milliseconds
    return Judgement(stored.version, end, tuple(each for each in found if each is not None))


def _beside(question: Question, champion: Champion, asked: Judgement, source: Source) -> Judgement:
    """Return what the champion says of the same series, if it has not learned from the instant."""
    model = detector_from_state(champion.state)
    end = model.initial_carry().next_milliseconds
    if question.at_milliseconds < end:
        return Judgement(champion.version, end, ())
    series = [each.labels for each in asked.explanations]
    return _judgement(champion, _replayed(question, model, source), series)


def _nothing_there(question: Question, replayed: Replay, source: Source) -> DataError:
    """Return the complaint that there is no sample, which names the nearest one."""
    at, model = question.at_milliseconds, replayed.model
    chosen = _chosen(question, replayed.series)
    times = [int(time) for time in replayed.newest_milliseconds[chosen] if time]
    following = source.read_newest(
        question.signal.query,
        after_milliseconds=at,
        until_milliseconds=at + _SEARCHED_STEPS * model.step_milliseconds,
        step_milliseconds=model.step_milliseconds,
    )
    meant = {replayed.series[row] for row in chosen}
    rows = [row for row, labels in enumerate(following.series) if labels in meant]
    times += following.timestamp_milliseconds[np.isin(following.row, rows)].tolist()
    nearest = min(times, key=lambda time: (abs(time - at), time), default=None)
    hint = f"the nearest is at {time_text(nearest)}" if nearest else "there is none near it"
    return DataError(
        f"{question.signal.name!r} must have a sample at {time_text(at)}, or less than a step "
        f"of {model.step_milliseconds / 1000:g} s before it, got none: {hint}"
    )
