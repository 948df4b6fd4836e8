"""A detector read back from what was stored of it."""

from collections.abc import Mapping

from forewarn_models.arrays import AnyArray
from forewarn_models.bounds import UNKNOWN, bounds_of_plain
from forewarn_models.calendar import Calendar
from forewarn_models.contract import State
from forewarn_models.detector import FORMAT_VERSION, KIND, FittedRarityDetector
from forewarn_models.errors import ModelError, UnknownFormat
from forewarn_models.groups import Groups
from forewarn_models.joint import joint_of
from forewarn_models.labels import Labels
from forewarn_models.layout import N_EXACT, N_ROUGH
from forewarn_models.peers import peers_in
from forewarn_models.seasons import Season
from forewarn_models.walk import Known, Memory


def fitted_from_state(state: State) -> FittedRarityDetector:
    """Return the detector whose `state` this is; UnknownFormat when this version cannot read it."""
    if state.kind != KIND or state.format_version != FORMAT_VERSION:
        raise UnknownFormat(
            f"a {KIND} of format {FORMAT_VERSION} is needed, "
            f"got {state.kind!r} of format {state.format_version}: train it again"
        )
    manifest, arrays = state.manifest, state.arrays
    series = _labels(manifest["series"])
    _check_shapes(arrays, len(series))
    calendar = manifest["calendar"]
    offsets = tuple((int(start), int(ahead)) for start, ahead in calendar["offsets"])
    return FittedRarityDetector(
        series=series,
        groups=Groups(_labels(manifest["groups"]), arrays["members"]),
        joint=joint_of(arrays),
        peers=peers_in(arrays),
        step_milliseconds=int(manifest["step_milliseconds"]),
        end_milliseconds=int(manifest["end_milliseconds"]),
        direction=manifest["direction"],
        seasons=tuple(Season(*season) for season in manifest["seasons"]),
        calendar=Calendar(offsets, tuple(map(int, calendar["days_off"]))),
        group_by=tuple(manifest["group_by"]),
        siblings=tuple(manifest["siblings"]),
        min_history=int(manifest["min_history"]),
        bounds=bounds_of_plain(manifest.get("bounds", UNKNOWN.plain())),
        known=Known(*(arrays[name] for name in Known._fields)),
        memory=Memory(*(arrays[name] for name in Memory._fields)),
    )


def _check_shapes(arrays: Mapping[str, AnyArray], n_series: int) -> None:
    """Raise UnknownFormat for another layout of rows: compiled code reads them unchecked."""
    n_peers = int((arrays["peer_members"] >= 0).sum())
    for prefix, n_rows in (("", n_series), ("peer_", n_peers)):
        for name, width in (("exact", N_EXACT), ("rough", N_ROUGH)):
            if arrays[prefix + name].shape != (n_rows, width):
                raise UnknownFormat(
                    f"{prefix + name!r} of a stored {KIND} must be {n_rows} rows of {width}, "
                    f"got {arrays[prefix + name].shape}: train it again"
                )


def _labels(stored: object) -> tuple[Labels, ...]:
    if not isinstance(stored, list | tuple):
        raise ModelError(f"stored labels must be a list, got {type(stored).__name__}")
    return tuple(tuple((str(name), str(value)) for name, value in labels) for labels in stored)
