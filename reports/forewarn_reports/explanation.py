"""Why a sample got its score, for people and for programs."""

import math

from forewarn_models.budget import Budget
from forewarn_models.explanation import Episode, Explanation
from forewarn_models.labels import label_text
from forewarn_models.verdicts import DIRECTIONS, SEVERITIES
from forewarn_models.views import VIEWS, WORDS, view_name, view_words
from forewarn_reports.wording import duration_text, number_text, rarity_text, time_text

_NEAR = 1 + 1e-9  # a view that is rarer than the answer looked at the side that is not watched
_SIDES = {1: "above", -1: "below", 0: "beside"}
_TITLE_COLUMN = 10


def verdict_text(explanation: Explanation) -> str:
    """Return what the score says: anomalous, ordinary or cannot say."""
    if math.isnan(explanation.score):
        return "cannot say"
    return "anomalous" if explanation.score >= 1 else "ordinary"


def explanation_lines(explanation: Explanation, *, budget: Budget) -> list[str]:
    """Return why a sample got its score, a line a fact, then a table of the views or members."""
    head = (
        f"{label_text(explanation.labels)} at {time_text(explanation.timestamp_milliseconds)}: "
        f"{verdict_text(explanation)}"
    )
    facts = {
        "value": _value_text(explanation),
        "rarity": rarity_text(explanation.return_period_seconds),
        "score": _score_text(explanation, budget),
        "because": _because(explanation),
        "episode": _current_text(explanation),
        **_earlier(explanation),
    }
    lines = [f"  {name:<{_TITLE_COLUMN}}{text}" for name, text in facts.items() if text]
    return [head, *lines, *_view_lines(explanation), *_member_lines(explanation)]


def explanation_facts(explanation: Explanation) -> dict[str, object]:
    """Return the same for programs; times are epoch seconds, a NaN is `cannot say`."""
    views = dict(zip(VIEWS, explanation.views, strict=False))
    is_said = not math.isnan(explanation.score)
    return {
        "labels": dict(explanation.labels),
        "timestamp": explanation.timestamp_milliseconds / 1000,
        "value": explanation.value,
        "expected": explanation.expected,
        "lower": explanation.lower,
        "upper": explanation.upper,
        "direction": DIRECTIONS[explanation.direction],
        "return_period_seconds": explanation.return_period_seconds,
        "score": explanation.score,
        "anomalous": explanation.score >= 1 if is_said else None,
        "view": view_name(explanation.view),
        "views_return_period_seconds": views,
        "episode": _episode_facts(explanation.episode) if explanation.episode else None,
        "earlier_episodes": [_episode_facts(each) for each in explanation.earlier],
        "members": [explanation_facts(each) for each in explanation.members],
    }


def _value_text(explanation: Explanation) -> str:
    if math.isnan(explanation.value):
        return ""  # a group has none
    value = number_text(explanation.value)
    if math.isnan(explanation.expected):
        return value
    band = f"{number_text(explanation.lower)} to {number_text(explanation.upper)}"
    side = _SIDES[explanation.direction]
    expected = number_text(explanation.expected)
    return f"{value}, {side} the expected {expected} (99 % of the time {band})"


def _score_text(explanation: Explanation, budget: Budget) -> str:
    limit = rarity_text(budget.return_period_seconds)
    return f"{number_text(explanation.score)}, where 1 is the budget {budget} ({limit})"


def _because(explanation: Explanation) -> str:
    if not math.isnan(explanation.score):
        return view_words(explanation.view) if explanation.score else "nothing about it is rare"
    if explanation.views:
        is_gap = math.isnan(explanation.value)
        return "the sample is no number" if is_gap else "the series has too little history yet"
    return "no member of the group says anything"


def _current_text(explanation: Explanation) -> str:
    if explanation.episode is None:
        return "none is active"
    since = (explanation.timestamp_milliseconds - explanation.episode.start_milliseconds) / 1000
    age = f" ({duration_text(since)} before)" if since >= 1 else ""
    start = time_text(explanation.episode.start_milliseconds)
    return f"{_kind_text(explanation.episode)}, since {start}{age}"


def _earlier(explanation: Explanation) -> dict[str, str]:
    if not explanation.earlier:
        return {"earlier": "no other episode since the model was trained"}
    titles = ("earlier", *(" " * count for count in range(1, len(explanation.earlier))))
    return dict(zip(titles, map(_earlier_text, explanation.earlier), strict=True))


def _earlier_text(episode: Episode) -> str:
    length = (episode.end_milliseconds - episode.start_milliseconds) / 1000
    how_long = f" for {duration_text(length)}" if length else ""
    rarity = rarity_text(episode.return_period_seconds)
    start = time_text(episode.start_milliseconds)
    return f"{start}{how_long}, {_kind_text(episode)}, {rarity}"


def _kind_text(episode: Episode) -> str:
    side = _SIDES[episode.direction] if episode.direction else "together"
    return f"{SEVERITIES[episode.severity]}, {side}"


def _view_lines(explanation: Explanation) -> list[str]:
    if not explanation.views:
        return []
    width = max(map(len, WORDS.values()))
    lines = ["  views"]
    for place, period in enumerate(explanation.views):
        note = _note(explanation, place)
        lines.append(f"    {WORDS[VIEWS[place]]:<{width}}  {rarity_text(period)}{note}")
    return lines


def _note(explanation: Explanation, place: int) -> str:
    if place == explanation.view:
        return "  <- the answer"
    if explanation.views[place] > explanation.return_period_seconds * _NEAR:
        return "  (on the side that is not watched)"
    return ""


def _member_lines(explanation: Explanation) -> list[str]:
    if not explanation.members:
        return []
    return ["  members, the strangest first", *map(_member_text, explanation.members)]


def _member_text(member: Explanation) -> str:
    rarity = rarity_text(member.return_period_seconds)
    because = _because(member)
    return f"    {label_text(member.labels)}  {_value_text(member)}, {rarity}: {because}"


def _episode_facts(episode: Episode) -> dict[str, object]:
    return {
        "start": episode.start_milliseconds / 1000,
        "end": episode.end_milliseconds / 1000,
        "direction": DIRECTIONS[episode.direction],
        "severity": SEVERITIES[episode.severity],
        "return_period_seconds": episode.return_period_seconds,
        "view": view_name(episode.view),
    }
