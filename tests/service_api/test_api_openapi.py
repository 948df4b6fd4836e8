from pathlib import Path
from typing import get_args

import orjson
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from forewarn_models import errors
from forewarn_models.views import VIEWS
from forewarn_service.api.app import create_app
from forewarn_service.api.faults import STATUS_OF, Refusal, problem_of_error
from forewarn_service.api.wire import ViewName

GOLDEN = Path(__file__).parents[1] / "golden" / "openapi.json"
RENEW = "python tests/service_api/renew_openapi.py"
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def without_tokens(document):
    """Return the document as it is true of an API that has no tokens: nothing is demanded."""
    for methods in document["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)
    return document


SCHEMA = schemathesis.openapi.from_dict(without_tokens(orjson.loads(GOLDEN.read_bytes())))


@SCHEMA.parametrize()
@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_sent_the_answer_is_as_the_document_says(case, shared_api):
    case.call_and_validate(base_url=f"http://{shared_api.host}:{shared_api.port}", checks=CHECKS)


def test_the_document_is_the_golden_one(make_parts):
    app = create_app(make_parts())
    assert app.openapi() is app.openapi()
    document = orjson.dumps(app.openapi(), option=orjson.OPT_INDENT_2)
    assert GOLDEN.read_bytes() == document + b"\n", f"stale: run `{RENEW}` and read the difference"


def test_every_route_says_how_it_may_refuse_and_has_a_summary(make_parts):
    for path, methods in create_app(make_parts()).openapi()["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            assert "500" in operation["responses"], path


def test_every_reference_of_the_document_is_there(make_parts):
    document = create_app(make_parts()).openapi()
    text = orjson.dumps(document).decode()
    named = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named <= set(document["components"]["schemas"])


def test_every_error_of_ours_has_a_status():
    ours = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    ours = [kind for kind in ours if issubclass(kind, errors.ForewarnError)]
    assert len(ours) > 12
    for kind in ours:
        error = kind("x", needed=1, got=0) if kind is errors.NotEnoughHistory else kind("x")
        answer = problem_of_error(error, request_id="1")
        assert orjson.loads(answer.body)["reason"] == kind.reason
        assert answer.status_code == next(
            STATUS_OF[base] for base in kind.__mro__ if base in STATUS_OF
        )


def test_a_refusal_carries_its_own_status():
    answer = problem_of_error(Refusal(418, "teapot", "short"), request_id="1")
    assert answer.status_code == 418


def test_the_views_that_the_document_names_are_those_of_the_models():
    assert get_args(ViewName) == VIEWS
