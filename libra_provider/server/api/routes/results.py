"""Read results: rows as JSON pages or as an Arrow stream, or where they were written."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from libra_provider.core.units import MIB
from libra_provider.server.api import result_pages
from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import refusals
from libra_provider.server.api.preferences import best_of
from libra_provider.server.api.schemas.results import ResultBody, ValueBody, WrittenBody
from libra_provider.server.api.schemas.statements import JobId
from libra_provider.server.errors import NotAcceptable

ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"
_MOST_ROWS = 10_000
router = APIRouter(tags=["results"])


class ArrowFile(FileResponse):
    """The response with a whole file, sent in large pieces."""

    chunk_size = MIB

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; a part of an Arrow stream would be of no use."""
        whole = [pair for pair in scope["headers"] if pair[0] not in (b"range", b"if-range")]
        del self.headers["accept-ranges"]
        await super().__call__({**scope, "headers": whole}, receive, send)


@router.get(
    "/statements/{job_id}/result",
    response_model=None,
    responses={
        200: {
            "description": "The rows; or, with `resultPath`, where they were written;"
            " or the value that a Python statement ended with.",
            "model": ResultBody | WrittenBody | ValueBody,
            "content": {ARROW: {"schema": {"type": "string", "format": "binary"}}},
        },
        **refusals(400, 404, 406, 409),
    },
)
async def read_result(
    job_id: JobId,
    libra: LibraDep,
    accept: Annotated[str, Header(description=f"`{JSON}` or `{ARROW}`.")] = "*/*",
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = 1000,
) -> Response:
    """Read a page of rows as JSON, or all rows as an Arrow stream, depending on `Accept`."""
    wanted = best_of(accept, (JSON, ARROW))
    statement = await libra.statements.get(job_id)
    folder = libra.settings.results_dir
    if wanted is None:
        raise NotAcceptable(
            f"The result is available as {JSON} and {ARROW}; set Accept to one of them.", job_id
        )
    if value := result_pages.value(statement):
        if wanted == ARROW:
            raise NotAcceptable(
                f"The result of statement {job_id} is a value; set Accept to {JSON}.", job_id
            )
        return Response(value.to_json(), media_type=JSON)
    if statement.result_uri is None and wanted == ARROW:
        return ArrowFile(result_pages.file(folder, statement), media_type=ARROW)
    if statement.result_uri is None:
        page = await run_in_threadpool(
            result_pages.page, folder, statement, offset=offset, limit=limit
        )
        return Response(page.to_json(), media_type=JSON)
    if wanted == ARROW:
        sentence = f"The rows of {job_id} were written to {statement.result_uri}; read them there."
        raise NotAcceptable(sentence, job_id)
    return Response(result_pages.written(statement).to_json(), media_type=JSON)
