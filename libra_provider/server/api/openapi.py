"""The OpenAPI document: what the routes say of themselves, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from libra_provider.server.api.errors import MEDIA_TYPE
from libra_provider.server.api.schemas.server import Problem
from libra_provider.server.signed_urls import Purpose

_DESCRIPTION = """\
SQL on one shared Spark driver, with a ledger that forgets nothing it accepted.

`POST /api/v1/sessions/{session}/statements` takes a statement. A request without `Prefer`,
`Idempotency-Key` and any field that the old contract does not know is answered as that contract
has it: when the work is over, with 200 and the result as text. Everything else is answered with
the statement as it stands. Errors are `application/problem+json` with a sentence in `detail`.
"""
_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "Libra's token (LIBRA_TOKEN); a Libra on loopback may have none.",
    }
}
# The path of the last ones is the permission.
_OPEN_TO_ALL = ("/livez", "/readyz", *(f"/{purpose}/" for purpose in Purpose))


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """What *app* answers at ``/openapi.json``, made when it is first asked for."""

    def make() -> dict[str, Any]:
        if not app.openapi_schema:
            made = get_openapi(
                title=app.title,
                version=app.version,
                description=_DESCRIPTION,
                routes=app.routes,
            )
            app.openapi_schema = _completed(made)
        return app.openapi_schema

    return make


def _completed(made: dict[str, Any]) -> dict[str, Any]:
    components = made["components"]
    components["securitySchemes"] = _SECURITY
    schemas = components["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    # FastAPI's own words for invalid requests; Libra answers 400 with a problem.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in made["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["security"] = [] if path.startswith(_OPEN_TO_ALL) else [{"token": []}]
    return made


_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
_WHEN: Mapping[int, str] = {
    400: "A value cannot work; the sentence names it.",
    401: "The token is missing or wrong.",
    403: "The signature in the path is wrong, or has expired.",
    404: "There is nothing with this id or name.",
    405: "The path does not know this method.",
    406: "The result does not come in a form that `Accept` names.",
    408: "The body did not arrive in time.",
    409: "What is asked for is in a state that does not allow it.",
    410: "The job is over; nothing is taken from its driver any more.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "As many are waiting, or open, as Libra allows.",
    500: "Libra met an error of its own.",
    503: "The driver, the ledger or Libra itself is not ready.",
    507: "What is kept may not grow; the sentence says what to do.",
}
_ALWAYS = (401, 500, 503)
_WITH_BODY = (400, 408, 413, 415)

Answers = dict[int | str, dict[str, Any]]
PREFERENCE_APPLIED = {
    "Preference-Applied": {
        "description": "Those of `Prefer` that Libra followed.",
        "schema": {"type": "string"},
    }
}
LOCATION = {"Location": {"description": "Where the statement is.", "schema": {"type": "string"}}}

_ITS_ID = {"job_id": "$response.body#/jobId"}
LINKS = {
    name: {"operationId": name, "parameters": _ITS_ID}
    for name in ("read_statement", "read_result", "read_log", "kill_statement")
}


def refusals(*statuses: int, body: bool = False) -> Answers:
    """The problems of a route: *statuses*, those of a request *body*, and those of every route."""
    wanted = sorted({*statuses, *_ALWAYS, *(_WITH_BODY if body else ())})
    return {status: _refusal(status) for status in wanted}


def _refusal(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _WHEN[status], "content": _PROBLEM}
    if status in (429, 503):
        answer["headers"] = _RETRY
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return answer
