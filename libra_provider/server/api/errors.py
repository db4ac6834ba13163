"""Errors on the wire, and the only place where an error becomes an HTTP status (RFC 9457)."""

from __future__ import annotations

import http
import logging
import re
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from libra_provider.core.errors import BadInput, LibraError
from libra_provider.core.masking import MASK, SECRET_KEY, masked_text
from libra_provider.server import errors
from libra_provider.server.api.schemas.base import Problem

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
STATUS_OF_ERROR: Mapping[type[LibraError], int] = {
    BadInput: 400,
    errors.NotAuthorized: 401,
    errors.NotPermitted: 403,
    errors.WrongMethod: 405,
    errors.UnknownStatement: 404,
    errors.UnknownSession: 404,
    errors.UnknownArtifact: 404,
    errors.NotAcceptable: 406,
    errors.TooSlow: 408,
    errors.KeyReused: 409,
    errors.NoResult: 409,
    errors.IllegalMove: 409,
    errors.Conflict: 409,
    errors.JobAlreadyEnded: 410,
    errors.BodyTooLarge: 413,
    errors.NotJson: 415,
    errors.QueueFull: 429,
    errors.TooManySessions: 429,
    errors.NotReady: 503,
    errors.StorageFull: 507,
    LibraError: 500,
}
# A problem is read by a person: half a megabyte of somebody's SQL is not a sentence.
_LONGEST = 1000
_PASSWORD_IN_URL = re.compile(r"(?<=://)[^/@\s'\"]+(?=@)")


def install(app: FastAPI) -> None:
    """Have *app* answer every error with a problem."""
    app.add_exception_handler(LibraError, _domain_problem)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(Exception, _unforeseen)


def of(error: LibraError) -> Response:
    """The answer to a request that ended with *error*."""
    status = next(STATUS_OF_ERROR[kind] for kind in type(error).__mro__ if kind in STATUS_OF_ERROR)
    headers = {}
    if isinstance(error, errors.ComeBackLater):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.NotAuthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.WrongMethod):
        headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, BadInput) and SECRET_KEY.search(error.parameter):
        error = BadInput(error.parameter, MASK, error.expected)
    return problem(status, str(error), headers, getattr(error, "job_id", None))


async def _domain_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, LibraError)  # noqa: S101  # registered for nothing else
    return of(error)


async def _invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for nothing else
    first = error.errors()[0]
    if first["loc"] == ("body",) and isinstance(error.body, bytes):
        return of(errors.NotJson("Send the body as JSON, with Content-Type: application/json."))
    if isinstance(why := first.get("ctx", {}).get("error"), LibraError):
        return of(why)
    return problem(400, invalid(error))


def invalid(error: RequestValidationError) -> str:
    """Which field or parameter of a request is wrong, and why; not its value, maybe a secret."""
    first = error.errors()[0]
    place = first["loc"][1:] if first["loc"][0] == "body" else first["loc"]
    return f"Invalid {'.'.join(map(str, place)) or 'body'}: {first['msg']}."


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods_at(request))
    detail = f"{request.method} {request.url.path}: {error.detail}."
    return problem(error.status_code, detail, headers)


def _methods_at(request: Request) -> list[str]:
    # The router names those of the first route of that path, not those of all.
    routes = [
        each for each in request.app.routes if each.matches(request.scope)[0] is not Match.NONE
    ]
    return sorted({method for each in routes for method in each.methods or ()})


async def _unforeseen(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "Internal error; see Libra's log.")


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, job_id: str | None = None
) -> Response:
    """The answer that says *detail*, which is cleaned of secrets and cut to a length to read."""
    body = Problem(
        title=http.HTTPStatus(status).phrase,
        status=status,
        detail=_presentable(detail),
        job_id=_presentable(job_id) if job_id else None,
    )
    content = body.model_dump_json(by_alias=True, exclude_none=True)
    return Response(content, status, dict(headers or {}), MEDIA_TYPE)


def _presentable(detail: str) -> str:
    """*detail* without secrets, of a length to read, and without what UTF-8 cannot carry."""
    if len(detail) > _LONGEST:
        detail = f"{detail[: _LONGEST // 2]} … {detail[-_LONGEST // 2 :]}"
    masked = _PASSWORD_IN_URL.sub(MASK, masked_text(detail))
    return masked.encode("utf-8", "backslashreplace").decode()
