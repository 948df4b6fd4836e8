"""docs/api.md: each example runs, and nothing that can be met is missing."""

import argparse
import ast
import re
import shlex
from pathlib import Path
from urllib.parse import urlencode

import pytest

import forewarn_service.api
from api_parts import CONFIG, TOKENS, with_tokens
from api_server import served
from forewarn_models import errors
from forewarn_service.api import limits
from forewarn_service.api.app import create_app

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(curl .*?)```", PAGE, re.DOTALL)


CURL = argparse.ArgumentParser()
CURL.add_argument("-s", action="store_true")
CURL.add_argument("-G", action="store_true")
CURL.add_argument("--compressed", action="store_true")
CURL.add_argument("-X")
CURL.add_argument("-H", action="append", default=[])
CURL.add_argument("-d", "--data-urlencode", action="append", dest="data", default=[])
CURL.add_argument("url")


def parsed(command):
    """Return method, path, headers and body of a curl command with the options of the page."""
    text = command.replace("$FOREWARN_TOKEN", TOKENS["admin"]).replace("\\\n", "")
    given = CURL.parse_args(shlex.split(text)[1:])
    path = given.url.removeprefix("http://127.0.0.1:9464")
    headers = dict(each.split(": ", 1) for each in given.H)
    if given.compressed:
        headers["Accept-Encoding"] = "gzip"
    if given.G:
        query = urlencode([tuple(each.split("=", 1)) for each in given.data])
        return "GET", f"{path}?{query}", headers, None
    body = given.data[0].encode() if given.data else None
    return given.X or ("POST" if body else "GET"), path, headers, body


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_example_works(make_parts, command):
    method, path, headers, body = parsed(command)
    with served(make_parts(config=with_tokens(CONFIG), security_events=tuple)) as api:
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
        limits.MAX_PAGE_VALUES,
        limits.MAX_HORIZONS,
        limits.MAX_SELECTOR,
        limits.MAX_MATCHERS,
        limits.MAX_CHANGES,
        limits.MAX_CHANGED_SERVICES,
        limits.MAX_WINDOWS,
        limits.MAX_WINDOW_SECONDS,
        limits.DEFAULT_LIMITS.body_bytes // 2**20,
        limits.DEFAULT_LIMITS.workers,
        limits.DEFAULT_LIMITS.waiting,
    ],
)
def test_every_limit_is_named(number):
    table = PAGE.split("## Limits")[1]
    assert re.search(rf"(?<![\d,]){number:,}(?![\d,]*\d)", table)
