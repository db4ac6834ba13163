"""Estimate the size of a query's result without running it."""

from __future__ import annotations

from fastapi import APIRouter

from libra_provider.core.errors import BadInput
from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import refusals
from libra_provider.server.api.schemas.server import EstimateReply, EstimateRequest
from libra_provider.server.api.strict_json import StrictJsonRoute

router = APIRouter(prefix="/statements/estimate", tags=["statements"], route_class=StrictJsonRoute)


@router.post("", responses=refusals(body=True))
async def estimate(request: EstimateRequest, libra: LibraDep) -> EstimateReply:
    """Estimate the bytes and rows of a query's result by Spark's statistics."""
    found = await libra.statements.estimate(request.session, request.code, request.parameters)
    if found.error is not None:
        raise BadInput("code", request.code, found.error.rstrip("."))
    return EstimateReply.of(found)
