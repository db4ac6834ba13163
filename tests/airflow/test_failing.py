"""What cannot work ends with one sentence that says what, where and what to do; nothing runs on."""

from __future__ import annotations

import pytest

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra.statements import status as statement_status
from libra_provider.clients.standalone import rest
from libra_provider.cluster.airflow import LocalAirflow
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.core.states import JobState
from tests.airflow.morning import eventually

SENTENCES = {
    "libra_away": "No response from http://127.0.0.1:1: connection refused; check host and port",
    "wrong_token": "Set the connection's password to the token of this Libra",
    "no_sql": "[PARSE_SYNTAX_ERROR]",
    "no_table": "[TABLE_OR_VIEW_NOT_FOUND]",
    "master_away": "No response from http://127.0.0.1:1: connection refused; check host and port",
    "master_rpc_port": "as by a port that does not speak HTTP; check the port",
    "master_ui_port": "this port is a Spark web page; set rest_port (--rest on the command line)",
    "no_file": "Invalid application='jobs/missing.py': there is no file /",
    "bad_conf": "Invalid conf['spark.driver.memory']='lots': expected a size with a unit",
    "job_fails": "failed: ValueError: no such day: 2013-02-30",
    "wrong_kind": "Invalid kind='scala': expected sql, python,",
}


@pytest.fixture(scope="module")
def failed_run(airflow: LocalAirflow) -> str:
    airflow.api.wait_for_dag("failing")
    airflow.api.unpause("failing")
    run_id = airflow.api.trigger("failing")
    airflow.api.wait_for_run("failing", run_id, within=600)
    return run_id


@pytest.mark.parametrize("task_id", SENTENCES)
def test_a_task_that_cannot_work_ends_with_one_clear_sentence(
    airflow: LocalAirflow, failed_run: str, task_id: str
) -> None:
    states = {
        each["task_id"]: each["state"] for each in airflow.api.task_instances("failing", failed_run)
    }
    log = airflow.api.log("failing", failed_run, task_id)
    last = [line for line in log.splitlines() if SENTENCES[task_id] in line]

    assert states[task_id] == "failed"
    assert last, log


def client_of(libra: LocalLibra) -> Client:
    return Client([ServerAddress(url=libra.url, authorization=BearerToken(libra.token))])


def test_marking_deferred_tasks_failed_stops_statement_and_driver(
    airflow: LocalAirflow, libra: LocalLibra, cluster: StandaloneCluster
) -> None:
    airflow.api.wait_for_dag("endless")
    airflow.api.unpause("endless")
    run_id = airflow.api.trigger("endless")

    def states() -> dict[str, str]:
        return {
            each["task_id"]: each["state"] for each in airflow.api.task_instances("endless", run_id)
        }

    def is_watched(name: str) -> bool:
        return " is running " in airflow.api.log("endless", run_id, name)

    assert eventually(lambda: states() == {"statement": "deferred", "driver": "deferred"})
    # Nothing can stop a job before a triggerer has taken its task up.
    assert eventually(lambda: all(is_watched(name) for name in states()))
    jobs = {name: airflow.api.xcom("endless", run_id, name, "job")["job_id"] for name in states()}
    master = Client([ServerAddress(url=cluster.rest_url)])
    driver = rest.status(jobs["driver"])
    assert eventually(lambda: master.send(driver).state is JobState.RUNNING)
    for name in jobs:
        airflow.api.mark("endless", run_id, name, "failed")

    statement = statement_status(jobs["statement"])
    with_token = client_of(libra)
    assert eventually(lambda: with_token.send(statement).state is JobState.KILLED)
    assert eventually(lambda: master.send(driver).state is JobState.KILLED)
    master.close()
    with_token.close()
