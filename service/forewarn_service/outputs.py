"""The two paths out: ready text for a scrape, or batches for remote write. Never both."""

from dataclasses import dataclass, field

from forewarn_models.verdicts import Verdicts
from forewarn_service.exporter import Exposition
from forewarn_service.live import Live, SignalSnapshot
from forewarn_service.outgoing import Encoder
from forewarn_service.remote_queue import RemoteQueue


@dataclass(frozen=True, eq=False)
class ScrapeOutput:
    """Prepares the exposition that Prometheus scrapes."""

    live: Live
    exposition: Exposition

    def publish(self, snapshot: SignalSnapshot, emitted: Verdicts) -> None:  # noqa: ARG002  a scrape shows the newest only
        """Make the snapshot what the next scrape shows."""
        self.live.publish(snapshot)
        self.exposition.prepare(snapshot)

    def oldest_unsent_milliseconds(self, signal: str) -> int | None:  # noqa: ARG002  nothing waits here
        """Return None: a scrape takes what there is."""
        return None


@dataclass(frozen=True, eq=False)
class RemoteOutput:
    """Puts every verdict, at its sample's own timestamp, into the queue of remote write."""

    live: Live
    queue: RemoteQueue
    encoders: dict[str, Encoder] = field(default_factory=dict)

    def publish(self, snapshot: SignalSnapshot, emitted: Verdicts) -> None:
        """Queue what is new."""
        self.live.publish(snapshot)
        encoder = self.encoders.setdefault(snapshot.signal, Encoder(snapshot.signal))
        self.queue.put(encoder.encode(snapshot, emitted))

    def oldest_unsent_milliseconds(self, signal: str) -> int | None:
        """Return the time of the oldest sample that is not stored yet."""
        return self.queue.oldest_unsent_milliseconds(signal)
