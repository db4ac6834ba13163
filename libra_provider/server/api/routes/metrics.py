"""Libra's metrics in the text format that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import refusals
from libra_provider.server.libra import Libra

router = APIRouter(tags=["health"])
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_MEANING: Mapping[str, str] = {
    "libra_driver_up": "1 while a driver takes statements.",
    "libra_driver_epoch": "The number of the driver, counted since the ledger began.",
    "libra_sessions": "Open sessions.",
    "libra_artifacts": "Files that are kept for drivers.",
    "libra_artifact_bytes": "What they take, and what is on its way.",
    "libra_statements_waiting": "Statements that wait for room, by scheduler pool.",
    "libra_statements_running": "Statements that run, by scheduler pool.",
    "libra_oldest_waiting_seconds": "How long the oldest of them has waited, by scheduler pool.",
}
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


@router.get(
    "/metrics",
    response_model=None,
    response_class=PlainTextResponse,
    responses=refusals(),
)
async def read_metrics(libra: LibraDep) -> Response:
    """Get metrics in the text format of Prometheus; requires the token."""
    return Response(_metrics(libra), media_type=_PROMETHEUS)


def _metrics(libra: Libra) -> str:
    lines: list[str] = []
    samples = list(_samples(libra))
    for name, meaning in _MEANING.items():
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
        lines += [f"{name}{labels} {value:g}" for each, labels, value in samples if each == name]
    return "\n".join(lines) + "\n"


def _samples(libra: Libra) -> Iterator[tuple[str, str, float]]:
    epoch = libra.driver.epoch
    yield "libra_driver_up", "", libra.driver.facts is not None
    yield "libra_driver_epoch", "", epoch.number if epoch else 0
    yield "libra_sessions", "", len(libra.statements.sessions.all())
    yield "libra_artifacts", "", libra.artifacts.count
    yield "libra_artifact_bytes", "", libra.artifacts.size
    queues = {each.pool: each for each in libra.statements.queues()}
    for pool in libra.settings.pools:
        labels = f'{{pool="{pool.translate(_ESCAPED)}"}}'
        queue = queues.get(pool)
        yield "libra_statements_waiting", labels, queue.waiting if queue else 0
        yield "libra_statements_running", labels, queue.running if queue else 0
        oldest = queue.oldest_waiting_seconds if queue else 0
        yield "libra_oldest_waiting_seconds", labels, oldest
