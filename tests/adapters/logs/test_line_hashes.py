"""Hashes of lines: those met before, and in cursors."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_adapters.logs.line_hashes import Sieve, as_text, of_text

hashes = st.lists(st.integers(0, 8), max_size=30)


@given(known=hashes, portions=st.lists(hashes, max_size=4))
def test_each_line_is_held_back_as_often_as_it_is_known(known, portions):
    sieve = Sieve(np.array(known, dtype=np.int64))
    left = Counter(known)
    for portion in portions:
        expected = []
        for identity in portion:
            expected.append(left[identity] <= 0)
            left[identity] -= 1
        assert sieve.unseen(np.array(portion, dtype=np.int64)).tolist() == expected


@given(st.lists(st.integers(0, 2**48 - 1), max_size=30))
def test_hashes_come_back_from_a_text_of_eight_characters_each(values):
    text = as_text(np.array(values, dtype=np.int64))
    assert of_text(text).tolist() == values
    assert len(text) == 8 * len(values)


@pytest.mark.parametrize("text", ["?", "AAAA", 5])
def test_hashes_of_another_form_are_refused(text):
    with pytest.raises((ValueError, TypeError)):
        of_text(text)
