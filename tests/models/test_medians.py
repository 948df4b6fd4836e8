"""forewarn_models.medians"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import oracles_forecast as oracles
from forewarn_models.medians import finite_median

numbers = st.floats(-1e6, 1e6) | st.just(float("nan"))


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(0, 9)), elements=numbers))
def test_the_median_is_that_of_what_is_not_a_gap(values: np.ndarray) -> None:
    expected = [oracles.median(row) for row in values]
    np.testing.assert_allclose(finite_median(values), expected, rtol=1e-12, atol=1e-9)
