"""The array types that everything here is made of."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntegerArray: TypeAlias = NDArray[np.int64]
SmallIntegerArray: TypeAlias = NDArray[np.int8]
BooleanArray: TypeAlias = NDArray[np.bool_]
AnyArray: TypeAlias = NDArray[Any]


def frozen(array: AnyArray) -> AnyArray:
    """Return a view of `array` that refuses writing; the array itself stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view
