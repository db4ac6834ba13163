"""No log shows a secret.

`dag.test()` has a console that anybody may see, and Airflow masks nothing there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from libra_provider.cluster.airflow import LocalAirflow
from tests.fakes.libra import TOKEN, FakeLibra
from tests.fakes.spark_master import FakeMaster

SECRETS = {
    "token": TOKEN,
    "jws": "c2lnbmluZy1rZXktb2YtbWFzdGVycy1pbi10aGlzLXRlc3Q",
    "conf": "s3-key-of-the-lake",
    "environment": "password-of-the-warehouse",
    "argument": "argument-of-nobody-else",
    "signature": "1799999999." + "ab" * 32,
    "lineage": "lineage-key-of-nobody",
    "printed": "what-a-driver-printed",
}
DAG = """
from airflow.sdk import DAG
from libra_provider.operators import LibraStatementOperator, SparkClusterJobOperator

S = {secrets!r}
with DAG("secretive", schedule=None, default_args={{"poll_interval": 0.2}}) as dag:
    for way in (False, True):
        LibraStatementOperator(
            task_id=f"statement_{{way}}", sql="SELECT 1 AS n", deferrable=way
        )
        SparkClusterJobOperator(
            task_id=f"driver_{{way}}",
            application=f"https://libra/artifacts/{{S['signature']}}/{{'0' * 64}}/etl.jar",
            java_class="Etl",
            application_args=[S["argument"]],
            conf={{"spark.hadoop.fs.s3a.secret.key": S["conf"], "spark.cores.max": 1}},
            env_vars={{"WAREHOUSE": S["environment"]}},
            openlineage_inject_parent_job_info=True,
            openlineage_inject_transport_info=True,
            deferrable=way,
        )
"""
RUN = """
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from secretive import dag

DagBundlesManager().sync_bundles_to_db()
bag = DagBag(dag_folder="/dev/null")
bag.bag_dag(dag)
sync_bag_to_db(bag, "dags-folder", None)
print("ENDED", dag.test().state)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Everything that a `dag.test()` has written on the console, and its files of logs."""
    home = tmp_path_factory.mktemp("secretive")
    (home / "secretive.py").write_text(DAG.format(secrets=SECRETS))
    (home / "run.py").write_text(RUN)
    with FakeLibra() as libra, FakeMaster() as master:
        master.logs = {"stdout": f"password={SECRETS['printed']}\n"}
        environment = environment_of(home, libra, master)
        for command in (["-m", "airflow", "db", "migrate"], ["run.py"]):
            done = subprocess.run(
                [sys.executable, *command],
                cwd=home,
                env=environment,
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
            )
        sent = str([(request.headers, request.body) for request in master.requests])
    logs = "".join(file.read_text() for file in (home / "logs").rglob("*.log"))

    assert "ENDED success" in done.stdout, done.stdout + done.stderr
    # What was never sent could not be shown either.
    assert all(SECRETS[name] in sent for name in ("conf", "environment", "argument", "lineage"))
    return done.stdout + done.stderr + logs


def environment_of(home: Path, libra: FakeLibra, master: FakeMaster) -> dict[str, str]:
    auth = {"type": "api_key", "apiKey": SECRETS["lineage"]}
    lineage = {"type": "http", "url": libra.url, "endpoint": "lineage", "auth": auth}
    connections = {
        "libra_default": {"conn_type": "libra", "port": libra.port, "password": SECRETS["token"]},
        "spark_master_default": {
            "conn_type": "spark_master",
            "port": 7077,
            "password": SECRETS["jws"],
            "extra": {"rest_urls": master.url, "ui_urls": master.url},
        },
    }
    named = {
        f"AIRFLOW_CONN_{name.upper()}": json.dumps({"host": "127.0.0.1", **connection})
        for name, connection in connections.items()
    }
    return {
        **os.environ,
        **named,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(lineage),
        "AIRFLOW__OPENLINEAGE__DISABLED": "True",
    }


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_on_the_console_of_dag_test(said: str, name: str) -> None:
    lines = [line for line in said.splitlines() if SECRETS[name] in line]

    assert lines == []


def test_the_console_of_dag_test_tells_the_story(said: str) -> None:
    assert "Submitted a JAR to http://127.0.0.1" in said
    assert " as driver-20261120082239-0000 with tag " in said
    assert ": etl.jar (Etl)" in said
    assert "[stdout] password=***" in said


@pytest.mark.slow  # a driver on a worker; tests/lifecycle/test_masking.py has the rule
def test_the_log_of_a_task_masks_what_its_driver_prints_of_the_secrets_it_was_given(
    airflow: LocalAirflow,
) -> None:
    airflow.api.wait_for_dag("printing")
    airflow.api.unpause("printing")
    run_id = airflow.api.trigger("printing")
    state = airflow.api.wait_for_run("printing", run_id, within=600)
    [found] = airflow.api.task_instances("printing", run_id)
    lines = airflow.api.log("printing", run_id, "prints", try_number=found["try_number"])

    assert state == "success", lines
    assert "[stdout] in the environment: ***" in lines
    assert "[stdout] among the properties: ***" in lines
    assert "[stdout] and this is said in clear: the-great-lake" in lines
    assert "-of-the-lake" not in lines
