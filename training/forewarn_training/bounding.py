"""The range of a signal's values, as far as a training can know it."""

from collections.abc import Mapping

from forewarn_adapters.config.signals import Signal
from forewarn_adapters.signal_bounds import FoundBounds, bounds_of_signal
from forewarn_adapters.source import Source
from forewarn_models.panel import Panel


def found_bounds(signal: Signal, source: Source, history: Panel) -> FoundBounds:
    """Return the range of a signal's values; metrics' types are asked for where they decide.

    What a mask hides belongs into `history`: a value that was measured is possible.
    """
    types: Mapping[str, str] = source.metric_types(signal.query) if signal.bounds == "auto" else {}
    return bounds_of_signal(signal, types, history.values)
