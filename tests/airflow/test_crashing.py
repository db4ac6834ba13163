"""A task's process dies at each point of its job's life; in the morning there was one job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from libra_provider.cluster.airflow import LocalAirflow
from libra_provider.core.states import JobState
from tests.airflow.dags.crashing import OF_DRIVERS, POINTS
from tests.airflow.morning import Servers, starts

DAG = "crashing"


@dataclass(frozen=True)
class Night:
    """A run in which every task died once; ``tries`` says how each one ended, and in which try."""

    run_id: str
    evidence: Path
    tries: dict[str, tuple[str, int]]


@pytest.fixture(scope="module")
def night(airflow: LocalAirflow, jar: str, tmp_path_factory: pytest.TempPathFactory) -> Night:
    evidence = tmp_path_factory.mktemp("evidence")
    airflow.api.wait_for_dag(DAG)
    airflow.api.unpause(DAG)
    run_id = airflow.api.trigger(DAG, {"jar": jar, "evidence": str(evidence)})
    airflow.api.wait_for_run(DAG, run_id, within=900)
    found = airflow.api.task_instances(DAG, run_id)
    tries = {each["task_id"]: (each["state"], each["try_number"]) for each in found}
    return Night(run_id, evidence, tries)


@pytest.mark.parametrize("point", POINTS)
def test_a_task_that_dies_has_one_statement_and_its_rows(
    airflow: LocalAirflow, servers: Servers, night: Night, point: str
) -> None:
    task_id = f"statement_{point}"
    log = airflow.api.log(DAG, night.run_id, task_id, try_number=2)

    assert night.tries[task_id] == ("success", 2), log
    assert servers.states(night.run_id, task_id) == [JobState.SUCCEEDED]
    assert airflow.api.xcom(DAG, night.run_id, task_id) == [{"nap": "null", "who": task_id}]


@pytest.mark.parametrize("point", OF_DRIVERS)
def test_a_task_that_dies_has_one_driver(
    airflow: LocalAirflow, servers: Servers, night: Night, point: str
) -> None:
    task_id = f"driver_{point}"
    log = airflow.api.log(DAG, night.run_id, task_id, try_number=2)

    assert night.tries[task_id] == ("success", 2), log
    assert starts(night.evidence, task_id) == 1, log
    job = airflow.api.xcom(DAG, night.run_id, task_id, "job")
    assert servers.driver(job["job_id"]) is JobState.SUCCEEDED


def test_mapped_tasks_that_die_find_each_their_own(
    airflow: LocalAirflow, servers: Servers, night: Night
) -> None:
    found = [airflow.api.xcom(DAG, night.run_id, "mapped", map_index=index) for index in range(2)]

    assert found == [[{"n": 1}], [{"n": 2}]]
    assert servers.states(night.run_id, "mapped") == [JobState.SUCCEEDED] * 2


@pytest.mark.parametrize("kind", ["statement", "driver"])
@pytest.mark.parametrize("point", ["polling", "returning"])
def test_xcom_has_its_keys_after_a_rejoin_too(
    airflow: LocalAirflow, night: Night, kind: str, point: str
) -> None:
    task_id = f"{kind}_{point}"
    keys = {
        key: airflow.api.xcom(DAG, night.run_id, task_id, key)
        for key in ("job", "driver_location", "timings")
    }

    assert keys["job"]["tag"]
    assert keys["driver_location"]["host"] == "127.0.0.1"
    assert keys["timings"]["submitted_at"] < keys["timings"]["ended_at"]


def test_a_cleared_success_runs_afresh(
    airflow: LocalAirflow, servers: Servers, night: Night
) -> None:
    tasks = ["statement_returning", "driver_returning"]
    airflow.api.clear(DAG, night.run_id, tasks)
    state = airflow.api.wait_for_run(DAG, night.run_id)

    assert state == "success"
    assert servers.states(night.run_id, tasks[0]) == [JobState.SUCCEEDED] * 2
    assert starts(night.evidence, tasks[1]) == 2
