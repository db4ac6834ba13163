"""Fill in the links of a deferred task: its worker is gone, and comes back at its job's end."""

from __future__ import annotations

import asyncio
import logging

from airflow.sdk.execution_time import comms, task_runner
from airflow.sdk.types import RuntimeTaskInstanceProtocol as TaskInstance

from libra_provider.core.status import DriverLocation
from libra_provider.links import in_xcom, targets

log = logging.getLogger(__name__)
_ANSWERS_WITHIN = 20.0  # seconds


async def link(task: TaskInstance | None, location: DriverLocation) -> None:
    """Have *task* lead to *location*; where Airflow refuses, the worker does at the job's end."""
    if task is None:
        return
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN):
            for key, url in in_xcom(targets(location)).items():
                await task_runner.SUPERVISOR_COMMS.asend(_message(task, key, url))
    except Exception as error:  # noqa: BLE001 - nobody's watch may end for a link
        log.info("The links of %s come at its end: %r", task.task_id, error)


def _message(task: TaskInstance, key: str, url: str) -> comms.SetXCom:
    return comms.SetXCom(
        key=key,
        value=url,
        dag_id=task.dag_id,
        run_id=task.run_id,
        task_id=task.task_id,
        map_index=task.map_index,
    )
