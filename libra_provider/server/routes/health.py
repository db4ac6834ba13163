"""Whether Libra lives, and whether its driver takes statements."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from libra_provider.server import schemas
from libra_provider.server.access import LibraDep
from libra_provider.server.problems import NotReady

router = APIRouter(tags=["health"])
probes = APIRouter(tags=["health"])


@router.get("/health")
async def read_health(libra: LibraDep) -> dict[str, Any]:
    """The old contract's health: always 200, ``spark.status`` tells."""
    epoch = libra.driver.epoch
    return schemas.health(
        libra.driver.facts,
        epoch=epoch.number if epoch else None,
        problem=libra.driver.problem,
        sessions=len(libra.dispatcher.sessions.all()),
    )


@probes.get("/livez")
async def is_alive() -> dict[str, str]:
    """200 as long as the API process answers, whatever its driver does."""
    return {"status": "alive"}


@probes.get("/readyz")
async def is_ready(libra: LibraDep) -> dict[str, Any]:
    """200 when a statement would start now, else 503 with the reason."""
    if libra.driver.facts is None or libra.driver.epoch is None:
        raise NotReady(f"No driver takes statements now: {libra.driver.problem}.", retry_after=2)
    return {"status": "ready", "epoch": libra.driver.epoch.number}
