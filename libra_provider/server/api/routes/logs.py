"""Read the log of a statement."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import refusals
from libra_provider.server.api.schemas.base import WireModel
from libra_provider.server.api.schemas.statements import JobId

router = APIRouter(tags=["statements"])


class LogBody(WireModel):
    """A part of a statement's log: whole lines, with values of secret-looking keys masked."""

    job_id: str
    stream: Literal["stdout", "stderr"]
    text: str
    next_offset: int
    """The offset of the next request, in bytes of the log as it was written."""
    size: int
    """The size of the log so far, in bytes."""
    complete: bool
    """Whether the log is complete: the statement has ended, and this was the last part."""


@router.get(
    "/statements/{job_id}/log",
    response_model=None,
    responses={200: {"model": LogBody}, **refusals(400, 404, 409)},
)
async def read_log(
    job_id: JobId,
    libra: LibraDep,
    stream: Literal["stdout", "stderr"] = "stderr",
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> Response:
    """Read the next lines of a stream; for a driver on the cluster, from its worker."""
    statement, part = await libra.statements.log(job_id, stream, offset)
    body = LogBody(
        job_id=job_id,
        stream=stream,
        text="".join(f"{line}\n" for line in part.lines),
        next_offset=part.next_offset,
        size=part.size,
        complete=statement.state.is_terminal and part.next_offset >= part.size,
    )
    return Response(body.to_json(), media_type="application/json")
