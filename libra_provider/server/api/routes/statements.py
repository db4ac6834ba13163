"""Submit statements, get their status, list and kill them; estimate results."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.concurrency import run_in_threadpool

from libra_provider.core.errors import BadInput
from libra_provider.core.kinds import Kind
from libra_provider.server.api import result_pages
from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import LINKS, LOCATION, PREFERENCE_APPLIED, refusals
from libra_provider.server.api.preferences import Preference
from libra_provider.server.api.schemas.base import Plain, SessionName, WireModel
from libra_provider.server.api.schemas.server import (
    EstimateReply,
    EstimateRequest,
    StatesReply,
    StatesRequest,
)
from libra_provider.server.api.schemas.statements import (
    JobId,
    OldStatementBody,
    RepresentationBody,
    StatementBody,
    StatementPage,
    StatementRequest,
    StatusReply,
    StatusRequest,
    is_job_id,
    tags_in,
)
from libra_provider.server.api.strict_json import StrictJsonRoute
from libra_provider.server.api.validation import check_pool, spec_of
from libra_provider.server.libra import Libra
from libra_provider.server.model.statement import State, Statement

router = APIRouter(tags=["statements"], route_class=StrictJsonRoute)
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="A repeated request with the same key and body returns the same statement.",
    ),
]


# async although it never waits: FastAPI would run a plain function in another thread.
async def _preference(
    prefer: Annotated[
        list[str] | None,
        Header(
            description="`respond-async`, `wait=N` (seconds, at most 600), `return=representation`"
            " (include a small result).",
            examples=[["wait=10"]],
        ),
    ] = None,
) -> Preference:
    return Preference.of(prefer or ())


PreferenceDep = Annotated[Preference, Depends(_preference)]


@router.post(
    "/sessions/{session}/statements",
    response_model=None,
    responses={
        200: {
            "model": RepresentationBody | StatementBody | OldStatementBody,
            "description": "The statement has ended; see `state`.",
            "headers": LOCATION | PREFERENCE_APPLIED,
            "links": LINKS,
        },
        202: {
            "model": StatementBody,
            "description": "The statement is accepted and has not ended.",
            "headers": LOCATION | PREFERENCE_APPLIED,
            "links": LINKS,
        },
        **refusals(409, 429, body=True),
    },
)
async def submit_statement(
    session: SessionName,
    request: StatementRequest,
    libra: LibraDep,
    preference: PreferenceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Submit a statement; returns 200 if it has ended, 202 if it has not.

    Without `respond-async` or `wait` in `Prefer`, the response is sent when the statement has
    ended. A request without `Prefer`, `Idempotency-Key` and new fields gets a response in
    the form of the old API.
    """
    old = not (preference.given or idempotency_key or request.is_of_new_contract)
    try:
        spec = spec_of(session, request, libra.settings, old=old)
    except BadInput as error:
        if not old or error.parameter == "kind":
            raise
        return _json(OldStatementBody.refused(secrets.token_hex(16), session, str(error)))
    statement = await libra.statements.submit(spec, idempotency_key)
    if preference.seconds != 0:
        statement = await libra.statements.wait(statement.job_id, preference.seconds)
    if old:
        return _json(OldStatementBody.of(statement))
    answer = await _answer(libra, statement, preference)
    answer.headers["Location"] = f"/api/v1/statements/{statement.job_id}"
    answer.status_code = 200 if statement.state.is_terminal else 202
    return answer


async def _answer(libra: Libra, statement: Statement, preference: Preference) -> Response:
    body = StatementBody.of(statement)
    if preference.rows:
        page = await run_in_threadpool(result_pages.small, libra.settings.results_dir, statement)
        body = RepresentationBody.of(statement, result=page)
    answer = _json(body)
    if preference.applied:
        answer.headers["Preference-Applied"] = preference.applied
    return answer


def _json(body: WireModel) -> Response:
    # FastAPI would validate and convert the model once more.
    return Response(body.to_json(), media_type="application/json")


@router.post(
    "/statements/status",
    response_model=None,
    responses={200: {"model": StatusReply}, **refusals(body=True)},
)
async def read_many(request: StatusRequest, libra: LibraDep) -> Response:
    """Get the status of up to 1,000 statements."""
    found = await libra.statements.many([each for each in request.job_ids if is_job_id(each)])
    return _json(StatusReply.of(request.job_ids, found))


@router.post(
    "/statements/states",
    response_model=None,
    responses={200: {"model": StatesReply}, **refusals(body=True)},
)
async def read_states(request: StatesRequest, libra: LibraDep) -> Response:
    """Get only the states of up to 10,000 statements."""
    found = await libra.statements.states([each for each in request.job_ids if is_job_id(each)])
    return _json(StatesReply(states=dict(found)))


@router.post("/statements/estimate", responses=refusals(body=True))
async def estimate(request: EstimateRequest, libra: LibraDep) -> EstimateReply:
    """Estimate the bytes and rows of a query's result by Spark's statistics."""
    found = await libra.statements.estimate(request.session, request.code, request.parameters)
    if found.error is not None:
        raise BadInput("code", request.code, found.error.rstrip("."))
    return EstimateReply.of(found)


@router.get(
    "/statements",
    response_model=None,
    responses={200: {"model": StatementPage}, **refusals(400)},
)
async def list_statements(
    *,
    libra: LibraDep,
    state: State | None = None,
    session: SessionName | None = None,
    pool: Plain | None = None,
    kind: Kind | None = None,
    key: Annotated[Plain | None, Query(description="The Idempotency-Key of the statement.")] = None,
    tag: Annotated[
        list[Plain],
        Query(max_length=64, description="name:value; a statement must have all of them."),
    ] = [],  # noqa: B006  # FastAPI copies it
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """List the statements that match all filters, newest first."""
    check_pool(pool, libra.settings)
    found = await libra.statements.page(
        state=state,
        session=session,
        pool=pool,
        kind=kind,
        key=key,
        tags=tags_in(tag),
        offset=offset,
        limit=limit,
    )
    bodies = [StatementBody.of(each) for each in found]
    return _json(StatementPage(statements=bodies, offset=offset, limit=limit))


@router.get(
    "/statements/{job_id}",
    response_model=None,
    responses={
        200: {"model": RepresentationBody | StatementBody, "headers": PREFERENCE_APPLIED},
        **refusals(400, 404),
    },
)
async def read_statement(job_id: JobId, libra: LibraDep, preference: PreferenceDep) -> Response:
    """Get the status of a statement; `Prefer: wait=N` waits up to N seconds for its end."""
    statement = await libra.statements.wait(job_id, preference.seconds or 0)
    return await _answer(libra, statement, preference)


@router.delete(
    "/statements/{job_id}",
    response_model=None,
    responses={
        200: {"model": StatementBody, "description": "The statement has ended, now or earlier."},
        202: {
            "model": StatementBody,
            "description": "The kill is requested; the statement has not ended yet.",
        },
        **refusals(404),
    },
)
async def kill_statement(job_id: JobId, libra: LibraDep) -> Response:
    """Kill a statement; returns 202 until it has ended, then 200."""
    statement = await libra.statements.kill(job_id)
    answer = _json(StatementBody.of(statement))
    answer.status_code = 200 if statement.state.is_terminal else 202
    return answer
