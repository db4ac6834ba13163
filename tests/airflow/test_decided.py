"""The example Dag that is decided into all three places, by a real Airflow on a real cluster."""

from __future__ import annotations

import pytest

from libra_provider.cluster.airflow import LocalAirflow

DAG = "decided"
PLACES = {
    "shared": ("shared", "client", "same-site"),
    "client": ("isolated", "client", "same-site"),
    "cluster": ("isolated", "cluster", "must-survive"),
}


@pytest.fixture(scope="module")
def run_id(airflow: LocalAirflow) -> str:
    airflow.api.wait_for_dag(DAG)
    airflow.api.unpause(DAG)
    run_id = airflow.api.trigger(DAG)
    state = airflow.api.wait_for_run(DAG, run_id, within=600)
    states = {each["task_id"]: each["state"] for each in airflow.api.task_instances(DAG, run_id)}

    assert (state, states) == ("success", dict.fromkeys([*PLACES, "compare"], "success"))
    return run_id


def test_each_task_is_decided_into_another_place(airflow: LocalAirflow, run_id: str) -> None:
    found = {name: airflow.api.xcom(DAG, run_id, name, "deploy_mode_decision") for name in PLACES}
    places = {
        name: (each["mode"], each["deploy_mode"], each["rule"]) for name, each in found.items()
    }

    assert places == PLACES


def test_all_places_bring_the_same_result(airflow: LocalAirflow, run_id: str) -> None:
    n = 100_000
    squares = (n - 1) * n * (2 * n - 1) // 6
    results = [airflow.api.xcom(DAG, run_id, name) for name in PLACES]

    assert results == [[{"numbers": n, "squares": squares}]] * 3


def test_the_driver_was_where_it_was_decided_to_be(airflow: LocalAirflow, run_id: str) -> None:
    where = [airflow.api.xcom(DAG, run_id, name, "driver_location")["where"] for name in PLACES]

    assert where[:2] == ["on Libra's shared driver", "on Libra's host"]
    assert where[2].startswith("on worker ")


def test_the_log_begins_with_the_decision_and_its_path(airflow: LocalAirflow, run_id: str) -> None:
    lines = airflow.api.log(DAG, run_id, "cluster")

    assert "Driver placement: ISOLATED cluster, on a worker, because the job must outlive" in lines
    assert "Is only one placement possible? No: conf['spark.executor.memory'] requires" in lines
