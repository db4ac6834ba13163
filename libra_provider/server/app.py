"""The application: its parts, and their life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from libra_provider import __version__
from libra_provider.server.api import errors, openapi
from libra_provider.server.api.auth import AuthMiddleware
from libra_provider.server.api.body_limits import BodyLimitMiddleware
from libra_provider.server.api.routes import (
    artifacts,
    health,
    jobs,
    legacy,
    logs,
    metrics,
    pools,
    results,
    results_upload,
    sessions,
    statements,
)
from libra_provider.server.driver.process import HOST_COMMAND
from libra_provider.server.driver.supervisor import Supervisor
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.libra import Libra
from libra_provider.server.retention import Retention
from libra_provider.server.settings import Settings
from libra_provider.server.signed_urls import Signer
from libra_provider.server.statements import session_closing
from libra_provider.server.timing import DEFAULT, ServerTiming


def create_app(
    settings: Settings,
    ledger: Ledger,
    *,
    host_command: Sequence[str] = HOST_COMMAND,
    timing: ServerTiming = DEFAULT,
) -> FastAPI:
    """Libra's API; its lifespan starts and stops the driver host that *host_command* runs."""
    signer = Signer.of(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        for folder in (settings.data_dir, settings.results_dir, settings.data_dir / "logs"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        driver = Supervisor(settings, command=host_command, timing=timing.driver)
        libra = Libra(settings, ledger, driver, signer, timing)
        app.state.libra = libra
        libra.uploads.open()
        await libra.artifacts.open()
        await libra.statements.start()
        retention = Retention(
            settings, ledger, libra.statements, libra.artifacts, every=timing.sweep_every
        )
        sweeps = [
            asyncio.create_task(
                session_closing.close_idle(libra.statements, settings.session_idle_seconds)
            ),
            asyncio.create_task(retention.run()),
            asyncio.create_task(libra.network_probe.run()),
        ]
        try:
            yield
        finally:
            for sweep in sweeps:
                sweep.cancel()
            await asyncio.wait(sweeps)
            await libra.statements.stop()
            libra.artifacts.close()

    app = FastAPI(
        title="Libra",
        version=__version__,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.openapi = openapi.document(app)  # type: ignore[method-assign]  # FastAPI's documented way
    api = APIRouter(prefix="/api/v1")
    for each in (statements, results, logs, sessions, jobs, pools, health, legacy, artifacts):
        api.include_router(each.router)
    app.include_router(api)
    outside = (artifacts.signed, results_upload.results, results_upload.reports, health.probes)
    for router in (*outside, metrics.router):
        app.include_router(router)
    errors.install(app)
    # The last one is the first to see a request: no body is read before access is checked.
    app.add_middleware(BodyLimitMiddleware, settings=settings, timing=timing.requests)
    app.add_middleware(AuthMiddleware, token=settings.token, signer=signer)
    return app
