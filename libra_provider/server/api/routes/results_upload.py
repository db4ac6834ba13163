"""Receive the results and reports of dedicated drivers; their URLs are signed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from libra_provider.core.masking import masked_text
from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import refusals
from libra_provider.server.api.schemas.external_jobs import (
    Attempt,
    EndedReport,
    ReceivedBody,
    Report,
    StartReport,
)
from libra_provider.server.api.schemas.statements import JobId
from libra_provider.server.api.strict_json import StrictJsonRoute
from libra_provider.server.errors import NotJson
from libra_provider.server.external_jobs.protocol import check_version
from libra_provider.server.external_jobs.upload import ARROW, JSON, UploadLimit, checked, received
from libra_provider.server.libra import Libra
from libra_provider.server.model.statement import State, Statement

results = APIRouter(tags=["jobs"])
reports = APIRouter(tags=["jobs"], route_class=StrictJsonRoute)
Signature = Annotated[
    str, Path(description="`{expiry}.{hmac}`, from the URL that Libra has issued.")
]
_LONGEST_ERROR = 2000  # characters
_ROWS = {
    "type": "object",
    "properties": {
        "schema": {"type": "object", "description": "Spark's schema as JSON."},
        "rows": {"type": "array", "items": {"type": "array", "items": {}}},
    },
    "required": ["schema", "rows"],
}
_VALUE = {"type": "object", "properties": {"value": {}}, "required": ["value"]}
_BODY = {
    "required": True,
    "content": {
        ARROW: {"schema": {"type": "string", "format": "binary"}},
        JSON: {"schema": {"oneOf": [_ROWS, _VALUE]}},
    },
}


@results.put(
    "/results/{signature}/{job_id}",
    response_model=None,
    openapi_extra={"requestBody": _BODY},
    responses={
        200: {"model": ReceivedBody, "description": "The same result was uploaded before."},
        201: {"model": ReceivedBody, "description": "The result is stored."},
        **refusals(403, 404, 409, 410, body=True),
    },
)
async def upload_result(
    signature: Signature,  # noqa: ARG001 - the gate has looked at it
    job_id: JobId,
    request: Request,
    libra: LibraDep,
    *,
    version: Annotated[
        int | None, Query(description="The version of the driver protocol: 1; required.")
    ] = None,
    attempt: Annotated[
        Attempt | None, Query(description="The start of the driver that uploads.")
    ] = None,
) -> Response:
    """Upload the result of a job, once for each start of its driver.

    Rows come as an Arrow stream whose schema has Spark's own (JSON) as metadata `spark_schema`, or
    as JSON in the form of results; or a JSON value. They are the job's result once it has ended
    with success.
    """
    check_version(version)
    announced = libra.statements.announced
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in (ARROW, JSON):
        raise NotJson(f"Upload the result as {ARROW} or {JSON}.", job_id)
    # The start that is the present one now: another may begin while the body comes.
    attempt = attempt or (await announced.receipt(job_id)).attempt
    statement = await libra.statements.get(job_id)
    limit = _limit(libra, statement)
    place = await asyncio.to_thread(libra.uploads.place)
    try:
        path, digest = await received(request.stream(), place)
        handed = await asyncio.to_thread(checked, path, digest, media_type, limit)
        new = await announced.store_result(job_id, attempt, handed)
    finally:
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
    return _received(statement, 201 if new else 200)


def _limit(libra: Libra, statement: Statement) -> UploadLimit:
    settings = libra.settings
    return UploadLimit(
        statement.spec.result_limit or settings.result_limit, settings.result_max_bytes
    )


@reports.post(
    "/reports/{signature}/{job_id}",
    response_model=None,
    responses={
        200: {"model": ReceivedBody},
        **refusals(403, 404, 409, 410, body=True),
    },
)
async def report(
    signature: Signature,  # noqa: ARG001 - the gate has looked at it
    job_id: JobId,
    request: Report,
    libra: LibraDep,
) -> Response:
    """Report that a driver runs, or how it ends; the master may forget it, Libra does not."""
    announced = libra.statements.announced
    if isinstance(request, StartReport):
        place = request.model_dump(exclude={"version", "event", "attempt"})
        return _received(await announced.report_start(job_id, request.attempt, place))
    return _received(await announced.report_end(job_id, request.attempt, _words(request)))


def _words(report: EndedReport) -> Mapping[str, Any]:
    """Return the last report of a driver as fields of a Statement."""
    error = masked_text(report.error)[:_LONGEST_ERROR] if report.error else None
    if report.state == State.FAILED:
        told = {"error_class": report.error_class, "sql_state": report.sql_state}
        return {
            "state": report.state,
            "error": error or "The driver failed and reported no error.",
            **told,
        }
    return {"state": report.state, **(report.written.words if report.written else {})}


def _received(statement: Statement, status: int = 200) -> Response:
    body = ReceivedBody(job_id=statement.job_id, state=statement.state)
    return Response(body.to_json(), status, media_type="application/json")
