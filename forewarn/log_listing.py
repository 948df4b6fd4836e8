"""What `forewarn check` says of the sources of log lines."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forewarn_adapters.config.log_sources import LogSourceConfig
    from forewarn_adapters.config.logs import Logs

_HEAD_BYTES = 16

HEADING = ("LOG SOURCE", "KIND", "WHERE", "FORMAT", "SERVICE")


def log_rows(logs: "Logs | None") -> list[tuple[str, ...]]:
    """Return the cells of a table with a heading; nothing where no logs are read."""
    if logs is None:
        return []
    rows = [
        (source.name, *_place(source), source.format, source.service or "as they say")
        for source in logs.sources
    ]
    return [HEADING, *rows]


def log_bounds(logs: "Logs | None") -> Iterator[str]:
    """Yield how many series the lines may become, and how often something new may be told."""
    if logs is not None:
        yield (
            f"logs: at most {logs.patterns_per_service:,} patterns of a service have series, "
            f"{logs.most_patterns:,} are known of all; new patterns: {logs.new_patterns} a service"
        )


def log_warnings(logs: "Logs | None") -> Iterator[str]:
    """Yield what is unwise about files and security rules; ConfigError where rules are wrong."""
    if logs is not None:
        for source in logs.sources:
            yield from _file_warnings(source)
        yield from _rule_warnings(logs)


def _rule_warnings(logs: "Logs") -> Iterator[str]:
    from forewarn_adapters.security.rules import SecurityRules

    rules = SecurityRules.load(shipped=logs.security.shipped, paths=logs.security.rules)
    for rule in rules.slow:
        yield (
            f"security rule {rule.facts.name} is held against every line of its log source: "
            "give it a word that must be there, so that most lines are passed over"
        )


def _file_warnings(source: "LogSourceConfig") -> Iterator[str]:
    """Yield which files are not there at this moment, and which this user cannot read."""
    from forewarn_adapters.logs.files.chains import selected

    troubles: dict[str, list[Path]] = {}
    for path in source.files:
        files = [name for name in map(Path, selected([path])) if name.is_file()]
        if not files:
            yield f"log source {source.name}: {path} selects no file yet: one that comes is read"
        for name in files:
            if trouble := _trouble(name):
                troubles.setdefault(trouble, []).append(name)
    for trouble, names in troubles.items():
        others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        yield f"log source {source.name}: {names[0]}{others} {trouble}"


def _trouble(path: Path) -> str:
    """Return what keeps a file from being read, empty where nothing does."""
    from forewarn_adapters.logs.files.cutting import compressed_by

    try:
        with path.open("rb") as file:
            program = compressed_by(file.read(_HEAD_BYTES))
    except OSError as failed:
        return f"cannot be read: {failed.strerror}: let the user that runs Forewarn read it"
    return (
        f"is compressed: only text is followed; `{program}` shows what it holds" if program else ""
    )


def log_entries(logs: "Logs | None") -> list[dict[str, object]]:
    """Return the same of each source for a program."""
    if logs is None:
        return []
    return [
        {
            "name": source.name,
            **dict(zip(("kind", "where"), _place(source), strict=True)),
            "format": source.format,
            "service": source.service,
        }
        for source in logs.sources
    ]


def _place(source: "LogSourceConfig") -> tuple[str, str]:
    """Return the kind of a source and where its lines come from, without secrets."""
    from forewarn_adapters.config.values import redacted

    kind = source.kind
    if kind in ("loki", "victorialogs", "elasticsearch"):
        return kind, redacted(getattr(source, kind).url)
    if source.otlp is not None:
        return kind, source.otlp.listen
    if source.syslog is not None:
        return kind, f"{source.syslog.listen} ({source.syslog.transport})"
    return kind, ", ".join(str(path) for path in source.files)
