import io
import json
import zipfile

import numpy as np
import pytest

from forewarn_models import artefact
from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.contract import State
from forewarn_models.errors import ModelError, UnknownFormat

STATE = State("thing", 1, {"a": [1, "x"]}, {"b/c": np.arange(6).reshape(2, 3), "d": np.zeros(0)})


def test_a_state_survives_the_way_through_bytes():
    again = from_bytes(to_bytes(STATE))
    assert (again.kind, again.format_version, again.manifest) == ("thing", 1, {"a": [1, "x"]})
    assert sorted(again.arrays) == ["b/c", "d"]
    np.testing.assert_array_equal(again.arrays["b/c"], STATE.arrays["b/c"])


def test_the_same_state_gives_the_same_bytes():
    assert to_bytes(STATE) == to_bytes(from_bytes(to_bytes(STATE)))


@pytest.mark.parametrize("data", [b"", b"no archive", to_bytes(STATE)[:100]])
def test_bytes_that_are_not_whole_are_refused(data):
    with pytest.raises(ModelError, match="must be a whole archive"):
        from_bytes(data)


def archive(**entries):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        for name, content in entries.items():
            made.writestr(name.replace("_json", ".json").replace("_npy", ".npy"), content)
    return target.getvalue()


def deflated_and_damaged():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("manifest.json", "x" * 1000)
    data = bytearray(target.getvalue())
    data[len("manifest.json") + 30] ^= 0xFF  # the first byte of the stream
    return bytes(data)


def announcing(shape):
    entry = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(entry, header)
    return archive(manifest_json="{}", a_npy=entry.getvalue())


@pytest.mark.parametrize("data", [deflated_and_damaged(), announcing((2**50,))])
def test_damaged_streams_and_absurd_sizes_are_refused(data):
    with pytest.raises(ModelError, match="must be a whole archive"):
        from_bytes(data)


def test_code_in_an_archive_is_never_run():
    entry = io.BytesIO()
    np.lib.format.write_array(entry, np.array([object()]), allow_pickle=True)
    with pytest.raises(ModelError, match="allow_pickle=False"):
        from_bytes(archive(manifest_json="{}", a_npy=entry.getvalue()))


def test_a_manifest_must_be_a_whole_mapping():
    with pytest.raises(UnknownFormat, match="must be a mapping, got list"):
        from_bytes(archive(manifest_json="[]"))
    with pytest.raises(UnknownFormat, match="must have 'kind'"):
        from_bytes(archive(manifest_json=json.dumps({"format_version": 1})))
    with pytest.raises(ModelError, match=r"manifest\.json"):
        from_bytes(archive(other_json="{}"))


def test_an_archive_that_unpacks_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(artefact, "MAX_BYTES", 10)
    with pytest.raises(ModelError, match="at most 10 bytes when unpacked"):
        from_bytes(to_bytes(STATE))
