"""The metric families that a verdict becomes: names, help, labels; the same for both paths out."""

from collections.abc import Iterable
from dataclasses import dataclass

from forewarn_models.labels import Labels

# Labels that Forewarn itself puts on its metrics; a source label of that name is renamed.
RESERVED = frozenset(
    (
        "signal",
        "team",
        "horizon",
        "quantile",
        "pattern",
        "le",
        "reason",
        "direction",
        "severity",
        "view",
    )
)


@dataclass(frozen=True, slots=True)
class Family:
    """One metric name: what it means, and which column of the verdicts it shows, if one."""

    name: str
    help: str
    column: str = ""


SCORE = Family(
    "forewarn_anomaly_score",
    "How rare the newest sample is against the alert budget; anomalous from 1 upwards.",
    "score",
)
RETURN_PERIOD = Family(
    "forewarn_return_period_seconds",
    "How often a deviation this large is expected on this series when nothing is wrong.",
    "return_period_seconds",
)
EPISODE = Family(
    "forewarn_episode_active",
    "1 while an episode of that direction and severity is active on the series.",
)
VIEW = Family(
    "forewarn_anomaly_view",
    "1 while an episode is active on the series, and the view that found its rarest sample.",
)
CANNOT_SAY_FAMILY = Family(
    "forewarn_cannot_say", "1 while nothing can be said of the series, and why."
)
ABSENCE = Family(
    "forewarn_absence_score",
    "How rare it is that the series is silent for so long, where that is news; missed from 1.",
)
ABSENT_SINCE = Family(
    "forewarn_absent_since_timestamp_seconds", "Since when such a series is silent."
)
VALUE = Family("forewarn_value", "The newest sample of the series.", "value")
EXPECTED = Family("forewarn_expected", "The value that was expected of the sample.", "expected")
LOWER = Family(
    "forewarn_expected_lower", "Bottom of the central 99 % interval of the value.", "lower"
)
UPPER = Family("forewarn_expected_upper", "Top of the central 99 % interval of the value.", "upper")
FORECAST = Family("forewarn_forecast", "Quantiles of the value at a distance in time ahead of now.")
TIME_TO_LIMIT = Family(
    "forewarn_time_to_limit_seconds", "Time until a share of futures has reached the limit."
)
BREACH = Family(
    "forewarn_limit_breach_probability", "Probability that the limit is reached by the horizon."
)

# Columns that say something of a sample; absent while nothing can be said.
JUDGED = (RETURN_PERIOD, EXPECTED, LOWER, UPPER, SCORE)
FAMILIES = (
    SCORE,
    RETURN_PERIOD,
    EPISODE,
    VIEW,
    CANNOT_SAY_FAMILY,
    ABSENCE,
    ABSENT_SINCE,
    VALUE,
    EXPECTED,
    LOWER,
    UPPER,
    FORECAST,
    TIME_TO_LIMIT,
    BREACH,
)


def output_labels(signal: str, labels: Labels, extra: Iterable[tuple[str, str]] = ()) -> Labels:
    """Return the labels of an output series: signal, the source's own, and `extra`, sorted.

    A source label with a reserved name becomes `source_<name>`; where that name is taken too, it
    is prefixed again, so that no two labels meet.

    >>> output_labels("cpu", (("instance", "a"), ("severity", "high")))
    (('instance', 'a'), ('signal', 'cpu'), ('source_severity', 'high'))
    """
    taken = {name for name, _ in labels}
    renamed = [(_free_name(name, taken), value) for name, value in labels]
    return tuple(sorted((("signal", signal), *renamed, *extra)))


def _free_name(name: str, taken: set[str]) -> str:
    if name not in RESERVED:
        return name
    free = f"source_{name}"
    while free in taken:
        free = f"source_{free}"
    return free
