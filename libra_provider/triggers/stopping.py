"""Stops the job of a task that a user has ended, and verifies that it stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from functools import partial
from typing import Any

from airflow.sdk.execution_time import comms, task_runner
from airflow.sdk.types import RuntimeTaskInstanceProtocol as TaskInstance

from libra_provider.clients.steps import Kill, Status, Step, arun
from libra_provider.clients.stop import Stop, StopTiming
from libra_provider.core.errors import KillNotVerified, LibraError, ServerError
from libra_provider.hooks.base import ServerHook
from libra_provider.triggers.timing import SUPERVISOR, SupervisorTiming

log = logging.getLogger(__name__)
_UNKNOWN = (
    "Airflow did not report whether task %s has ended (%s), so %s was not stopped. Check whether "
    "it still runs, and stop it there."
)


async def stop_unless_deferred(
    task: TaskInstance | None,
    server: ServerHook,
    job_id: str,
    timing: StopTiming,
    *,
    supervisor: SupervisorTiming = SUPERVISOR,
) -> bool:
    """Stop *job_id*, whose trigger was cancelled, unless *task* still waits.

    Returns whether the job has ended.
    Airflow also cancels triggers that another triggerer has taken over. Nothing is raised: failures
    are logged as errors with the job's id.
    """
    try:
        if task and await _is_deferred(task, supervisor):
            log.info("%s continues; another triggerer polls it now", job_id)
            return False
    except Exception as error:  # noqa: BLE001 - a job that may still be watched must not be killed
        log.error(_UNKNOWN, task.task_id if task else None, error, job_id)
        return False
    try:
        await _stop(server, job_id, timing)
    except LibraError as error:
        log.error("%s", error)
        return False
    return True


async def report_end(libra: ServerHook, tag: str) -> None:
    """Report to *libra* that the driver of job *tag* is gone; failures are only logged."""
    try:
        await libra.akill(tag)
    except Exception as error:  # noqa: BLE001 - Libra detects it later by itself
        log.info(
            "Could not report to Libra that driver %s is gone (%s); the job will become LOST there",
            tag,
            error,
        )
    finally:
        await libra.aclose()


async def _is_deferred(task: TaskInstance, supervisor: SupervisorTiming) -> bool:
    """Whether *task* still waits; retried once, since a new supervisor is slow to respond."""
    mapped = task.map_index is not None and task.map_index >= 0
    question = comms.GetTaskStates(
        dag_id=task.dag_id,
        task_ids=[task.task_id],
        run_ids=[task.run_id],
        map_index=task.map_index if mapped else None,
    )
    try:
        answer = await _ask(question, supervisor)
    except Exception:  # noqa: BLE001 - the second answer counts
        await asyncio.sleep(supervisor.ask_again)
        answer = await _ask(question, supervisor)
    key = f"{task.task_id}_{task.map_index}" if mapped else task.task_id
    states: dict[str, str | None] = answer.task_states.get(task.run_id, {})
    return states.get(key) == "deferred"


async def _ask(
    question: comms.GetTaskStates, supervisor: SupervisorTiming
) -> comms.TaskStatesResult:
    async with asyncio.timeout(supervisor.answers_within):
        answer = await task_runner.SUPERVISOR_COMMS.asend(question)
    if not isinstance(answer, comms.TaskStatesResult):
        raise TypeError(f"unexpected response {answer!r}")
    return answer


async def _stop(server: ServerHook, job_id: str, timing: StopTiming) -> None:
    """Stop *job_id* and verify its end; raises KillNotVerified."""
    try:
        await arun(Stop(job_id=job_id, timing=timing).stop(), partial(_answer, server))
    except ServerError as error:
        raise KillNotVerified(job_id, f"could not request its kill: {error}") from error


def _answer(server: ServerHook, step: Step) -> Awaitable[Any]:
    match step:
        case Kill(job_id):
            return server.akill(job_id)
        case Status(job_id):
            return server.astatus(job_id)
        case _:
            raise TypeError(f"{step!r} is no step of a kill")
