import numpy as np
import pytest

from forewarn_models.errors import DataError
from forewarn_models.panel import Panel
from strategies import panel_of

A, B = ((("row", "a"),), (("row", "b"),))


def test_nobody_may_write_to_a_panel():
    values = np.zeros((1, 3))
    panel = Panel(values, (A,), 0, 1000)
    with pytest.raises(ValueError, match="read-only"):
        panel.values[0, 0] = 1.0
    values[0, 0] = 5.0


def test_a_panel_knows_its_times():
    panel = Panel(np.zeros((1, 3)), (A,), 500, 1500)
    assert panel.times_milliseconds.tolist() == [500, 2000, 3500]
    assert (panel.end_milliseconds, panel.step_seconds) == (5000, 1.5)
    assert (panel.n_series, panel.n_times) == (1, 3)


@pytest.mark.parametrize(
    ("values", "series", "step", "message"),
    [
        (np.zeros(3), (A,), 1, "one row for each"),
        (np.zeros((2, 3)), (A,), 1, "one row for each of its 1 series"),
        (np.zeros((1, 3)), (A,), 0, "step must be positive"),
        (np.zeros((2, 3)), (A, A), 1, "the same ones twice"),
    ],
)
def test_a_panel_that_contradicts_itself_is_refused(values, series, step, message):
    with pytest.raises(DataError, match=message):
        Panel(values, series, 0, step)


def test_columns_are_cut_at_the_edges():
    panel = panel_of([0.0, 1, 2, 3])
    assert panel.columns(1, 3).values.tolist() == [[1, 2]]
    assert panel.columns(1, 3).start_milliseconds == panel.start_milliseconds + 60_000
    assert panel.columns(-5, 99).n_times == 4
    assert panel.columns(3, 1).n_times == 0


def test_rows_that_a_panel_lacks_are_gaps():
    rows = Panel(np.ones((1, 2)), (A,), 0, 1).rows((B, A))
    np.testing.assert_array_equal(rows.values, [[np.nan, np.nan], [1, 1]])
    assert rows.series == (B, A)
