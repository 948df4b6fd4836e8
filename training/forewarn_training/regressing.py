"""The history of what may drive a signal's series, for its forecaster."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from forewarn_adapters.config.signals import ForecastPolicy
from forewarn_adapters.source import Source
from forewarn_models.errors import SourceRejected
from forewarn_models.labels import matched_rows
from forewarn_models.masks import Interval, masked
from forewarn_models.panel import Panel
from forewarn_training.history import Span, read_history

_WITHOUT = "forecasts go on without `forecast.regressor`"


@dataclass(frozen=True, eq=False)
class FoundRegressor:
    """What may drive the series of a signal.

    Args:
        panel: on the grid of the forecast; None = none is configured, or none can be used.
        warnings: why a configured one cannot be used.
    """

    panel: Panel | None = None
    warnings: tuple[str, ...] = ()

    def without(self, hidden: Iterable[Interval]) -> "FoundRegressor":
        """Return it with gaps where masks hide it."""
        panel = None if self.panel is None else masked(self.panel, hidden)
        return replace(self, panel=panel)


def found_regressor(
    policy: ForecastPolicy, source: Source, span: Span, *, history: Panel
) -> FoundRegressor:
    """Return the history of a forecast's regressor. One that cannot be used is a warning.

    Raises SourceError where the source does not answer, DataError where there is too much.

    Args:
        policy: whose regressor is read.
        source: of its samples.
        span: the grid of the forecast.
        history: of the series that it may drive.
    """
    if policy.regressor is None:
        return FoundRegressor()
    try:
        panel = read_history(source, policy.regressor, span=span)
    except SourceRejected as refused:
        return FoundRegressor(warnings=(f"{_WITHOUT}: {refused}",))
    if not panel.n_series:
        return FoundRegressor(warnings=(f"{_WITHOUT}: it gave no series in the whole history",))
    if (matched_rows(history.series, panel.series) < 0).all():
        why = (
            f"none of its {panel.n_series} series has the labels of a series of the signal: "
            "aggregate it to one series, or by the same labels"
        )
        return FoundRegressor(warnings=(f"{_WITHOUT}: {why}",))
    return FoundRegressor(panel)
