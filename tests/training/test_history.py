from datetime import timedelta

import numpy as np
import pytest

from forewarn_adapters.files import FilesSource
from forewarn_models.errors import DataError, SourceRejected
from forewarn_models.samples import NO_SAMPLES, Samples
from forewarn_training import history
from forewarn_training.history import Span, history_span, read_history

NOW = 1_700_006_400_000
STEP = 600_000


def test_a_history_is_whole_steps_that_end_before_the_slot_of_now():
    span = history_span(
        now_milliseconds=1_234_567, history=timedelta(seconds=100), step=timedelta(seconds=10)
    )
    assert span == Span(1_130_000, 1_230_000, 10_000)
    assert span.n_times == 10


def test_a_history_is_the_recording_on_its_grid(source):
    span = Span(NOW - 144 * STEP, NOW, STEP)
    panel = read_history(source, "{}", span=span)
    assert panel.series == ((("series", "a"),), (("series", "b"),), (("series", "c"),))
    assert (panel.start_milliseconds, panel.end_milliseconds) == (span[0], span[1])
    assert not np.isnan(panel.values).any()


def test_reading_in_parts_gives_what_one_part_gives(source, monkeypatch):
    span = Span(NOW - 7 * 144 * STEP, NOW, STEP)
    whole = read_history(source, "{}", span=span)
    monkeypatch.setattr(history, "_FIRST_PART_STEPS", 100)
    monkeypatch.setattr(history, "_MOST_PART_STEPS", 333)
    assert np.array_equal(whole.values, read_history(source, "{}", span=span).values)


def test_empty_slots_before_the_first_sample_are_left_out(source):
    panel = read_history(source, "{}", span=Span(NOW - 30 * 144 * STEP, NOW, STEP))
    assert panel.n_times == 7 * 144


def test_a_query_without_series_is_an_empty_panel(source):
    panel = read_history(source, "nothing", span=Span(NOW - 10 * STEP, NOW, STEP))
    assert (panel.n_series, panel.n_times) == (0, 0)


def test_too_large_a_history_is_refused_after_its_first_part(source):
    span = Span(NOW - 1000 * STEP, NOW, STEP)
    with pytest.raises(DataError, match="at most 2999, got 3 x 1000: shorten `history`"):
        read_history(source, "{}", span=span, most_cells=2999)


class Infinite:
    """Answers every query with one infinite sample at its start."""

    def read_range(self, query, *, start_milliseconds, **_rest):
        if start_milliseconds < NOW - 10 * STEP:
            return NO_SAMPLES
        row = np.zeros(1, np.int64)
        return Samples(((("x", query),),), row, row + start_milliseconds, np.array([np.inf]))


def test_infinities_are_gaps(monkeypatch):
    monkeypatch.setattr(history, "_FIRST_PART_STEPS", 10)
    panel = read_history(Infinite(), "q", span=Span(NOW - 20 * STEP, NOW, STEP))
    assert panel.n_times == 10
    assert np.isnan(panel.values).all()


def test_what_the_source_refuses_is_told(recording):
    with pytest.raises(SourceRejected):
        read_history(FilesSource((recording,)), "rate(x[5m])", span=Span(NOW - STEP, NOW, STEP))
