"""Publishes the links of a deferred task, which has no worker until its job ends."""

from __future__ import annotations

import asyncio
import logging

from airflow.sdk.execution_time import comms, task_runner
from airflow.sdk.types import RuntimeTaskInstanceProtocol as TaskInstance

from libra_provider.core.status import DriverLocation
from libra_provider.links import in_xcom, targets
from libra_provider.triggers.timing import SUPERVISOR, SupervisorTiming

log = logging.getLogger(__name__)
_LATER = "Could not publish the links of task %s yet (%s); they will appear when it ends."


async def link(
    task: TaskInstance | None,
    location: DriverLocation,
    *,
    supervisor: SupervisorTiming = SUPERVISOR,
) -> None:
    """Publish the links of *task* to *location*; after a failure, the worker does it at the end."""
    if task is None:
        return
    try:
        async with asyncio.timeout(supervisor.answers_within):
            for key, url in in_xcom(targets(location)).items():
                await task_runner.SUPERVISOR_COMMS.asend(_message(task, key, url))
    except Exception as error:  # noqa: BLE001 - a link must not end the watch
        why = "timeout" if isinstance(error, TimeoutError) else repr(error)
        log.info(_LATER, task.task_id, why)


def _message(task: TaskInstance, key: str, url: str) -> comms.SetXCom:
    return comms.SetXCom(
        key=key,
        value=url,
        dag_id=task.dag_id,
        run_id=task.run_id,
        task_id=task.task_id,
        map_index=task.map_index,
    )
