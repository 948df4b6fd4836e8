"""Series as the demo shows them: read back from the Prometheus that Forewarn wrote them to."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np
import urllib3

from forewarn_models.arrays import FloatArray
from forewarn_models.labels import label_text, labels_of
from forewarn_reports.terminal import SeriesView

_POINTS = 40
_METRICS = (
    "forewarn_value",
    "forewarn_expected",
    "forewarn_expected_lower",
    "forewarn_expected_upper",
    "forewarn_return_period_seconds",
    "forewarn_cannot_say",
    "forewarn_episode_active",
)
_NOT_SHOWN = {"__name__", "instance", "job", "signal", "reason", "direction", "severity"}
_Course = dict[str, dict[str, FloatArray]]


def series_views(url: str, *, seconds: float) -> list[SeriesView]:
    """Return every series of the last `seconds` with its band and verdict, by name."""
    step = seconds / _POINTS
    query = f'{{__name__=~"{"|".join(_METRICS)}"}}'
    now = time.time()
    span = {"start": f"{now - seconds:.3f}", "end": f"{now:.3f}", "step": f"{step:.3f}"}
    answer = ask(url, "/api/v1/query_range", {"query": query, **span})
    courses: _Course = {}
    reasons: dict[str, str] = {}
    for entry in answer["result"]:
        _add(entry, courses, reasons, start=now - seconds, step=step)
    # What could not be said for want of a model is forgotten once there is one.
    return [
        _view(name, course, reasons.get(name, ""))
        for name, course in sorted(courses.items())
        if name in reasons or "forewarn_value" in course
    ]


def ask(url: str, path: str, parameters: Mapping[str, str]) -> Any:
    """Return the `data` of an answer of Prometheus; an empty one while it does not answer."""
    try:
        answer = urllib3.request("GET", f"{url}{path}?{urlencode(parameters)}", timeout=5.0)
        return json.loads(answer.data)["data"]
    except (urllib3.exceptions.HTTPError, ValueError, KeyError):
        return {"result": []}


def _add(
    entry: Mapping[str, Any],
    courses: _Course,
    reasons: dict[str, str],
    *,
    start: float,
    step: float,
) -> None:
    labels: Mapping[str, str] = entry["metric"]
    name = _name(labels)
    course = _course(entry["values"], start=start, step=step)
    metric = labels["__name__"]
    known = courses.setdefault(name, {}).get(metric)
    courses[name][metric] = course if known is None else np.fmax(known, course)
    if metric == "forewarn_cannot_say" and course[-1] == 1.0:
        reasons[name] = labels.get("reason", "")


def _course(values: Sequence[tuple[float, str]], *, start: float, step: float) -> FloatArray:
    course = np.full(_POINTS + 1, np.nan)
    for instant, text in values:
        course[min(round((instant - start) / step), _POINTS)] = float(text)
    return course


def _name(labels: Mapping[str, str]) -> str:
    rest = {name: value for name, value in labels.items() if name not in _NOT_SHOWN}
    return labels["signal"] + (label_text(labels_of(rest)) if rest else "")


def _view(name: str, course: Mapping[str, FloatArray], reason: str) -> SeriesView:
    unknown = np.full(_POINTS + 1, np.nan)
    rarity = float(course.get("forewarn_return_period_seconds", unknown)[-1])
    active = course.get("forewarn_episode_active", unknown)[-1] == 1.0
    verdict = "anomalous" if active else "ordinary"
    if reason or math.isnan(rarity):
        verdict = f"cannot say: {reason or 'no score yet'}"
    return SeriesView(
        name=name,
        values=course.get("forewarn_value", unknown),
        lower=course.get("forewarn_expected_lower", unknown),
        upper=course.get("forewarn_expected_upper", unknown),
        expected=float(course.get("forewarn_expected", unknown)[-1]),
        return_period_seconds=rarity,
        verdict=verdict,
    )
