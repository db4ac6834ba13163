"""A running task that is cleared again and again has one job, and leaves none behind."""

from __future__ import annotations

from functools import partial

import pytest

from libra_provider.cluster.airflow import LocalAirflow
from libra_provider.core.states import JobState
from libra_provider.core.status import short_name
from tests.airflow.morning import Servers, eventually

DAG = "cleared_again"
TIMES = 6


def all_are_polled(airflow: LocalAirflow, servers: Servers, run_id: str) -> bool:
    """Whether each task of the run has seen its latest statement run."""
    return all(
        is_polled(airflow, servers, run_id, each["task_id"], each["try_number"])
        for each in airflow.api.task_instances(DAG, run_id)
    )


def is_polled(
    airflow: LocalAirflow, servers: Servers, run_id: str, task_id: str, try_number: int
) -> bool:
    *_, last = servers.statements(run_id, task_id)
    log = airflow.api.log(DAG, run_id, task_id, try_number=try_number)
    return f"{short_name(last.status.job_id)} is running" in log


@pytest.mark.slow
@pytest.mark.parametrize("together", [True, False], ids=["together", "one after the other"])
def test_each_clear_of_a_running_task_ends_its_job_and_makes_one(
    airflow: LocalAirflow, servers: Servers, together: bool
) -> None:
    airflow.api.wait_for_dag(DAG)
    airflow.api.unpause(DAG)
    # Airflow's executor may fail a try by a late word: tries are no count of the clears.
    run_id = airflow.api.trigger(DAG, {"endless": 10 * TIMES})
    tasks = [each["task_id"] for each in airflow.api.task_instances(DAG, run_id)]

    def has_run(task_id: str, generations: int) -> bool:
        states = servers.states(run_id, task_id)
        return states == [JobState.KILLED] * (generations - 1) + [JobState.RUNNING]

    def assert_each_has_run(generations: int) -> None:
        for task_id in tasks:
            found = eventually(partial(has_run, task_id, generations))
            assert found, servers.states(run_id, task_id)

    for generations in range(1, TIMES + 1):
        assert_each_has_run(generations)
        for cleared in [tasks] if together else [[each] for each in tasks]:
            airflow.api.clear(DAG, run_id, cleared)
    assert_each_has_run(TIMES + 1)
    # Before a triggerer has picked a task up, Airflow runs nothing that could kill its job.
    assert eventually(partial(all_are_polled, airflow, servers, run_id))
    for task_id in tasks:
        airflow.api.mark(DAG, run_id, task_id, "failed")

    for task_id in tasks:
        killed = [JobState.KILLED] * (TIMES + 1)
        assert eventually(lambda: servers.states(run_id, task_id) == killed)  # noqa: B023 - called here
