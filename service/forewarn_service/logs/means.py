"""What the role that reads logs is made of: every part is given to it, none is looked up."""

from dataclasses import dataclass
from pathlib import Path

from forewarn_adapters.clock import Clock
from forewarn_adapters.config.logs import Logs
from forewarn_adapters.security.rules import SecurityRules
from forewarn_service.lease import Lease
from forewarn_service.logs.reading import Enrich, OpenSource
from forewarn_service.remote_queue import RemoteQueue
from forewarn_service.telemetry import Telemetry


@dataclass(frozen=True)
class LogMeans:
    """What the role needs.

    Args:
        settings: sources and bounds.
        rules: of security.
        directory: where its checkpoint lies.
        lease: of reading.
        queue: of remote write; None = what it counts is scraped.
        open_source: opens a source.
        enrich: finds message, level, service and time of the lines of a batch.
        clock: tells the time.
        telemetry: where failures are counted.
    """

    settings: Logs
    rules: SecurityRules
    directory: Path
    lease: Lease
    queue: RemoteQueue | None
    open_source: OpenSource
    enrich: Enrich
    clock: Clock
    telemetry: Telemetry
