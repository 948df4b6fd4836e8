"""Times as servers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_adapters.logs.rfc3339 import nanoseconds_of, rfc3339
from forewarn_models.errors import SourceUnavailable

instants = st.integers(0, 4_000_000_000_000_000_000)


@given(instants=st.lists(instants, max_size=20))
def test_a_time_comes_back_as_it_was_written(instants):
    assert nanoseconds_of([rfc3339(instant) for instant in instants]).tolist() == instants


@given(instants=st.lists(instants, min_size=1, max_size=20), digits=st.integers(0, 9))
def test_digits_that_are_left_out_are_zeros(instants, digits):
    texts = [f"{rfc3339(instant)[: 20 + digits if digits else 19]}Z" for instant in instants]
    cut = [instant - instant % 10 ** (9 - digits) for instant in instants]
    assert nanoseconds_of(texts).tolist() == cut


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "yesterday, at noon Z",
        "2026-11-23T06:40:53",
        "2026-11-23T06:40:53+01:00",
        "2026-13-23T06:40:53Z",
        "2026-11-23T06:40:53.1234567890Z",
        "2026-11-23T06:40:53.é12Z",
        17,
    ],
)
def test_what_is_no_time_in_utc_is_an_error(text):
    with pytest.raises(SourceUnavailable, match="times must be in UTC"):
        nanoseconds_of(["2026-11-23T06:40:53Z", text])
