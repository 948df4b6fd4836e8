"""Time to a limit, chances and accuracy in words for people who know no statistics."""

import math
from datetime import UTC, datetime, timedelta

from forewarn_reports.capacity import Accuracy, CapacityRow, Record
from forewarn_reports.wording import duration_text

_UNITS = (
    ("year", 365.25 * 86_400.0),
    ("month", 30.44 * 86_400.0),
    ("week", 7 * 86_400.0),
    ("day", 86_400.0),
    ("hour", 3_600.0),
    ("minute", 60.0),
)
_LEAST_UNITS = 2.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_SECONDS = 86_400.0
_BAND_TOLERANCE = 0.05


def outlook_text(row: CapacityRow, *, made_milliseconds: int) -> str:
    """Return when a series reaches its limit, as one sentence without its subject.

    A range goes from the time by which the chance is 1 in 10 to that by which it is 9 in 10.
    """
    if row.standing == "at_limit":
        return "at its limit now"
    if row.standing == "unknown":
        why = "its limit is not known" if math.isnan(row.limit) else "it has no forecast"
        return f"cannot say: {why}"
    horizon = duration_text(row.horizon_seconds)
    if row.standing == "unlikely":
        return f"unlikely to reach its limit within {horizon} (less than 1 chance in 10)"
    early = instant_text(row.early_seconds, made_milliseconds=made_milliseconds)
    earliest = f"earliest plausible {early}, 1 chance in 10 by then"
    if row.standing == "possible":
        chance = chance_text(row.chances[-1][1])
        return f"may reach its limit within {horizon} ({chance}); {earliest}"
    return (
        f"likely at its limit {likely_text(row, made_milliseconds=made_milliseconds)}; {earliest}"
    )


def likely_text(row: CapacityRow, *, made_milliseconds: int) -> str:
    """Return the likely time of a series that is likely to reach its limit.

    It says `in 3 to 5 weeks (about 2 Jan 2027)`, or `or later` where the late end lies beyond the
    horizon.
    """
    about = instant_text(row.middle_seconds, made_milliseconds=made_milliseconds)
    if math.isinf(row.late_seconds):
        return f"in {span_text(row.middle_seconds, row.middle_seconds)} or later (about {about})"
    return f"in {span_text(row.early_seconds, row.late_seconds)} (about {about})"


def span_text(early_seconds: float, late_seconds: float) -> str:
    """Return a range of time in the largest unit of which its end has two.

    >>> span_text(21 * 86400.0, 34 * 86400.0), span_text(0.0, 7000.0), span_text(3e6, 3e6)
    ('3 to 5 weeks', '0 to 117 minutes', 'about 5 weeks')
    """
    unit, size = next(
        ((unit, size) for unit, size in _UNITS if late_seconds >= _LEAST_UNITS * size), _UNITS[-1]
    )
    first, last = round(early_seconds / size), round(late_seconds / size)
    if last == 0:
        return "less than a minute"
    if first == last:
        return f"about {last} {unit}{'' if last == 1 else 's'}"
    return f"{first} to {last} {unit}s"


def instant_text(seconds: float, *, made_milliseconds: int) -> str:
    """Return a distance from now as a day, with the hour where it is nearer than two days.

    >>> instant_text(86400.0 * 40, made_milliseconds=0), instant_text(5400.0, made_milliseconds=0)
    ('10 Feb 1970', '1 Jan 1970 01:30')
    """
    at = _EPOCH + timedelta(milliseconds=made_milliseconds, seconds=seconds)
    day = f"{at.day} {at:%b %Y}"
    return f"{day} {at:%H:%M}" if seconds < 2 * _DAY_SECONDS else day


def chance_text(probability: float) -> str:
    """Return a chance as people say it; NaN = it cannot be said.

    >>> [chance_text(each) for each in (0.001, 0.04, 0.33, 0.95, 0.999)]
    ['less than 1 in 100', '4 in 100', '3 in 10', '95 in 100', 'more than 99 in 100']
    """
    if math.isnan(probability):
        return "cannot say"
    if probability < 0.01:
        return "less than 1 in 100"
    if probability > 0.99:
        return "more than 99 in 100"
    if 0.1 <= probability <= 0.9:
        return f"{round(10 * probability)} in 10"
    return f"{round(100 * probability)} in 100"


def record_text(record: Record) -> str:
    """Return how right the forecasts of a signal were, in sentences."""
    tested = "There was too little history to test its forecasts: take its dates as rough."
    if not math.isnan(record.back_test.error_ratio):
        times = "1 earlier date" if record.n_origins == 1 else f"{record.n_origins} earlier dates"
        tested = f"Tested at {times}: {_accuracy_text(record.back_test)}"
    live = (
        f"In use, {duration_text(seconds)} ahead: {_accuracy_text(accuracy)}"
        for seconds, accuracy in record.live
    )
    return " ".join((tested, *live))


def _accuracy_text(accuracy: Accuracy) -> str:
    return f"{_error_text(accuracy.error_ratio)} {_band_text(accuracy)}".strip()


def _error_text(ratio: float) -> str:
    if ratio < 0.95:
        return f"its error is {1 - ratio:.0%} smaller than that of repeating the last season."
    if ratio <= 1.05:
        return "it is as good as repeating the last season, and no better."
    return (
        f"its error is {ratio - 1:.0%} larger than that of repeating the last season: "
        "read its dates with care."
    )


def _band_text(accuracy: Accuracy) -> str:
    held = accuracy.coverage_80_ratio
    if math.isnan(held):
        return ""
    text = (
        f"Of what came, {held:.0%} lay inside the inner band (80 % is right) and "
        f"{accuracy.coverage_95_ratio:.0%} inside the outer one (95 % is right)."
    )
    if held < 0.8 - _BAND_TOLERANCE:
        return f"{text} The bands are too narrow: less is certain than they show."
    if held > 0.8 + _BAND_TOLERANCE:
        return f"{text} The bands are wider than they need to be."
    return text
