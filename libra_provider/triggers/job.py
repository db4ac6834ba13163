"""Wait for a job without holding a worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from libra_provider.clients.stop import StopTiming
from libra_provider.core.job import Backend, JobHandle
from libra_provider.core.polling import PollingPolicy, Watch, utc_now
from libra_provider.core.status import DriverLocation
from libra_provider.hooks.servers import server_of
from libra_provider.triggers.links import link
from libra_provider.triggers.registry import join
from libra_provider.triggers.stopping import report_end, stop_unless_deferred

log = logging.getLogger(__name__)
# Kills outlive their triggers: Airflow cancels on_kill after about one second, and asyncio keeps
# only weak references to tasks.
_KILLS: set[asyncio.Task[None]] = set()
# A triggerer starts a trigger seconds after the deferral. One that starts later has moved.
_MOVED_AFTER = 60.0  # seconds
# Shared, since thousands of triggers have equal policies.
_patience = lru_cache(PollingPolicy)


class JobTrigger(BaseTrigger):
    """
    Wait for one job, then fire exactly once with the outcome of the watch.

    :param handle: the job, as :meth:`JobHandle.to_json` writes it.
    :param patience: the fields of :class:`PollingPolicy`.
    :param submitted_at: when the job was submitted, ISO 8601.
    :param kills: whether the job is killed if a user ends the task; not for a sensor.
    :param with_log: whether the driver's log is shown in the task log.
    :param announced_at: the connection of the Libra where the job was announced; its end is
        reported there if a user ends the task.
    :param linked: whether the task's links have been published; else they are once the location of
        the job is known.
    :param fires_after: seconds after the deferral before which the trigger does not fire, so that
        the process of the deferred task has ended.
    :param deferred_at: when the task was deferred, ISO 8601; now by default.
    """

    def __init__(
        self,
        *,
        handle: dict[str, str],
        patience: dict[str, Any],
        submitted_at: str,
        kills: bool = True,
        with_log: bool = True,
        announced_at: str | None = None,
        linked: bool = True,
        fires_after: float = 0.0,
        deferred_at: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow left it untyped
        self.handle = JobHandle.from_json(handle)
        self.patience = _patience(**patience)
        self.submitted_at = datetime.fromisoformat(submitted_at)
        self.kills = kills
        self.with_log = with_log
        self.announced_at = announced_at
        self.linked = linked
        self.fires_after = fires_after
        self.deferred_at = datetime.fromisoformat(deferred_at) if deferred_at else utc_now()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The path of this class, and the arguments for an equal trigger in another process."""
        kwargs = {
            "handle": self.handle.to_json(),
            "patience": asdict(self.patience),
            "submitted_at": self.submitted_at.isoformat(),
            "kills": self.kills,
            "with_log": self.with_log,
            "announced_at": self.announced_at,
            "linked": self.linked,
            "fires_after": self.fires_after,
            "deferred_at": self.deferred_at.isoformat(),
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, whose payload is :meth:`Outcome.to_json`."""
        job_id = self.handle.job_id
        if self.with_log and self._seconds_deferred > _MOVED_AFTER:
            log.info(
                "Another triggerer now polls %s; its log is shown again from the start", job_id
            )
        seen = Watch(job_id, self.patience, self.submitted_at)
        waiting = await join(self.handle, seen, with_log=self.with_log)
        outcome = await waiting.outcome(self._placed)
        # The clocks of worker and triggerer may differ.
        await asyncio.sleep(min(self.fires_after - self._seconds_deferred, self.fires_after))
        event = TriggerEvent(outcome.to_json())  # type: ignore[no-untyped-call]  # as above
        yield event

    @property
    def _seconds_deferred(self) -> float:
        return (utc_now() - self.deferred_at).total_seconds()

    async def _placed(self, location: DriverLocation) -> None:
        if not self.linked:
            await link(self.task_instance, location)

    async def on_kill(self) -> None:
        """Stop the job when a user ends the task; Airflow also calls this when it moves a trigger.

        The kill runs in a separate asyncio task, because this call is cancelled after a second.
        """
        if not self.kills:
            return
        kill = asyncio.get_running_loop().create_task(self._kill())
        _KILLS.add(kill)
        kill.add_done_callback(_KILLS.discard)
        await asyncio.shield(kill)

    async def _kill(self) -> None:
        server = server_of(self.handle.backend, self.handle.connection_id)
        try:
            silence = self.patience.silence
            timing = StopTiming(forgiven=self.patience, within=silence, look_every=1.0)
            job_id = self.handle.job_id
            ended = await stop_unless_deferred(self.task_instance, server, job_id, timing)
            if ended and self.announced_at:
                await report_end(server_of(Backend.LIBRA, self.announced_at), self.handle.tag)
        finally:
            await server.aclose()
