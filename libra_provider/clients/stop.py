"""Stop a job, and verify that it stopped."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from libra_provider.clients.steps import Kill, Sleep, Status, Step, Steps, run
from libra_provider.core.errors import KillNotVerified, ServerError
from libra_provider.core.polling import PollingPolicy
from libra_provider.core.status import JobStatus
from libra_provider.core.units import readable_duration

log = logging.getLogger(__name__)
_NOTHING = PollingPolicy(silence=0.0, refusal=0.0)
_EVERYTHING = PollingPolicy(silence=math.inf, refusal=math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTiming:
    """How long to keep trying to stop a job; all durations are in seconds."""

    forgiven: PollingPolicy = _NOTHING
    """How long the server may be unreachable or reject the kill, until it accepts it."""
    within: float = 30.0
    """How long the job may take to end after that."""
    look_every: float = 0.5
    """Time between two polls of its state."""
    kill_every: float = 5.0
    """Time between two kill requests: a server that fails over may lose one."""

    def forgiving(self, silence: float) -> StopTiming:
        """Return the same, with a server that may be unreachable for *silence* seconds."""
        return replace(self, forgiven=PollingPolicy(silence=silence, refusal=0.0))

    @classmethod
    def endless(cls, *, look_every: float) -> StopTiming:
        """Return a timing without limits, for callers that limit the time themselves."""
        return cls(forgiven=_EVERYTHING, within=math.inf, look_every=look_every)


DEFAULT = StopTiming()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Stops *job_id*; ``kill_first``: without checking first whether it has already ended.

    ``log_message`` has the parameters of :meth:`logging.Logger.log`.
    """

    job_id: str
    timing: StopTiming = DEFAULT
    kill_first: bool = False
    clock: Callable[[], float] = time.monotonic
    log_message: Callable[..., None] = log.log

    def stop(self) -> Steps[JobStatus]:
        """Kill the job unless it has ended, and return its final status.

        Raises KillNotVerified if it is not known to have ended in time, and ServerError if its kill
        could not be requested.
        """
        status = yield from self._kill_requested()
        if status is None:
            status = yield from self._end()
            self.log_message(logging.INFO, "%s has stopped: %s", self.job_id, status.state)
        return status

    def _kill_requested(self) -> Steps[JobStatus | None]:
        """Return None once the server has accepted the kill, or the status of an ended job."""
        began = self.clock()
        while True:
            try:
                if not self.kill_first:
                    status: JobStatus = yield Status(self.job_id)
                    if status.state.is_terminal:
                        return status
                answer = yield Kill(self.job_id)
                break
            except ServerError as error:
                if self.clock() - began >= self.timing.forgiven.forgives(error):
                    raise
                pause = max(self.timing.look_every, error.retry_after)
            yield Sleep(pause)
        self.log_message(logging.INFO, "Requested kill of %s: %s", self.job_id, answer)
        return None

    def _end(self) -> Steps[JobStatus]:
        requested_at = killed_at = self.clock()
        seen = "its state has been unknown since"
        while self.clock() - requested_at < self.timing.within:
            try:
                if self.clock() - killed_at >= self.timing.kill_every:
                    killed_at = self.clock()
                    yield Kill(self.job_id)
                status: JobStatus = yield Status(self.job_id)
                if status.state.is_terminal:
                    return status
                seen = f"it is {status.state}"
            except ServerError as error:
                seen = str(error)
            yield Sleep(self.timing.look_every)
        ago = readable_duration(self.timing.within)
        raise KillNotVerified(self.job_id, f"its kill was requested {ago} ago: {seen}")


class KillableServer(Protocol):
    """A server that reports the status of jobs and can kill them."""

    def status(self, job_id: str) -> JobStatus:
        """Return the status of *job_id*; raises ServerError."""
        ...

    def kill(self, job_id: str) -> str:
        """Request the kill of *job_id*; return the server's message."""
        ...


def kill_and_verify(server: KillableServer, job_id: str, timing: StopTiming = DEFAULT) -> JobStatus:
    """Kill *job_id* unless it has ended, and return its final status.

    Raises KillNotVerified and ServerError like :meth:`Stop.stop`.
    """
    return run(Stop(job_id=job_id, timing=timing).stop(), lambda step: killing(server, step))


def killing(server: KillableServer, step: Step) -> Any:
    """Run *step*, a Kill or a Status, on *server*."""
    match step:
        case Kill(job_id):
            return server.kill(job_id)
        case Status(job_id):
            return server.status(job_id)
        case _:
            raise TypeError(f"{step!r} is no step of a kill")
