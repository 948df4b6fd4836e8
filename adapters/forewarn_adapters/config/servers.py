"""The servers of series in `forewarn.yaml`: where they are read, and where scores are written."""

from typing import Annotated

from pydantic import Field

from forewarn_adapters.config.endpoints import Endpoint
from forewarn_adapters.config.values import (
    HttpUrl,
    WholeNumber,
)


class Prometheus(Endpoint):
    """The Prometheus, or a server with its API, that holds the series."""

    concurrency: Annotated[
        WholeNumber,
        Field(
            ge=1,
            le=64,
            description="How many queries may run on the server at one time; queries of the API "
            "add two at most.",
            examples=[8],
        ),
    ] = 4
    retries: Annotated[
        WholeNumber,
        Field(
            ge=0,
            le=10,
            description="How often a query is tried again when the server fails, with growing "
            "pauses. A query that the server refuses is not tried again.",
            examples=[5],
        ),
    ] = 3


class RemoteWrite(Endpoint):
    """Where scores are written to, in place of waiting for a scrape of `/metrics`."""

    url: Annotated[
        HttpUrl,
        Field(
            description="The whole url of the receiver, its path included.",
            examples=["http://prometheus:9090/api/v1/write"],
        ),
    ]
    queue_samples: Annotated[
        WholeNumber,
        Field(
            ge=1_000,
            le=50_000_000,
            description="How many samples wait in memory while the server is down; when it is "
            "full, the oldest are dropped and counted.",
            examples=[500_000],
        ),
    ] = 2_000_000
    batch_samples: Annotated[
        WholeNumber,
        Field(
            ge=1,
            le=100_000,
            description="How many samples one request carries at most.",
            examples=[2_000],
        ),
    ] = 5_000
