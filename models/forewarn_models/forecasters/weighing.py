"""How much each candidate counts for each series, judged by its errors at earlier origins."""

import numpy as np

from forewarn_models.arrays import FloatArray

# A candidate weighs as the inverse of its error to this power, and nothing where its error is so
# much larger than the best one's. Chosen on the training parts of three public sets, where all
# powers from 4 to 10 lie within 1 % of each other.
_SHARPNESS = 8.0
_WORST = 1.4


def weights_of(errors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the weights of candidates, and those that each origin would get from the others.

    The second are for judging the mixture: an origin must not choose who forecasts it.

    Args:
        errors: (n_series, n_origins, n_candidates, n_steps); NaN where the candidate or the value
            is not known. The first candidate is the one that all are compared with.

    Returns:
        (n_series, n_candidates) and (n_series, n_origins, n_candidates), each sums to 1.
    """
    size = np.abs(errors)
    both = np.isfinite(size) & np.isfinite(size[:, :, :1])
    own = np.where(both, size, 0.0).sum(axis=3)
    reference = np.where(both, size[:, :, :1], 0.0).sum(axis=3)
    count = both.sum(axis=3).astype(np.float64)
    without_one = [_others(array) for array in (own, reference, count)]
    everything = [array.sum(axis=1) for array in (own, reference, count)]
    return _normed(*everything), _normed(*without_one)


def mean_errors(errors: FloatArray) -> FloatArray:
    """Return (n_series, n_candidates) mean absolute errors of a back-test; NaN = never known.

    Args:
        errors: (n_series, n_origins, n_candidates, n_steps); NaN is a gap.
    """
    held = np.isfinite(errors)
    count = held.sum(axis=(1, 3))
    total = np.where(held, np.abs(errors), 0.0).sum(axis=(1, 3))
    mean: FloatArray = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def mixture(forecasts: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the weighed mean of what is known; the first candidate where no weighed one is.

    Args:
        forecasts: (..., n_candidates, n_steps)
        weights: (..., n_candidates)
    """
    held = np.isfinite(forecasts)
    shares = np.where(held, weights[..., None], 0.0)
    total = shares.sum(axis=-2)
    summed = (np.where(held, forecasts, 0.0) * shares).sum(axis=-2)
    first = np.array(forecasts[..., 0, :])
    mixed: FloatArray = np.divide(summed, total, out=first, where=total > 0)
    return mixed


def _others(sums: FloatArray) -> FloatArray:
    others: FloatArray = np.maximum(sums.sum(axis=1, keepdims=True) - sums, 0.0)
    return others


def _normed(own: FloatArray, reference: FloatArray, count: FloatArray) -> FloatArray:
    floor = 1e-6 * reference + np.finfo(np.float64).tiny
    with np.errstate(over="ignore"):  # infinitely worse than one that is always right
        ratio = (own + floor) / (reference + floor)
    # A candidate that could forecast less than half of the slots has not shown enough.
    is_shown = (count > 0) & (count >= 0.5 * count[..., :1])
    ratio = np.where(is_shown, ratio, np.inf)
    best = np.min(ratio, axis=-1, keepdims=True)
    quality = np.where(is_shown, best / np.where(is_shown, ratio, 1.0), 0.0)
    weights = np.where(quality >= 1 / _WORST, np.nan_to_num(quality) ** _SHARPNESS, 0.0)
    total = weights.sum(axis=-1, keepdims=True)
    only_first = np.arange(own.shape[-1]) == 0
    return np.where(total > 0, weights / np.where(total > 0, total, 1.0), only_first)
