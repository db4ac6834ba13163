"""List and close sessions."""

from __future__ import annotations

from fastapi import APIRouter, status

from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import refusals
from libra_provider.server.api.schemas.base import SessionName
from libra_provider.server.api.schemas.server import SessionBody
from libra_provider.server.statements import session_closing

router = APIRouter(prefix="/sessions", tags=["sessions"])


@router.get("", responses=refusals())
async def list_sessions(libra: LibraDep) -> list[SessionBody]:
    """List the open sessions, oldest first."""
    facts, master = libra.driver.facts, libra.settings.master
    return [SessionBody.of(each, facts, master) for each in libra.statements.sessions.all()]


@router.get("/{session}", responses=refusals(400, 404))
async def read_session(session: SessionName, libra: LibraDep) -> SessionBody:
    """Get a session; 404 before its first statement."""
    found = libra.statements.sessions.get(session)
    return SessionBody.of(found, libra.driver.facts, libra.settings.master)


@router.delete("/{session}", status_code=status.HTTP_204_NO_CONTENT, responses=refusals(400, 404))
async def close_session(session: SessionName, libra: LibraDep) -> None:
    """Close a session: kill its statements, drop its temporary views and settings."""
    await session_closing.close(libra.statements, session)
