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
