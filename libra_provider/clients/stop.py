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
    """How long the end of a job is pursued; all durations are seconds."""

    forgiven: PollingPolicy = _NOTHING
    """For how long the server may be away or refuse, until it has accepted the kill."""
    within: float = 30.0
    """For the job to end, after that."""
    look_every: float = 0.5
    """Between two questions whether it has ended."""
    kill_every: float = 5.0
    """Between two kills: a server that fails over may lose one."""

    def forgiving(self, silence: float) -> StopTiming:
        """The same, with a server that may be away for *silence* seconds."""
        return replace(self, forgiven=PollingPolicy(silence=silence, refusal=0.0))

    @classmethod
    def endless(cls, *, look_every: float) -> StopTiming:
        """Until the end was seen; for whoever bounds the time in another way."""
        return cls(forgiven=_EVERYTHING, within=math.inf, look_every=look_every)


DEFAULT = StopTiming()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The end of *job_id*; ``kill_first``: without a look whether it is over already.

    ``tell`` takes what :meth:`logging.Logger.log` takes.
    """

    job_id: str
    timing: StopTiming = DEFAULT
    kill_first: bool = False
    clock: Callable[[], float] = time.monotonic
    tell: Callable[..., None] = log.log

    def stop(self) -> Steps[JobStatus]:
        """The final status of the job, whose kill is requested if it is alive.

        Raises KillNotVerified when it was not seen to end in time, and ServerError when its kill
        could not be requested.
        """
        status = yield from self._kill_requested()
        if status is None:
            status = yield from self._end()
            self.tell(logging.INFO, "%s has stopped: %s", self.job_id, status.state)
        return status

    def _kill_requested(self) -> Steps[JobStatus | None]:
        """None once the server has taken the request; the status of a job that was over before."""
        began = self.clock()
        while True:
            try:
                if not self.kill_first:
                    status: JobStatus = yield Status(self.job_id)
                    if status.state.is_terminal:
                        return status
                said = yield Kill(self.job_id)
                break
            except ServerError as error:
                if self.clock() - began >= self.timing.forgiven.forgives(error):
                    raise
                pause = max(self.timing.look_every, error.retry_after)
            yield Sleep(pause)
        self.tell(logging.INFO, "Requested kill of %s: %s", self.job_id, said)
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
    """A server that can be asked how a job stands, and to stop it."""

    def status(self, job_id: str) -> JobStatus:
        """Where *job_id* stands; raises ServerError."""
        ...

    def kill(self, job_id: str) -> str:
        """Ask for the end of *job_id*; the answer is what the server said."""
        ...


def kill_and_verify(server: KillableServer, job_id: str, timing: StopTiming = DEFAULT) -> JobStatus:
    """The final status of *job_id*, which *server* is asked to stop if it is alive.

    Raises KillNotVerified and ServerError like :meth:`Stop.stop`.
    """
    return run(Stop(job_id=job_id, timing=timing).stop(), lambda step: killing(server, step))


def killing(server: KillableServer, step: Step) -> Any:
    """The answer of *server* to *step*, if that is a Kill or a Status."""
    match step:
        case Kill(job_id):
            return server.kill(job_id)
        case Status(job_id):
            return server.status(job_id)
        case _:
            raise TypeError(f"{step!r} is no step of a kill")
