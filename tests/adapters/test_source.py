"""Which source a configuration names."""

from pathlib import Path

import pytest

from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.servers import Prometheus
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.files import FilesSource
from forewarn_adapters.prometheus import PrometheusSource
from forewarn_adapters.source import open_source
from forewarn_models.errors import ConfigError

SIGNALS = (Signal(name="up", query="up"),)
PROMETHEUS = Prometheus(url="http://127.0.0.1:9")


def test_a_prometheus_is_read_over_http():
    source = open_source(Config(prometheus=PROMETHEUS, signals=SIGNALS))
    assert isinstance(source, PrometheusSource)
    source.close()


def test_files_are_read_from_disk(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("timestamp,value\n2026-01-01T00:00:00Z,1\n")
    source = open_source(Config(files=(path,), signals=SIGNALS))
    assert isinstance(source, FilesSource)
    source.close()


@pytest.mark.parametrize("more", [{}, {"prometheus": PROMETHEUS, "files": (Path("a.csv"),)}])
def test_no_source_or_two_are_refused(more):
    config = Config.model_construct(**{"prometheus": None, "files": (), **more}, signals=SIGNALS)
    with pytest.raises(ConfigError, match="exactly one of `prometheus` and `files`"):
        open_source(config)
