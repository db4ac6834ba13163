"""Wait for a job without holding a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from airflow.sdk.execution_time import comms, task_runner
from airflow.triggers.base import BaseTrigger, TriggerEvent

from libra_provider.core.errors import LibraError
from libra_provider.core.job import JobHandle
from libra_provider.core.patience import Patience, Watch
from libra_provider.hooks.servers import server_of
from libra_provider.hooks.watch import awatch

# A kill outlives its trigger: Airflow cancels on_kill after about one second, and asyncio keeps
# only weak references to tasks.
_KILLS: set[asyncio.Task[None]] = set()


class JobTrigger(BaseTrigger):
    """
    Wait for one job, then fire exactly once with how the watch ended.

    :param handle: the job, as :meth:`JobHandle.to_json` writes it.
    :param patience: the fields of :class:`Patience`.
    :param submitted_at: when the job was submitted, ISO 8601.
    :param kills: whether a user who ends the task ends the job too; a sensor's does not.
    :param with_log: whether the driver's log is shown in the task log.
    """

    def __init__(
        self,
        handle: dict[str, str],
        patience: dict[str, Any],
        submitted_at: str,
        kills: bool = True,
        with_log: bool = True,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow left it untyped
        self.handle = JobHandle.from_json(handle)
        self.patience = Patience(**patience)
        self.submitted_at = datetime.fromisoformat(submitted_at)
        self.kills = kills
        self.with_log = with_log

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The path of this class, and what makes an equal trigger in another process."""
        kwargs = {
            "handle": self.handle.to_json(),
            "patience": asdict(self.patience),
            "submitted_at": self.submitted_at.isoformat(),
            "kills": self.kills,
            "with_log": self.with_log,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, whose payload is :meth:`Outcome.to_json`."""
        job_id = self.handle.job_id
        server = server_of(self.handle.backend, self.handle.connection_id)
        try:
            await server.aclient()
            view = server.view(job_id, with_log=self.with_log)
            outcome = await awatch(server, view, Watch(job_id, self.patience, self.submitted_at))
        finally:
            await server.aclose()
        event = TriggerEvent(outcome.to_json())  # type: ignore[no-untyped-call]  # as above
        yield event

    async def on_kill(self) -> None:
        """Stop the job when a user ends the task; Airflow also calls this when it moves a trigger.

        The work goes on in a task of its own, because this call is cancelled after a second.
        """
        if not self.kills:
            return
        kill = asyncio.get_running_loop().create_task(self._kill_unless_reassigned())
        _KILLS.add(kill)
        kill.add_done_callback(_KILLS.discard)
        await asyncio.shield(kill)

    async def _kill_unless_reassigned(self) -> None:
        if await self._is_still_deferred():
            self.log.info("%s goes on under another triggerer", self.handle.job_id)
            return
        server = server_of(self.handle.backend, self.handle.connection_id)
        try:
            self.log.info(
                "%s is told to stop: %s", self.handle.job_id, await server.akill(self.handle.job_id)
            )
        except LibraError as error:
            self.log.error("%s could not be told to stop: %s", self.handle.job_id, error)
        finally:
            await server.aclose()

    async def _is_still_deferred(self) -> bool:
        """Whether the task still waits: then the trigger was moved, and nobody wants a kill."""
        ti = self.task_instance
        if ti is None:
            return False
        question = comms.GetTaskStates(
            dag_id=ti.dag_id,
            task_ids=[ti.task_id],
            run_ids=[ti.run_id],
            map_index=ti.map_index if (ti.map_index or 0) >= 0 else None,
        )
        answer = await asyncio.wait_for(task_runner.SUPERVISOR_COMMS.asend(question), 20)
        states = getattr(answer, "task_states", None) or {}
        return "deferred" in states.get(ti.run_id, {}).values()
