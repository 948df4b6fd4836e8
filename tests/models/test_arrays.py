import numpy as np
import pytest

from forewarn_models.arrays import frozen


def test_a_frozen_view_leaves_the_array_as_it_is():
    array = np.zeros(2)
    with pytest.raises(ValueError, match="read-only"):
        frozen(array)[0] = 1
    array[0] = 1
