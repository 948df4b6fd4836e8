import pytest

from forewarn_models import detector
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
    ("read", "kind", "version"),
    [
        (detector_from_state, detector.KIND, detector.FORMAT_VERSION),
        *((forecaster_from_state, name, 1) for name in FORECASTERS),
    ],
)
def test_a_state_without_its_parts_is_refused(read, kind, version):
    with pytest.raises(ModelError, match=f"a stored {kind} must hold"):
        read(State(kind, version))


def test_a_format_that_this_version_cannot_read_says_what_to_do():
    with pytest.raises(UnknownFormat, match="of format 1: train it again"):
        detector_from_state(State(detector.KIND, 1))
