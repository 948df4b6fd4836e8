"""What a receiver of lines counts of itself, for who runs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class ReceiverFigures:
    """Since the receiver was made.

    Args:
        lines: lines, or records, that were kept.
        requests: requests that were answered with success, repeats included; 0 where the protocol
            has none.
        repeated_requests: those of them that had been kept before.
        refused: how often something was refused, cut or not kept, by reason.
        damaged_records: places in the journal where the rest of a segment was passed over.
        journal_bytes: what waits in the journal, with what was read and not yet deleted.
        journal_limit_bytes: how much may.
    """

    lines: int
    requests: int
    repeated_requests: int
    refused: Mapping[str, int]
    damaged_records: int
    journal_bytes: int
    journal_limit_bytes: int


@runtime_checkable
class Receiving(Protocol):
    """A source that others send to."""

    def figures(self) -> ReceiverFigures:
        """Return what was counted so far; called from any thread, also after `close`."""
        ...
