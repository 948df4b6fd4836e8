"""The source of lines that a configuration names."""

from pathlib import Path

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import LogSource


def open_log_source(settings: LogSourceConfig, *, directory: Path) -> LogSource:
    """Return the source; what it receives waits in a folder of its own under `directory`.

    Raises what making it raises: ConfigError where an address cannot be listened on, DataError or
    SourceError where it cannot be read.
    """
    name = settings.name
    if settings.loki is not None:
        from forewarn_adapters.logs.loki.source import LokiSource

        return LokiSource(name, settings.loki)
    if settings.victorialogs is not None:
        from forewarn_adapters.logs.windowed.victorialogs import VictoriaLogsSource

        return VictoriaLogsSource(name, settings.victorialogs)
    if settings.elasticsearch is not None:
        from forewarn_adapters.logs.windowed.elasticsearch import ElasticsearchSource

        return ElasticsearchSource(name, settings.elasticsearch)
    return _received(settings, directory / name)


def _received(settings: LogSourceConfig, directory: Path) -> LogSource:
    buffer_bytes = settings.buffer_bytes
    if settings.otlp is not None:
        from forewarn_adapters.logs.receiving.otlp import OtlpSource

        return OtlpSource(
            settings.name, settings.otlp, directory=directory, buffer_bytes=buffer_bytes
        )
    if settings.syslog is not None:
        from forewarn_adapters.logs.receiving.syslog import SyslogSource

        return SyslogSource(
            settings.name, settings.syslog, directory=directory, buffer_bytes=buffer_bytes
        )
    from forewarn_adapters.logs.files.followed import FollowedFiles

    return FollowedFiles(settings.name, settings.files)
