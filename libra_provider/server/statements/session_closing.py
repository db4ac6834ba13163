"""Close sessions: on request, or after they were idle for a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from libra_provider.core.errors import LibraError
from libra_provider.server.model.statement import State, Statement
from libra_provider.server.statements.service import StatementService

_log = logging.getLogger(__name__)
_LOOKS = 4
# As many statements are killed at once; the rest follows in the next round.
_ROUND = 1000


async def close(service: StatementService, name: str) -> None:
    """Kill what waits or runs in the session, then forget it with its views and settings.

    Raises UnknownSession, and BadInput for the default session. A statement that waited would
    otherwise run in a new session of that name, without the views it was written for.
    """
    service.sessions.closable(name)
    while statements := await _open(service, name, State.PENDING, _ROUND):
        for each in statements:
            await service.kill(each.job_id)
    for each in await _open(service, name, State.RUNNING, _ROUND):
        await service.kill(each.job_id)
    service.sessions.close(name)
    await service.forget_session(name)


async def close_idle(service: StatementService, idle_seconds: float) -> None:
    """Close each session that was idle for *idle_seconds*, until cancelled."""
    span = timedelta(seconds=idle_seconds)
    while True:
        await asyncio.sleep(idle_seconds / _LOOKS)
        try:
            for session in service.sessions.idle(span):
                await _close_if_idle(service, session.name, span)
        except LibraError as error:
            _log.warning("Could not close idle sessions yet: %s", error)


async def _close_if_idle(service: StatementService, name: str, span: timedelta) -> None:
    busy = await _is_busy(service, name)
    if name not in [each.name for each in service.sessions.idle(span)]:
        return  # used, or closed, meanwhile
    if busy:
        service.sessions.touch(name)
        return
    _log.info("Closed session %s: idle for %s", name, span)
    await close(service, name)


async def _is_busy(service: StatementService, name: str) -> bool:
    return any([await _open(service, name, state, 1) for state in (State.PENDING, State.RUNNING)])


async def _open(
    service: StatementService, name: str, state: State, limit: int
) -> Sequence[Statement]:
    return await service.page(session=name, state=state, announced=False, offset=0, limit=limit)
