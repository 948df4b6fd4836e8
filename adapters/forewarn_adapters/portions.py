"""Reading a long span of the newest samples in portions, so that memory stays bounded."""

from collections.abc import Iterator

from forewarn_adapters.source import Source
from forewarn_models.contract import FittedDetector
from forewarn_models.samples import Samples

# One portion is at most this many slots times rows: while it is read and scored, each takes some
# hundred bytes.
MOST_CELLS = 250_000
_MOST_SLOTS = 10_000


def read_in_portions(
    source: Source,
    query: str,
    *,
    model: FittedDetector,
    after_milliseconds: int,
    until_milliseconds: int,
) -> Iterator[tuple[Samples, int]]:
    """Yield the samples with after < timestamp <= until for `model`, and how far each part goes.

    The service and `forewarn explain` read by this. A part ends a whole number of steps after the
    beginning, but for the last.
    """
    slots = max(1, min(_MOST_SLOTS, MOST_CELLS // max(1, len(model.series))))
    after = after_milliseconds
    while after < until_milliseconds:
        until = min(until_milliseconds, after + slots * model.step_milliseconds)
        samples = source.read_newest(
            query,
            after_milliseconds=after,
            until_milliseconds=until,
            step_milliseconds=model.step_milliseconds,
        )
        yield samples, until
        after = until
