"""Sources that others send to: opened before anything is compiled, and what they count of that."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import LogSource
from forewarn_adapters.logs.receiving.figures import ReceiverFigures, Receiving
from forewarn_models.errors import ForewarnError
from forewarn_service.logs.reading import OpenSource

RECEIVING_KINDS = ("otlp", "syslog")  # the first opens at once, the other compiles a little
# Shown as 0 from the start, so that an alert sees the first of them.
_REASONS: Mapping[str, tuple[str, ...]] = {
    "otlp": ("token", "too_large", "full", "malformed"),
    "syslog": ("network", "too_large", "full"),
}


class Receivers:
    """What is sent waits in the journals of these until somebody reads.

    Args:
        open_source: opens a source.
    """

    def __init__(self, open_source: OpenSource) -> None:
        self._open_source = open_source
        self._lock = threading.Lock()
        self._waiting: dict[str, LogSource] = {}
        self._figures: dict[str, tuple[str, Receiving]] = {}

    def open(self, sources: Iterable[LogSourceConfig]) -> None:
        """Open those that can be; the others are opened, and told of, when they are read."""
        with self._lock:
            is_open = set(self._waiting)
        chosen = [
            source
            for source in sources
            if source.kind in RECEIVING_KINDS and source.name not in is_open
        ]
        for settings in sorted(chosen, key=lambda each: RECEIVING_KINDS.index(each.kind)):
            try:
                source = self._opened(settings)
            except ForewarnError:
                continue
            with self._lock:
                self._waiting[settings.name] = source

    def take(self, settings: LogSourceConfig) -> LogSource:
        """Return the source, which is the caller's to close. Raises what opening it raises."""
        with self._lock:
            source = self._waiting.pop(settings.name, None)
        return self._opened(settings) if source is None else source

    def close(self) -> None:
        """Close those that nobody took."""
        with self._lock:
            waiting, self._waiting = list(self._waiting.values()), {}
        for source in waiting:
            source.close()

    def figures(self) -> Mapping[str, tuple[str, ReceiverFigures]]:
        """Return the kind of each receiver by name, and what it counted since it was opened."""
        with self._lock:
            opened = dict(self._figures)
        return {name: (kind, source.figures()) for name, (kind, source) in opened.items()}

    def _opened(self, settings: LogSourceConfig) -> LogSource:
        source = self._open_source(settings)
        if isinstance(source, Receiving):
            with self._lock:
                self._figures[settings.name] = settings.kind, source
        return source


class ReceiverCollector(Collector):
    """What receivers count, for `/metrics`."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        figures = self._receivers.figures()
        for made, name, told, value in _FAMILIES:
            family = made(name, told, labels=["source"])
            for source, (_, counted) in figures.items():
                family.add_metric([source], value(counted))
            yield family
        refused = CounterMetricFamily(
            "forewarn_log_refused",
            "What senders sent that was refused, cut or not kept, by reason.",
            labels=["reason", "source"],
        )
        for source, (kind, counted) in figures.items():
            shown = {**dict.fromkeys(_REASONS[kind], 0), **counted.refused}
            for reason, times in shown.items():
                refused.add_metric([reason, source], times)
        yield refused


_Made = type[CounterMetricFamily] | type[GaugeMetricFamily]
_FAMILIES: tuple[tuple[_Made, str, str, Callable[[ReceiverFigures], int]], ...] = (
    (
        CounterMetricFamily,
        "forewarn_log_received_lines",
        "Lines that a receiver kept.",
        lambda each: each.lines,
    ),
    (
        CounterMetricFamily,
        "forewarn_log_received_requests",
        "Requests that a receiver answered with success.",
        lambda each: each.requests,
    ),
    (
        CounterMetricFamily,
        "forewarn_log_repeated_requests",
        "Requests that were kept before and dropped.",
        lambda each: each.repeated_requests,
    ),
    (
        CounterMetricFamily,
        "forewarn_log_damaged_records",
        "Places in the journal where the rest of a segment was passed over.",
        lambda each: each.damaged_records,
    ),
    (
        GaugeMetricFamily,
        "forewarn_log_journal_bytes",
        "What waits in the journal of a receiver, with what is not yet deleted.",
        lambda each: each.journal_bytes,
    ),
    (
        GaugeMetricFamily,
        "forewarn_log_journal_limit_bytes",
        "How large the journal may be.",
        lambda each: each.journal_limit_bytes,
    ),
)
