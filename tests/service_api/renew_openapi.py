"""Write the OpenAPI document that the API has now over the golden one: python FILE."""

from pathlib import Path
from types import SimpleNamespace

import orjson

from forewarn_adapters.config.schema import Config
from forewarn_service.api.app import create_app
from forewarn_service.api.limits import DEFAULT_LIMITS


def renew() -> None:
    parts = SimpleNamespace(
        config=Config.model_validate(
            {"files": ["x.csv"], "signals": [{"name": "x", "query": "x"}]}
        ),
        limits=DEFAULT_LIMITS,
        store=None,
        champions=None,
        now_milliseconds=lambda: 0,
        count_error=None,
    )
    document = orjson.dumps(create_app(parts).openapi(), option=orjson.OPT_INDENT_2)
    golden = Path(__file__).parents[1] / "golden" / "openapi.json"
    golden.write_bytes(document + b"\n")


if __name__ == "__main__":  # pytest imports every file when it looks for doctests
    renew()
