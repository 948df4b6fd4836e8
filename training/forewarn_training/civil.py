"""The civil time that the series of a signal follow."""

from forewarn_adapters.civil_time import calendar_of
from forewarn_adapters.config.learning import CivilTime
from forewarn_adapters.config.signals import Signal
from forewarn_models.calendar import Calendar
from forewarn_training.history import Span


def calendar_for(signal: Signal, span: Span) -> Calendar:
    """Return the calendar of a signal, for a history that lies in `span` and what comes after."""
    return calendar_of(
        signal.calendar or CivilTime(),
        first_milliseconds=span.start_milliseconds,
        last_milliseconds=span.end_milliseconds,
    )
