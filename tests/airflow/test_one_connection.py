"""LibraOperator with one of its two connections, by a real Airflow on a real cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from libra_provider.cluster.airflow import LocalAirflow
from tests.airflow.morning import traces

pytestmark = pytest.mark.slow  # two drivers on workers; the unit tests run against the protocol
DAG = "one_connection"


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the JAR leaves its traces."""
    return tmp_path_factory.mktemp("evidence")


@pytest.fixture(scope="module")
def run_id(airflow: LocalAirflow, jar: str, evidence: Path) -> str:
    airflow.api.wait_for_dag(DAG)
    airflow.api.unpause(DAG)
    run_id = airflow.api.trigger(DAG, {"jar": jar, "evidence": str(evidence)})
    airflow.api.wait_for_run(DAG, run_id, within=600)
    return run_id


@pytest.fixture(scope="module")
def tasks(airflow: LocalAirflow, run_id: str) -> dict[str, dict[str, Any]]:
    """What Airflow knows of each task."""
    return {each["task_id"]: each for each in airflow.api.task_instances(DAG, run_id)}


def test_libra_sends_a_job_and_its_files_to_a_worker(
    airflow: LocalAirflow, run_id: str, tasks: dict[str, dict[str, Any]]
) -> None:
    lines = airflow.api.log(DAG, run_id, "by_libra")
    job = airflow.api.xcom(DAG, run_id, "by_libra", "job")
    location = airflow.api.xcom(DAG, run_id, "by_libra", "driver_location")

    assert tasks["by_libra"]["state"] == "success", lines
    assert (
        "Libra submits it to its own master, since connection is_not_there is not defined." in lines
    )
    assert airflow.api.xcom(DAG, run_id, "by_libra") == [7, "grüß dich"]
    assert job["backend"] == "libra"
    assert location["where"].startswith("on worker ")


def test_without_libra_the_job_goes_to_its_master(
    airflow: LocalAirflow, run_id: str, tasks: dict[str, dict[str, Any]], evidence: Path
) -> None:
    lines = airflow.api.log(DAG, run_id, "past_libra")
    job = airflow.api.xcom(DAG, run_id, "past_libra", "job")

    assert tasks["past_libra"]["state"] == "success", lines
    assert "because connection is_not_there is not defined" in lines
    assert job["backend"] == "spark_master"
    assert [each.is_done for each in traces(evidence, "past_libra")] == [True]


def test_without_either_the_task_fails_once_and_for_good(
    airflow: LocalAirflow, run_id: str, tasks: dict[str, dict[str, Any]]
) -> None:
    found = tasks["by_neither"]

    assert (found["state"], found["try_number"]) == ("failed", 1)
    assert "define one of them" in airflow.api.log(DAG, run_id, "by_neither")
