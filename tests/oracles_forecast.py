"""Slow and obvious versions of what the forecasters do over whole panels."""

import math

import numpy as np


def median(values):
    held = sorted(value for value in values if math.isfinite(value))
    if not held:
        return math.nan
    middle = len(held) // 2
    return held[middle] if len(held) % 2 else (held[middle - 1] + held[middle]) / 2


def seasons_back(row, period, *, n_back, n_steps, count):
    """Return, for each target slot, the samples whole seasons before it that are known."""
    answer = []
    for target in range(-n_back, n_steps):
        first = max(1, math.ceil((target + 1) / period))
        places = [len(row) + target - round((first + k) * period) for k in range(count)]
        answer.append([row[place] if place >= 0 else math.nan for place in places])
    return np.array(answer)


def seasonal_naive(row, period, n_steps):
    """Return the formula of Hyndman and Athanasopoulos 2021, section 5.2."""
    return np.array([row[len(row) - period + step % period] for step in range(n_steps)])


def moving_mean(row, width):
    answer = []
    for slot in range(len(row)):
        low = min(max(slot - width // 2, 0), len(row) - width)
        held = [value for value in row[low : low + width] if math.isfinite(value)]
        answer.append(sum(held) / len(held) if held else math.nan)
    return np.array(answer)


def filled(row, period):
    """Fill each gap with what was there a season before, or else just before."""
    seasonal = list(row)
    for slot in range(period, len(row)):
        if not math.isfinite(seasonal[slot]):
            seasonal[slot] = seasonal[slot - period]
    answer = []
    for value in seasonal:
        answer.append(value if math.isfinite(value) or not answer else answer[-1])
    return answer


def lagged(row, origin, *, period, week, keep, n_steps):
    """Return the regression on lags at one origin, slot after slot, term after term."""
    keep = [share / sum(keep) for share in keep]
    lags = sorted({1, 2, 3, 4, period // 2, period - 1, period, period + 1, 2 * period} - {0})
    values = filled(row, period)

    def mean(slot):
        if slot < len(keep) * period:
            return math.nan
        return sum(share * values[slot - (k + 1) * period] for k, share in enumerate(keep))

    known = [values[t] - mean(t) for t in range(len(row)) if math.isfinite(values[t] - mean(t))]
    typical = 1.4826 * median([abs(each) for each in known])
    root = math.sqrt(sum(each**2 for each in known) / len(known))
    size = (typical if typical > 0.1 * root else root) or 1.0

    def clipped(value, most):
        return 0.0 if math.isnan(value) else min(max(value / size, -most), most)

    def terms(slot):
        answer = [clipped(values[slot - lag] - mean(slot - lag), 4) for lag in lags]
        backs = (period, week) if week else (period,)
        return answer + [clipped(values[slot - back] - mean(slot), 8) for back in backs]

    first = max(len(keep) * period + lags[-1], week)
    slots = [t for t in range(first, len(row)) if math.isfinite(row[t] - mean(t))]
    rows = {slot: terms(slot) for slot in slots}
    target = {slot: clipped(values[slot] - mean(slot), 4) for slot in slots}

    def solved(weights):
        used = [slot for slot in slots if slot in weights]
        design = np.array([rows[slot] for slot in used]).reshape(len(used), -1)
        weighed = design * np.array([weights[slot] for slot in used])[:, None]
        n_terms = len(lags) + (2 if week else 1)
        gram = 20.0 * np.eye(n_terms) + (weighed.T @ design if used else 0)
        right = weighed.T @ np.array([target[slot] for slot in used]) if used else np.zeros(n_terms)
        return np.linalg.solve(gram, right)

    everything = solved(dict.fromkeys(slots, 1.0))
    errors = {slot: abs(target[slot] - np.dot(rows[slot], everything)) for slot in slots}
    usual = 1.345 * 1.4826 * median(errors.values())
    weights = {slot: min(1.0, usual / e) if e > usual else 1.0 for slot, e in errors.items()}
    coefficients = solved({slot: w for slot, w in weights.items() if slot < origin})
    del values[origin:]
    for slot in range(origin, origin + n_steps):
        moved = float(np.clip(np.dot(terms(slot), coefficients), -4, 4))
        values.append(mean(slot) + moved * size)
    return np.array(values[origin:])
