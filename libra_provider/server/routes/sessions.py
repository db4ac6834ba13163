"""Sessions: what there is, and closing one."""

from __future__ import annotations

from fastapi import APIRouter, status

from libra_provider.server.access import LibraDep
from libra_provider.server.schemas import SessionBody

router = APIRouter(prefix="/sessions", tags=["sessions"])


@router.get("")
async def list_sessions(libra: LibraDep) -> list[SessionBody]:
    """Every session, oldest first."""
    facts, master = libra.driver.facts, libra.settings.master
    return [SessionBody.of(each, facts, master) for each in libra.dispatcher.sessions.all()]


@router.get("/{session}")
async def read_session(session: str, libra: LibraDep) -> SessionBody:
    """One session; 404 until its first statement."""
    found = libra.dispatcher.sessions.get(session)
    return SessionBody.of(found, libra.driver.facts, libra.settings.master)


@router.delete("/{session}", status_code=status.HTTP_204_NO_CONTENT)
async def close_session(session: str, libra: LibraDep) -> None:
    """Forget its temp views and settings; the default session stays."""
    await libra.dispatcher.close_session(session)
