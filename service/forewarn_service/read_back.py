"""What is stored of our own scores: where a replica without a checkpoint goes on."""

from forewarn_adapters.source import Source
from forewarn_models.errors import SourceError
from forewarn_models.labels import label_text
from forewarn_service.families import SCORE

# Prometheus takes samples that are at most this old; what is older cannot be caught up.
_LOOK_BACK_MILLISECONDS = 3_600_000
_STEP_MILLISECONDS = 10_000


def newest_written(source: Source, signal: str, *, now_milliseconds: int) -> int | None:
    """Return a time up to which a signal's scores are stored, within 10 s; None = none known."""
    query = f"max(timestamp({SCORE.name}{label_text((('signal', signal),))}))"
    now = now_milliseconds - now_milliseconds % _STEP_MILLISECONDS
    try:
        found = source.read_range(
            query,
            start_milliseconds=now - _LOOK_BACK_MILLISECONDS,
            end_milliseconds=now,
            step_milliseconds=_STEP_MILLISECONDS,
        )
    except SourceError:
        return None
    return int(found.value.max() * 1000) if len(found) else None
