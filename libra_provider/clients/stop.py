"""Stop a job, and look whether it stopped: for hooks and the command line alike."""

from __future__ import annotations

import logging
import time
from typing import Protocol

from libra_provider.core.errors import KillNotVerified, ServerError
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.core.units import readable_duration

log = logging.getLogger(__name__)
_LOOK_EVERY = 0.5  # seconds


class KillableServer(Protocol):
    """A server that can be asked how a job stands, and to stop it."""

    def status(self, job_id: str) -> JobStatus:
        """Where *job_id* stands; raises ServerError."""
        ...

    def kill(self, job_id: str) -> str:
        """Ask for the end of *job_id*; the answer is what the server said."""
        ...


def kill_and_verify(server: KillableServer, job_id: str, *, within: float = 30.0) -> JobStatus:
    """The final status of *job_id*, which is told to stop if it is alive.

    Raises KillNotVerified when it was not seen to end *within* seconds, and ServerError when the
    server could not be asked to stop it.
    """
    status = server.status(job_id)
    if status.state.is_terminal:
        return status
    log.info("%s is told to stop: %s", job_id, server.kill(job_id))
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        status = _look(server, job_id)
        if status.state.is_terminal:
            log.info("%s has stopped: %s", job_id, status.state)
            return status
        time.sleep(_LOOK_EVERY)
    raise KillNotVerified(job_id, f"it was told to stop {readable_duration(within)} ago")


def _look(server: KillableServer, job_id: str) -> JobStatus:
    try:
        return server.status(job_id)
    except ServerError:
        return JobStatus(job_id=job_id, state=JobState.UNCLEAR)
