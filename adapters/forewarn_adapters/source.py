"""Where samples come from: one contract for Prometheus and for files."""

from collections.abc import Mapping
from typing import Protocol

from forewarn_adapters.config.schema import Config
from forewarn_models.errors import ConfigError
from forewarn_models.samples import Samples


class Source(Protocol):
    """Answers queries with samples; safe to share between threads.

    The labels of the answer are without the metric's name, and no two series have the same. The
    samples of a series stand together and in order of time. All that read raise SourceError.
    """

    def read_range(
        self, query: str, *, start_milliseconds: int, end_milliseconds: int, step_milliseconds: int
    ) -> Samples:
        """Return the query's values at start, start + step, ... up to and with the end.

        The start is a multiple of the step; instants without a value are left out.
        """
        ...

    def read_newest(
        self,
        query: str,
        *,
        after_milliseconds: int,
        until_milliseconds: int,
        step_milliseconds: int,
    ) -> Samples:
        """Return the samples with after < timestamp <= until.

        For a plain selector these are the samples as they were taken, at their own timestamps;
        for any other query its values at the multiples of the step.
        """
        ...

    def metric_types(self, query: str) -> Mapping[str, str]:
        """Return the types of a query's metrics that are known, by the metrics' names.

        It raises nothing: types that cannot be had are left out.
        """
        ...

    def limited(self, most_samples: int) -> "Source":
        """Return a source of the same samples for queries of strangers; it is closed on its own.

        One read of it gives `most_samples` at most, and whatever those queries do to the server
        does not close this source to the scoring loop.
        """
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


def open_source(config: Config) -> Source:
    """Return the source that the configuration names.

    Raises ConfigError when it names none or two.
    """
    if bool(config.prometheus) == bool(config.files):
        raise ConfigError("exactly one of `prometheus` and `files` must name the source of series")
    if config.prometheus:
        from forewarn_adapters.prometheus import PrometheusSource

        return PrometheusSource(config.prometheus)
    from forewarn_adapters.files import FilesSource

    return FilesSource(config.files)
