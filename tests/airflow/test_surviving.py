"""The worker and the triggerer die at 3 a.m.; in the morning there was one driver per task."""

from __future__ import annotations

import os
import signal

import pytest

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import pages
from libra_provider.cluster.airflow import LocalAirflow
from libra_provider.cluster.standalone import StandaloneCluster
from tests.airflow.morning import eventually, task_processes

DAG = "surviving"


def drivers_on(cluster: StandaloneCluster) -> set[str]:
    """Every driver that the master knows, those of other tests included."""
    client = Client([ServerAddress(url=cluster.ui_url)])
    found = client.send(pages.cluster())
    client.close()
    return {each.driver_id for each in [*found.drivers, *found.ended_drivers]}


@pytest.mark.slow
def test_killed_workers_and_triggerers_cost_no_driver_and_make_no_second_one(
    airflow: LocalAirflow, cluster: StandaloneCluster
) -> None:
    airflow.api.wait_for_dag(DAG)
    airflow.api.unpause(DAG)
    before = drivers_on(cluster)
    run_id = airflow.api.trigger(DAG)

    def job(task_id: str) -> str | None:
        found = airflow.api.xcom(DAG, run_id, task_id, "job")
        return found and str(found["job_id"])

    def states() -> dict[str, str]:
        found = airflow.api.task_instances(DAG, run_id)
        return {each["task_id"]: each["state"] for each in found}

    def processes() -> list[int]:
        return list(task_processes(airflow.components["scheduler"].pid))

    assert eventually(lambda: bool(job("sync") and job("deferred")))
    first = {task_id: job(task_id) for task_id in ("sync", "deferred")}
    assert eventually(lambda: states() == {"sync": "running", "deferred": "deferred"}), states()
    # The process of a task lives on for a moment after its task was deferred.
    assert eventually(lambda: len(processes()) == 1)
    [victim] = processes()
    os.kill(victim, signal.SIGKILL)
    airflow.components["triggerer"].kill()
    airflow.components["triggerer"].start()
    state = airflow.api.wait_for_run(DAG, run_id, within=600)
    tries = {
        each["task_id"]: each["try_number"] for each in airflow.api.task_instances(DAG, run_id)
    }

    assert state == "success"
    assert tries == {"sync": 2, "deferred": 1}
    assert {task_id: job(task_id) for task_id in first} == first
    assert drivers_on(cluster) - before == set(first.values())
    assert f"Rejoining {first['sync']} of an earlier try" in airflow.api.log(
        DAG, run_id, "sync", try_number=2
    )
