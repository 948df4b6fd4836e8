import pytest

from forewarn_models.gaps import stale_after_milliseconds


@pytest.mark.parametrize(
    ("step", "age"), [(100, 6_000), (1_000, 60_000), (30_000, 300_000), (300_000, 900_000)]
)
def test_a_row_is_stale_after_some_steps(step, age):
    assert stale_after_milliseconds(step) == age
