"""What every route may answer besides its own success: the problems, as OpenAPI has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libra_provider.server.problem_details import MEDIA_TYPE

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
