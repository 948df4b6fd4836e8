"""Logs held against security rules as files: what a live watch of them would have said."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from forewarn_adapters.config.log_sources import LogFormat, LogSourceConfig
from forewarn_adapters.logs.batch import Lines, LogBatch, LogStream
from forewarn_adapters.logs.enrichment import enrich
from forewarn_adapters.logs.fields import fields_of
from forewarn_adapters.logs.files.cutting import LineCutter, LogFile
from forewarn_adapters.security.events import SecurityEvent
from forewarn_adapters.security.rules import SecurityRules
from forewarn_adapters.security.watch import SecurityWatch
from forewarn_reports.wording import time_text

LEVELS = ("informational", "low", "medium", "high", "critical")
_MOST_EVENTS = 100_000


def scan_files(
    paths: Sequence[Path], rules: SecurityRules, log_format: LogFormat
) -> tuple[list[SecurityEvent], int]:
    """Return the events of logs, each as it was at its end, the worst first, and how many lines.

    The files are read one after another, and counted by the times in their lines. Of more than
    100,000 events the first ones are returned.
    """
    watch = SecurityWatch(rules)
    settings = LogSourceConfig(name="files", files=tuple(paths), format=log_format)
    fields = partial(fields_of, format=log_format)
    events: dict[str, SecurityEvent] = {}
    n_lines = 0
    for path in paths:
        for lines in _blocks(path):
            n_lines += len(lines[1])
            batch = enrich(_batch(lines), settings)
            for event in watch.take(batch, settings, fields_of=fields):
                if event.event_id in events or len(events) < _MOST_EVENTS:
                    events[event.event_id] = event
    return sorted(events.values(), key=_how_bad), n_lines


def event_facts(event: SecurityEvent) -> Mapping[str, Any]:
    """Return an event as JSON has it, its times as people write them."""
    facts = asdict(event)
    for name, place in (("began", "began_nanoseconds"), ("newest", "timestamp_nanoseconds")):
        nanoseconds = facts.pop(place)
        facts[name] = instant_text(nanoseconds)
    return facts


def instant_text(nanoseconds: int) -> str:
    """Return a time as people write it; empty where it is not known."""
    return time_text(nanoseconds // 10**6) if nanoseconds else ""


def _how_bad(event: SecurityEvent) -> tuple[int, int]:
    return -LEVELS.index(event.rule_level), event.began_nanoseconds


def _blocks(path: Path) -> Iterator[Lines]:
    with closing(LogFile(path)) as log:
        cutter = LineCutter()
        while block := log.read():
            yield cutter.cut(block)
        yield cutter.end()


def _batch(lines: Lines) -> LogBatch:
    n_lines = len(lines[1])
    zeros = np.zeros(n_lines, dtype=np.int64)
    level = np.zeros(n_lines, dtype=np.int8)
    return LogBatch(lines, lines, zeros, level, zeros.copy(), (LogStream(),), {})
