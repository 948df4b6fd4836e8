"""A reader of a Loki with a clock that stands still, for tests."""

from datetime import timedelta
from typing import Any

from source_replay import Reader

from forewarn_adapters.config.log_sources import Loki
from forewarn_adapters.logs.loki.source import LokiSource

SELECTOR = '{app=~".+"}'


def reader_of(url: str, **changed: Any) -> Reader:
    given = {"query": SELECTOR, "delay": timedelta(seconds=2), "timeout": timedelta(seconds=5)}
    return Reader(LokiSource, Loki(url=url, **(given | changed)))
