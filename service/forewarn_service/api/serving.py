"""How the API is served."""

from typing import Any

import uvicorn
from starlette.types import ASGIApp

from forewarn_adapters.config.api import Api
from forewarn_adapters.http_serving import serving_config


def uvicorn_config(app: ASGIApp, api: Api, **changes: Any) -> uvicorn.Config:
    """Return how uvicorn serves `app`; `changes` are options of uvicorn that come last.

    Raises ConfigError when the certificates cannot be used.
    """
    options = {"host": api.host, "port": api.port, "lifespan": "on", **changes}
    return serving_config(app, tls=api.tls, tls_key="api.tls", **options)
