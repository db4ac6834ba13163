"""Wait for a job: in a worker, or in a triggerer. What the job says is logged on the way."""

from __future__ import annotations

import asyncio
import logging
import time

from libra_provider.clients.look import Look, View
from libra_provider.core.errors import ServerError
from libra_provider.core.patience import Outcome, Watch, utc_now
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook

log = logging.getLogger(__name__)


def watch(server: ServerHook, view: View, seen: Watch) -> Outcome:
    """How the watch over the job ended; returns only then."""
    while (outcome := look(server, view, seen)) is None:
        time.sleep(seen.wait)
    return outcome


async def awatch(server: ServerHook, view: View, seen: Watch) -> Outcome:
    """Watch without blocking the event loop."""
    while True:
        try:
            answer: Look | ServerError = await server.alook(view)
        except ServerError as error:
            answer = error
        if (outcome := _told(seen, answer)) is not None:
            return outcome
        await asyncio.sleep(seen.wait)


def look(server: ServerHook, view: View, seen: Watch) -> Outcome | None:
    """Look once; the outcome if the watch is over."""
    try:
        return _told(seen, server.look(view))
    except ServerError as error:
        return _told(seen, error)


def _told(seen: Watch, answer: Look | ServerError) -> Outcome | None:
    status: JobStatus | ServerError = answer if isinstance(answer, ServerError) else answer.status
    outcome = seen.told(status, utc_now())
    if seen.news and outcome is None:
        log.info("%s", seen.news)
    if isinstance(answer, Look):
        _show(answer)
    if seen.news and outcome is not None:
        log.info("%s", seen.news)
    return outcome


def _show(answer: Look) -> None:
    if answer.warning:
        log.warning("%s", answer.warning)
    for line in answer.lines:
        log.info("%s", line)
