"""List the FAIR pools of the shared driver."""

from __future__ import annotations

from fastapi import APIRouter

from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import refusals
from libra_provider.server.api.schemas.server import PoolBody

router = APIRouter(prefix="/pools", tags=["pools"])


@router.get("", responses=refusals())
async def list_pools(libra: LibraDep) -> list[PoolBody]:
    """List the pools with the numbers of their waiting and running statements."""
    queues = {each.pool: each for each in libra.statements.queues()}
    pools = libra.settings.pools.items()
    return [PoolBody.of(name, pool, queues.get(name)) for name, pool in pools]
