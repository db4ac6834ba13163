"""Whoever clears a running task again and again has one job, and leaves none behind."""

from __future__ import annotations

import pytest

from libra_provider.cluster.airflow import LocalAirflow
from libra_provider.core.states import JobState
from tests.airflow.morning import Servers, eventually

DAG = "cleared_again"
TIMES = 6


@pytest.mark.slow
@pytest.mark.parametrize("together", [True, False], ids=["together", "one after the other"])
def test_each_clear_of_a_running_task_ends_its_job_and_makes_one(
    airflow: LocalAirflow, servers: Servers, together: bool
) -> None:
    airflow.api.wait_for_dag(DAG)
    airflow.api.unpause(DAG)
    run_id = airflow.api.trigger(DAG, {"endless": TIMES})
    tasks = [each["task_id"] for each in airflow.api.task_instances(DAG, run_id)]

    def has_run(task_id: str, generations: int) -> bool:
        states = servers.states(run_id, task_id)
        return states == [JobState.KILLED] * (generations - 1) + [JobState.RUNNING]

    for generations in range(1, TIMES + 1):
        for task_id in tasks:
            assert eventually(lambda: has_run(task_id, generations)), (  # noqa: B023 - called here
                servers.states(run_id, task_id)
            )
        for cleared in [tasks] if together else [[each] for each in tasks]:
            airflow.api.clear(DAG, run_id, cleared)
    airflow.api.wait_for_run(DAG, run_id)
    ended = airflow.api.task_instances(DAG, run_id)
    log = "".join(
        airflow.api.log(DAG, run_id, each["task_id"], try_number=each["try_number"])
        for each in ended
    )

    assert [each["state"] for each in ended] == ["success"] * 2, log
    for task_id in tasks:
        states = servers.states(run_id, task_id)
        assert states == [JobState.KILLED] * TIMES + [JobState.SUCCEEDED]
