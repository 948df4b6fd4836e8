"""forewarn_adapters.logs.opening: the source that a configuration names."""

from contextlib import closing
from pathlib import Path

import pytest

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.local_servers import free_port
from forewarn_adapters.logs.files.followed import FollowedFiles
from forewarn_adapters.logs.loki.source import LokiSource
from forewarn_adapters.logs.opening import open_log_source
from forewarn_adapters.logs.receiving.otlp import OtlpSource
from forewarn_adapters.logs.receiving.syslog import SyslogSource
from forewarn_adapters.logs.windowed.elasticsearch import ElasticsearchSource
from forewarn_adapters.logs.windowed.victorialogs import VictoriaLogsSource

URL = "http://127.0.0.1:9"
KINDS = [
    (FollowedFiles, "files", ["/nowhere/*.log"]),
    (LokiSource, "loki", {"url": URL, "query": '{a="b"}'}),
    (VictoriaLogsSource, "victorialogs", {"url": URL, "query": "*"}),
    (ElasticsearchSource, "elasticsearch", {"url": URL, "index": "logs-*"}),
    (OtlpSource, "otlp", {"listen": "127.0.0.1:0"}),
    (SyslogSource, "syslog", {"listen": "127.0.0.1:0"}),
]


@pytest.mark.parametrize(("kind", "key", "value"), KINDS)
def test_each_kind_of_source_is_opened(kind: type, key: str, value: object, tmp_path: Path) -> None:
    if isinstance(value, dict) and "listen" in value:
        value = {"listen": f"127.0.0.1:{free_port()}"}
    settings = LogSourceConfig.model_validate({"name": "app", key: value})
    with closing(open_log_source(settings, directory=tmp_path)) as source:
        assert isinstance(source, kind)
        assert source.name == "app"
