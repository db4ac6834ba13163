"""The OpenAPI document: what the routes declare, and what applies to all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from libra_provider.server.api.errors import MEDIA_TYPE
from libra_provider.server.api.schemas.base import Problem
from libra_provider.server.signed_urls import Purpose

_DESCRIPTION = """\
Run SQL, Python and JARs on a shared Spark driver or on dedicated ones; every accepted statement is
recorded in a ledger.

`POST /api/v1/sessions/{session}/statements` submits a statement. A request without `Prefer`,
`Idempotency-Key` and fields that the old API lacks gets the old API's response: 200 when the
statement has ended, with the result as a string. All other responses contain the status of the
statement. Errors are `application/problem+json` with an explanation in `detail`.
"""
_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "Libra's token (LIBRA_TOKEN); optional if Libra listens on loopback.",
    }
}
# The signature in the path of the last ones is the permission.
_OPEN_TO_ALL = ("/livez", "/readyz", *(f"/{purpose}/" for purpose in Purpose))


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return the function that makes the document of *app*, once, at the first request for it."""

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
    # FastAPI's schemas for invalid requests; Libra responds with 400 and a Problem instead.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in made["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["security"] = [] if path.startswith(_OPEN_TO_ALL) else [{"token": []}]
    return made


_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_RETRY = {
    "Retry-After": {"description": "Seconds to wait before a retry.", "schema": {"type": "integer"}}
}
_WHEN: Mapping[int, str] = {
    400: "A parameter or field is invalid; `detail` names it.",
    401: "The token is missing or wrong.",
    403: "The signature in the path is invalid or has expired.",
    404: "Nothing with this id or name exists.",
    405: "The path does not support this method.",
    406: "The result is not available in a format that `Accept` names.",
    408: "The body did not arrive in time.",
    409: "The current state does not allow the request.",
    410: "The job has ended; nothing more is accepted from its driver.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "A limit on waiting statements or open sessions is reached; retry later.",
    500: "Internal error; see Libra's log.",
    503: "The driver, the ledger or Libra itself is not ready.",
    507: "Storage is full or its limit is reached; `detail` says what to do.",
}
_ALWAYS = (401, 500, 503)
_WITH_BODY = (400, 408, 413, 415)

Answers = dict[int | str, dict[str, Any]]
PREFERENCE_APPLIED = {
    "Preference-Applied": {
        "description": "The preferences that Libra applied.",
        "schema": {"type": "string"},
    }
}
LOCATION = {"Location": {"description": "The path of the statement.", "schema": {"type": "string"}}}

_ITS_ID = {"job_id": "$response.body#/jobId"}
LINKS = {
    name: {"operationId": name, "parameters": _ITS_ID}
    for name in ("read_statement", "read_result", "read_log", "kill_statement")
}


def refusals(*statuses: int, body: bool = False) -> Answers:
    """Return the error responses of a route: *statuses*, those of a *body*, and common ones."""
    wanted = sorted({*statuses, *_ALWAYS, *(_WITH_BODY if body else ())})
    return {status: _refusal(status) for status in wanted}


def _refusal(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _WHEN[status], "content": _PROBLEM}
    if status in (429, 503):
        answer["headers"] = _RETRY
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return answer
