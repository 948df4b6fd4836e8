"""Lines as batches, rules written in tests, and what a watch says of lines."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import LogBatch, LogStream
from forewarn_adapters.security.events import SecurityEvent
from forewarn_adapters.security.rules import SecurityRules
from forewarn_adapters.security.watch import SecurityWatch

SECOND = 10**9
START = 1_764_237_600 * SECOND
SETTINGS = LogSourceConfig(name="hosts", files=(Path("/var/log/auth.log"),))


def batch_of(
    lines: Sequence[str | bytes],
    *,
    seconds: Sequence[float] | None = None,
    stream: LogStream | None = None,
) -> LogBatch:
    """Lines of one stream; a second apart where nothing is said."""
    encoded = [line if isinstance(line, bytes) else line.encode() for line in lines]
    ends = np.cumsum([len(line) + 1 for line in encoded], dtype=np.int64) - 1
    begins = np.concatenate([[0], ends[:-1] + 1])[: len(encoded)]
    places = np.stack([begins, ends], axis=1).astype(np.int64).reshape(-1, 2)
    at = range(len(encoded)) if seconds is None else seconds
    times = np.array([START + int(second * SECOND) for second in at], dtype=np.int64)
    data = (b"\n".join(encoded), places)
    n = len(encoded)
    level, streams = np.zeros(n, dtype=np.int8), np.zeros(n, dtype=np.int64)
    return LogBatch(data, data, times, level, streams, (stream or LogStream(),), {})


def rules_in(folder: Path, *texts: str) -> SecurityRules:
    """Rules that a test writes."""
    for number, text in enumerate(texts):
        (folder / f"rule{number}.yml").write_text(text)
    return SecurityRules.load(shipped=False, paths=[folder])


def rule(
    detection: str,
    *,
    logsource: str = "{product: linux}",
    name: str = "under_test",
    more: str = "",
) -> str:
    """The text of a rule: `detection` is YAML in one line or indented by two."""
    return (
        f"title: Rule {name}\nname: {name}\nlogsource: {logsource}\nlevel: high\n{more}"
        f"detection:\n{detection}\n"
    )


def newest(events: Sequence[SecurityEvent]) -> dict[str, SecurityEvent]:
    """The last word on each event, by its id."""
    return {event.event_id: event for event in events}


def found(
    rules: SecurityRules, lines: Sequence[str | bytes], *, stream: LogStream | None = None
) -> set[str]:
    """The names of the rules that find something."""
    watch = SecurityWatch(rules)
    return {each.rule_name for each in watch.take(batch_of(lines, stream=stream), SETTINGS)}
