"""Liveness, readiness and health."""

from __future__ import annotations

from fastapi import APIRouter

from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import refusals
from libra_provider.server.api.schemas.health import (
    AliveBody,
    HealthBody,
    NetworkBody,
    NoSparkBody,
    ReadyBody,
    SparkBody,
)

router = APIRouter(tags=["health"])
probes = APIRouter(tags=["health"])


@router.get("/health", responses=refusals())
async def read_health(libra: LibraDep) -> HealthBody:
    """Get the health of Libra and its driver: always 200, see ``spark.status``."""
    epoch, facts = libra.driver.epoch, libra.driver.facts
    spark: SparkBody | NoSparkBody = NoSparkBody(error=libra.driver.problem)
    if facts:
        spark = SparkBody(
            version=facts.spark_version,
            application_id=facts.application_id,
            master=facts.master,
            active_sessions=str(len(libra.statements.sessions.all())),
        )
    catalog = facts.catalog if facts else None
    network = libra.network_probe.latest
    return HealthBody(
        epoch=epoch.number if epoch else None,
        catalog=catalog,
        spark=spark,
        network=NetworkBody.of(network) if network else None,
    )


@probes.get("/livez", responses=refusals())
async def is_alive() -> AliveBody:
    """Return 200 as long as the API process responds, whatever the state of the driver."""
    return AliveBody()


@probes.get("/readyz", responses=refusals())
async def is_ready(libra: LibraDep) -> ReadyBody:
    """Return 200 if a statement would start now, else 503 with the reason."""
    epoch = await libra.statements.check()
    return ReadyBody(epoch=epoch.number)
