"""docs/api.md: each example runs, and nothing that can be met is missing."""

import ast
import re
import shlex
from pathlib import Path

import pytest

import forewarn_service.api
from api_parts import CONFIG, TOKENS, with_tokens
from api_server import served
from forewarn_models import errors
from forewarn_service.api import limits
from forewarn_service.api.app import create_app

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(curl .*?)```", PAGE, re.DOTALL)


def parsed(command):
    """Return method, path, headers and body of a curl command with the options of the page."""
    words = iter(
        shlex.split(command.replace("$FOREWARN_TOKEN", TOKENS["admin"]).replace("\\\n", ""))
    )
    assert next(words) == "curl"
    method, path, headers, body = "GET", "", {}, None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-X":
            method = next(words)
        elif word == "-d":
            method, body = "POST", next(words).encode()
        elif word == "--compressed":
            headers["Accept-Encoding"] = "gzip"
        elif word != "-s":
            path = word.removeprefix("http://127.0.0.1:9464")
    return method, path, headers, body


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_example_works(make_parts, command):
    method, path, headers, body = parsed(command)
    with served(make_parts(config=with_tokens(CONFIG))) as api:
        answer = api.call(method, path, body=body, headers=headers)
        assert answer.status in {200, 202}, answer.body


def test_every_route_has_an_example(make_parts):
    shown = {re.sub(r"/cpu(?=/|$)", "/{name}", parsed(one)[1].split("?")[0]) for one in EXAMPLES}
    assert set(create_app(make_parts()).openapi()["paths"]) <= shown


def test_every_reason_is_explained():
    explained = set(re.findall(r"`([a-z_]+)`", PAGE))
    ours = {kind.reason for kind in vars(errors).values() if isinstance(kind, type)}
    assert ours - {"access_denied"} <= explained
    assert refusals_in_code() <= explained


def refusals_in_code():
    """Return the codes that `Refusal(status, code, ...)` is called with."""
    files = Path(forewarn_service.api.__file__).parent.glob("*.py")
    calls = [
        node
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal"
    ]
    assert len(calls) > 12
    return {ast.literal_eval(call.args[1]) for call in calls}


@pytest.mark.parametrize(
    "number",
    [
        limits.MAX_SERIES,
        limits.MAX_SAMPLES,
        limits.MAX_CELLS,
        limits.MAX_REPEATS,
        limits.MAX_LEVELS,
        limits.MAX_HORIZON_STEPS,
        limits.MAX_FORECAST_VALUES,
        limits.MAX_SLOW_SERIES,
        limits.MAX_PAGE,
        limits.DEFAULT_LIMITS.body_bytes // 2**20,
        limits.DEFAULT_LIMITS.workers,
        limits.DEFAULT_LIMITS.waiting,
    ],
)
def test_every_limit_is_named(number):
    table = PAGE.split("## Limits")[1]
    assert re.search(rf"(?<![\d,]){number:,}(?![\d,]*\d)", table)
