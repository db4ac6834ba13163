"""What a statement has written."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import refusals
from libra_provider.server.api.schemas.base import WireModel
from libra_provider.server.api.schemas.statements import JobId

router = APIRouter(tags=["statements"])


class LogBody(WireModel):
    """A piece of a statement's log: whole lines, values of secret-looking keys replaced."""

    job_id: str
    stream: Literal["stdout", "stderr"]
    text: str
    next_offset: int
    """What to ask for next, in bytes of the log as it was written."""
    size: int
    """Of the log so far, in bytes."""
    complete: bool
    """Nothing comes after it: the statement is over, and this was the rest."""


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
    """The next lines of one stream; of a driver on the cluster, they come from its worker."""
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
