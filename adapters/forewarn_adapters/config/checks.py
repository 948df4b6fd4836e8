"""What several keys of the file must be together."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from forewarn_adapters.civil_time import unknown_names
from forewarn_adapters.config.addresses import is_loopback
from forewarn_adapters.config.api import Api
from forewarn_adapters.config.endpoints import Endpoint
from forewarn_adapters.config.environment import has_reference
from forewarn_adapters.config.faults import shown, suggestion
from forewarn_adapters.config.learning import CivilTime, Mask
from forewarn_adapters.config.log_checks import log_problems
from forewarn_adapters.config.nodes import Node
from forewarn_adapters.config.problems import Path, Problem
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.shared_checks import (
    endpoint_problems,
    server_tls_problems,
    unique_problems,
)
from forewarn_adapters.config.signals import ForecastPolicy, Limit, Signal
from forewarn_models.durations import format_duration

FEWEST_STEPS = 60  # a model of fewer samples says nothing about one in a month
MOST_STEPS = 2_000_000  # 16 MB a series
MOST_FORECAST_STEPS = 10_000
MODELS_WITH_REGRESSOR = ("auto", "hybrid")

_MASKED_BY = ("ical", "silences", "query")
_PASSWORD = re.compile(r"://[^/:@\s]*:(\S+)@")


def cross_problems(config: Config, root: Node) -> Iterator[Problem]:
    """Yield what is wrong among keys that are each right on their own.

    `root` is the file that the configuration was read from: messages repeat what it says, which
    for a value of the environment is its name.
    """
    yield from _source(config)
    if not config.signals and config.logs is None:
        yield Problem((), "the key 'signals' is missing", reads=(("logs",),))
    for key, endpoint in (("prometheus", config.prometheus), ("remote_write", config.remote_write)):
        if endpoint is not None:
            yield from endpoint_problems(endpoint, (key,), root)
    yield from _api(config.api, root)
    yield from _passwords(root)
    yield from _teams(config, root)
    yield from _calendar(config.calendar, ("calendar",), root)
    yield from _masks(config.masks, ("masks",), root)
    if config.logs is not None:
        yield from log_problems(config.logs, root)
    yield from unique_problems([signal.name for signal in config.signals], ("signals",), root)
    for index, signal in enumerate(config.signals):
        yield from _signal(signal, ("signals", index), root)


def _source(config: Config) -> Iterator[Problem]:
    reads: tuple[Path, ...] = (("prometheus",), ("files",))
    must = "exactly one of `prometheus` and `files` must name where series are read from"
    if config.prometheus is None and not config.files:
        yield Problem((), f"{must}, got neither", reads=reads)
    if config.prometheus is not None and config.files:
        yield Problem(("files",), f"{must}, got both", reads=reads)


def _api(api: Api, root: Node) -> Iterator[Problem]:
    tokens: Path = ("api", "tokens")
    if not api.tokens and not is_loopback(api.host):
        listen: Path = ("api", "listen")
        yield Problem(
            listen,
            f"listening beyond loopback needs `api.tokens`, got {shown(listen, root)} and no "
            "token: anyone on the network could read and change everything",
            reads=(tokens,),
        )
    if api.tls is not None:
        yield from server_tls_problems(api.tls, ("api", "tls"))
    yield from unique_problems([token.name for token in api.tokens], tokens, root)
    yield from _same_tokens(api)


def _same_tokens(api: Api) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, token in enumerate(api.tokens):
        before = first.setdefault(token.token.get_secret_value(), index)
        if before != index:
            yield Problem(
                ("api", "tokens", index, "token"),
                f"must differ from that of api.tokens[{before}]: nobody could tell who called",
                reads=(("api", "tokens", before, "token"),),
            )


def _passwords(root: Node) -> Iterator[Problem]:
    for path in (("store_url",), ("training", "tracking_url")):
        node = root.find(path)
        text = node.content if node else None
        match = _PASSWORD.search(text) if isinstance(text, str) else None
        if match and not has_reference(match[1]):
            yield Problem(
                path,
                "a password must not stand in the file: put it into an environment variable and "
                "write ${NAME} in its place",
            )


def _teams(config: Config, root: Node) -> Iterator[Problem]:
    if not config.budgets:
        return
    teams: list[tuple[Path, str | None]] = [
        (("signals", index, "team"), signal.team) for index, signal in enumerate(config.signals)
    ]
    teams += [
        (("api", "tokens", index, "team"), token.team)
        for index, token in enumerate(config.api.tokens)
    ]
    for path, team in teams:
        if team is not None and team not in config.budgets:
            advice = suggestion(team, config.budgets)
            got = shown(path, root)
            yield Problem(
                path, f"must be a team of `budgets`, got {got}; {advice}", reads=(("budgets",),)
            )


def _calendar(calendar: CivilTime, path: Path, root: Node) -> Iterator[Problem]:
    for unknown in unknown_names(calendar):
        place = (*path, unknown.key)
        yield Problem(
            place,
            f"{unknown.must}, got {shown(place, root)}; {unknown.advice}",
            reads=((*path, "country"),),
        )


def _masks(masks: Sequence[Mask], path: Path, root: Node) -> Iterator[Problem]:
    for index, mask in enumerate(masks):
        place = (*path, index)
        for key in ("ical", "silences"):
            endpoint = getattr(mask, key)
            if isinstance(endpoint, Endpoint):
                yield from endpoint_problems(endpoint, (*place, key), root)
        given = [key for key in _MASKED_BY if getattr(mask, key) is not None]
        if len(given) != 1:
            got = " and ".join(f"`{key}`" for key in given) or "none"
            yield Problem(
                place,
                f"exactly one of `ical`, `silences` and `query` must be given, got {got}",
                reads=tuple((*place, key) for key in _MASKED_BY),
            )


@dataclass(frozen=True, slots=True)
class _Span:
    """A duration at a path of the file, with what the file says there."""

    path: Path
    duration: timedelta
    root: Node

    @property
    def is_in_file(self) -> bool:
        return self.root.find(self.path) is not None

    def __str__(self) -> str:
        if self.is_in_file:
            return shown(self.path, self.root)
        return f"{format_duration(self.duration)} (the default)"


def _signal(signal: Signal, path: Path, root: Node) -> Iterator[Problem]:
    step = _Span((*path, "step"), signal.step, root)
    history = _Span((*path, "history"), signal.history, root)
    yield from _grid(step, history)
    yield from _seasons(signal, history)
    if signal.calendar is not None and root.find((*path, "calendar")) is not None:
        yield from _calendar(signal.calendar, (*path, "calendar"), root)
    if signal.masks is not None and root.find((*path, "masks")) is not None:
        yield from _masks(signal.masks, (*path, "masks"), root)
    for key, names in (("group_by", signal.group_by), ("siblings", signal.siblings or ())):
        if len(set(names)) < len(names):
            yield Problem((*path, key), "must name each label once")
    if signal.forecast is not None:
        yield from _forecast(signal.forecast, (*path, "forecast"), root)


def _grid(step: _Span, history: _Span) -> Iterator[Problem]:
    count = history.duration / step.duration
    path = step.path if step.is_in_file or not history.is_in_file else history.path
    if count < FEWEST_STEPS:
        yield Problem(
            path,
            f"`history` must be at least {FEWEST_STEPS} steps, got a history of {history} and a "
            f"step of {step}: lengthen `history` or shorten `step`",
            reads=(step.path, history.path),
        )
    if count > MOST_STEPS:
        yield Problem(
            path,
            f"`history` must be at most {MOST_STEPS} steps, got a history of {history} and a "
            f"step of {step}: shorten `history` or lengthen `step`",
            reads=(step.path, history.path),
        )


def _seasons(signal: Signal, history: _Span) -> Iterator[Problem]:
    signal_path = history.path[:-1]
    for index, duration in enumerate(signal.seasons if signal.seasons != "auto" else ()):
        season = _Span((*signal_path, "seasons", index), duration, history.root)
        if 2 * duration >= history.duration:
            yield Problem(
                season.path,
                f"a season must be shorter than half of `history`, which is {history}, "
                f"got {season}",
                reads=(history.path,),
            )
        if duration < 2 * signal.step:
            yield Problem(
                season.path,
                f"a season must be at least two steps long, got {season}",
                reads=((*signal_path, "step"),),
            )


def _forecast(forecast: ForecastPolicy, path: Path, root: Node) -> Iterator[Problem]:
    step = _Span((*path, "step"), forecast.step, root)
    horizon = _Span((*path, "horizon"), forecast.horizon, root)
    yield from _grid(step, _Span((*path, "history"), forecast.history, root))
    if not 1 <= horizon.duration / step.duration <= MOST_FORECAST_STEPS:
        yield Problem(
            horizon.path,
            f"must be 1 to {MOST_FORECAST_STEPS} steps, got {horizon} and a step of {step}",
            reads=(step.path,),
        )
    if forecast.regressor is not None and forecast.model not in MODELS_WITH_REGRESSOR:
        yield Problem(
            (*path, "regressor"),
            "a `regressor` needs `model: auto` or `model: hybrid`, got a model of "
            f"{forecast.model!r}: leave one of them out",
            reads=((*path, "model"),),
        )
    if forecast.limit is not None:
        yield from _limit(forecast.limit, (*path, "limit"))


def _limit(limit: Limit, path: Path) -> Iterator[Problem]:
    given = [key for key in ("above", "below") if getattr(limit, key) is not None]
    if len(given) != 1:
        got = "both" if given else "neither"
        yield Problem(
            path,
            f"exactly one of `above` and `below` must be given, got {got}",
            reads=((*path, "above"), (*path, "below")),
        )
