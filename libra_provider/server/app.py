"""The application, and the only place where an error becomes an HTTP status."""

from __future__ import annotations

import http
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from libra_provider import __version__
from libra_provider.core.errors import BadInput, LibraError
from libra_provider.server import problems
from libra_provider.server.access import Libra, check_token
from libra_provider.server.driver.process import HOST_COMMAND
from libra_provider.server.driver.supervisor import Supervisor
from libra_provider.server.ledger import Ledger
from libra_provider.server.routes import health, sessions, statements
from libra_provider.server.settings import Settings

_log = logging.getLogger(__name__)

STATUS_OF_ERROR: Mapping[type[LibraError], int] = {
    BadInput: 400,
    problems.NotAuthorized: 401,
    problems.UnknownStatement: 404,
    problems.UnknownSession: 404,
    problems.KeyReused: 409,
    problems.NoResult: 409,
    problems.IllegalMove: 409,
    problems.QueueFull: 429,
    problems.NotReady: 503,
    LibraError: 500,
}


def create_app(settings: Settings, *, host_command: Sequence[str] = HOST_COMMAND) -> FastAPI:
    """Libra's API; its lifespan starts and stops the driver host that *host_command* runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        for folder in (settings.data_dir, settings.results_dir, settings.data_dir / "logs"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ledger = Ledger(settings.ledger_url)
        libra = Libra(settings, ledger, Supervisor(settings, command=host_command))
        app.state.libra = libra
        await libra.dispatcher.start()
        try:
            yield
        finally:
            await libra.dispatcher.stop()
            ledger.close()

    app = FastAPI(title="Libra", version=__version__, lifespan=lifespan)
    api = APIRouter(prefix="/api/v1", dependencies=[Depends(check_token)])
    for each in (statements.router, sessions.router, health.router):
        api.include_router(each)
    app.include_router(api)
    app.include_router(health.probes)
    app.add_exception_handler(LibraError, _domain_problem)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(Exception, _unforeseen)
    return app


async def _domain_problem(_request: Request, error: Exception) -> JSONResponse:
    kinds = (STATUS_OF_ERROR.get(kind) for kind in type(error).__mro__)
    headers = {}
    if isinstance(error, problems.ComeBackLater):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, problems.NotAuthorized):
        headers["WWW-Authenticate"] = "Bearer"
    status = next(kind for kind in kinds if kind)
    return _problem(status, str(error), headers, getattr(error, "job_id", None))


async def _invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for nothing else
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _problem(400, f"{where} cannot be used: {first['msg']}.")


async def _http_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    detail = f"{request.method} {request.url.path}: {error.detail}."
    return _problem(error.status_code, detail, error.headers)


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _problem(500, "Libra met an error of its own; its log says more.")


def _problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, job_id: str | None = None
) -> JSONResponse:
    """RFC 9457: what went wrong, in one sentence."""
    title = http.HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if job_id:
        body["jobId"] = job_id
    media = "application/problem+json"
    return JSONResponse(body, status_code=status, headers=headers, media_type=media)
