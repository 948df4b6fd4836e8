import pytest

from forewarn_models.catalogue import (
    DETECTORS,
    FORECASTERS,
    detector_from_state,
    forecaster_from_state,
)
from forewarn_models.contract import State
from forewarn_models.errors import ModelError, UnknownFormat


def test_each_name_stands_for_a_model_with_defaults():
    assert all(hasattr(model, "fit") for model in (*DETECTORS.values(), *FORECASTERS.values()))


@pytest.mark.parametrize("read", [detector_from_state, forecaster_from_state])
def test_a_kind_that_is_not_listed_is_refused(read):
    with pytest.raises(UnknownFormat, match="got 'pickle'"):
        read(State("pickle", 1))


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (detector_from_state, "rarity_detector"),
        *((forecaster_from_state, name) for name in FORECASTERS),
    ],
)
def test_a_state_without_its_parts_is_refused(read, kind):
    with pytest.raises(ModelError, match=f"a stored {kind} must hold"):
        read(State(kind, 1))
