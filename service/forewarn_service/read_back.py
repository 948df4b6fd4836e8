"""What is stored of our own scores: where a replica without a checkpoint goes on."""

from forewarn_adapters.source import Source
from forewarn_models.errors import SourceError
from forewarn_models.labels import label_text
from forewarn_models.samples import floor_to_step
from forewarn_service.families import SCORE

# Prometheus takes samples that are at most this old; what is older cannot be caught up.
_LOOK_BACK_MILLISECONDS = 3_600_000
_SHORT, _LONG = 1_000, 240_000
# A write may have landed in part: what is this much older than the newest is looked at again.
_MARGIN_MILLISECONDS = 10_000


def written_until(source: Source, signal: str, *, now_milliseconds: int) -> int | None:
    """Return a time up to which all of a signal's scores are stored; None = none is known."""
    query = f"max(timestamp({SCORE.name}{label_text((('signal', signal),))}))"
    try:
        # Prometheus looks five minutes back from each instant, so that the two leave nothing out.
        found = [
            source.read_range(
                query,
                start_milliseconds=floor_to_step(now_milliseconds - ago, step),
                end_milliseconds=now_milliseconds,
                step_milliseconds=step,
            )
            for step, ago in ((_SHORT, 0), (_LONG, _LOOK_BACK_MILLISECONDS))
        ]
    except SourceError:
        return None
    newest = [float(each.value.max()) for each in found if len(each)]
    return round(max(newest) * 1000) - _MARGIN_MILLISECONDS if newest else None
