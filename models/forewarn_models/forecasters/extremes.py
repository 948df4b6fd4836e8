"""How far the future goes, from the paths of a forecaster."""

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.contract import Extremes, FittedForecaster, Side

# Central bands in percent that give the quantiles of extremes.
_BANDS = (98.0, 95.0, *range(90, 0, -10))
_MOST_SLOTS = 48


def extremes_of_quantiles(
    fitted: FittedForecaster, n_steps: int, side: Side, *, since_milliseconds: int | None
) -> Extremes:
    """Return the extremes of paths that stay at one quantile of the forecast for ever."""
    forecast = fitted.predict(n_steps, _BANDS)
    start, step = forecast.start_milliseconds, forecast.step_milliseconds
    since = start if since_milliseconds is None else since_milliseconds
    first = min(max(0, -(-(since - start) // step)), n_steps)
    ahead = forecast.quantiles[:, first:]
    worst: FloatArray = (np.maximum if side == "above" else np.minimum).accumulate(ahead, axis=1)
    count = min(ahead.shape[1], _MOST_SLOTS)
    kept: IntegerArray = np.linspace(0, max(ahead.shape[1] - 1, 0), count).astype(np.int64)
    return Extremes(
        forecast.series,
        side,
        start + step * (first + kept),
        np.array(forecast.quantile_levels),
        worst[:, kept],
    )
