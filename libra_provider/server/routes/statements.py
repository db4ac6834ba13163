"""Statements: submit, status, list, result, kill."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
from fastapi import APIRouter, Header, Query, Response, status
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse

from libra_provider.server import results
from libra_provider.server.acceptance import Preference, order_of
from libra_provider.server.access import Libra, LibraDep
from libra_provider.server.problems import NoResult
from libra_provider.server.schemas import (
    OldStatementBody,
    StatementBody,
    StatementPage,
    StatementRequest,
    StatusReply,
    StatusRequest,
)
from libra_provider.server.statement import State, Statement

ARROW = "application/vnd.apache.arrow.stream"
router = APIRouter(tags=["statements"])
PreferHeader = Annotated[str | None, Header()]


@router.post(
    "/sessions/{session}/statements",
    response_model=None,
    responses={200: {"model": StatementBody | OldStatementBody}, 202: {"model": StatementBody}},
)
async def submit_statement(
    session: str,
    request: StatementRequest,
    libra: LibraDep,
    prefer: PreferHeader = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Response:
    """Accept a statement; the answer is 200 once it is over, 202 while it is not.

    A request without ``Prefer``, ``Idempotency-Key`` and new fields is answered in the old
    contract's form, when the statement is over.
    """
    preference = Preference.of(prefer)
    old = not (preference.given or idempotency_key or request.is_of_new_contract)
    order = order_of(session, request, libra.settings, old=old)
    statement = await libra.dispatcher.submit(order, idempotency_key)
    if preference.seconds != 0:
        statement = await libra.dispatcher.wait(statement.job_id, preference.seconds)
    return _old_answer(statement) if old else _answer(statement)


def _old_answer(statement: Statement) -> Response:
    return JSONResponse(OldStatementBody.of(statement).model_dump(mode="json", by_alias=True))


def _answer(statement: Statement) -> Response:
    code = status.HTTP_200_OK if statement.state.is_terminal else status.HTTP_202_ACCEPTED
    return JSONResponse(
        StatementBody.of(statement).model_dump(mode="json", by_alias=True),
        status_code=code,
        headers={"Location": f"/api/v1/statements/{statement.job_id}"},
    )


@router.post("/statements/status")
async def read_many(request: StatusRequest, libra: LibraDep) -> StatusReply:
    """How many statements stand, in one request."""
    found = await libra.dispatcher.ask(libra.ledger.get_many, request.job_ids)
    return StatusReply.of(request.job_ids, found)


@router.get("/statements")
async def list_statements(
    libra: LibraDep,
    state: State | None = None,
    session: str | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> StatementPage:
    """The latest statements first."""
    found = await libra.dispatcher.ask(
        libra.ledger.page, state=state, session=session, offset=offset, limit=limit
    )
    bodies = [StatementBody.of(each) for each in found]
    return StatementPage(statements=bodies, offset=offset, limit=limit)


@router.get("/statements/{job_id}")
async def read_statement(
    job_id: str, libra: LibraDep, prefer: PreferHeader = None
) -> StatementBody:
    """How the statement stands; with ``Prefer: wait=N`` once it is over, or after N seconds."""
    seconds = Preference.of(prefer).seconds or 0.0
    return StatementBody.of(await libra.dispatcher.wait(job_id, seconds))


@router.get("/statements/{job_id}/result", response_model=None)
async def read_result(
    job_id: str,
    libra: LibraDep,
    accept: Annotated[str, Header()] = "application/json",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1)] = 1000,
) -> Response:
    """A page of rows as JSON, or all of them as an Arrow stream where ``Accept`` asks for it."""
    path = await _rows_of(job_id, libra)
    if ARROW in accept:
        return FileResponse(path, media_type=ARROW)
    page = await run_in_threadpool(_page, job_id, path, offset, limit)
    return JSONResponse(page)


async def _rows_of(job_id: str, libra: Libra) -> Path:
    statement = await libra.dispatcher.ask(libra.ledger.get, job_id)
    if statement.state is not State.SUCCESS:
        why = statement.error or "it is not over; ask again later"
        raise NoResult(f"Statement {job_id} is {statement.state}: {why}", job_id)
    if statement.text is not None:
        sentence = f"Statement {job_id} was answered as text; submit it with Prefer to get rows."
        raise NoResult(sentence, job_id)
    return results.path_of(libra.settings.results_dir, job_id)


def _page(job_id: str, path: Path, offset: int, limit: int) -> dict[str, Any]:
    try:
        return {"jobId": job_id} | results.page(path, offset=offset, limit=limit)
    except (FileNotFoundError, pa.ArrowInvalid) as error:
        sentence = f"The rows of {job_id} are no longer readable on Libra's disk: {error}."
        raise NoResult(sentence, job_id) from error


@router.delete("/statements/{job_id}")
async def kill_statement(job_id: str, libra: LibraDep, response: Response) -> StatementBody:
    """Stop the statement: 202 while it still ends, 200 when it is over."""
    statement = await libra.dispatcher.kill(job_id)
    if not statement.state.is_terminal:
        response.status_code = status.HTTP_202_ACCEPTED
    return StatementBody.of(statement)
