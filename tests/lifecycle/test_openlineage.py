from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.openlineage.plugins.listener import get_openlineage_listener
from airflow.sdk.listener import get_listener_manager

from libra_provider.operators import LibraStatementOperator, SparkClusterJobOperator
from tests.fakes.libra import FakeLibra
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner

URL = "http://lineage.invalid:5000"
API_KEY = "lineage-key-of-nobody"
PARENT = "spark.openlineage.parent"
TRANSPORT = "spark.openlineage.transport"
INJECT: dict[str, Any] = {
    "openlineage_inject_parent_job_info": True,
    "openlineage_inject_transport_info": True,
}


@pytest.fixture(autouse=True)
def lineage() -> Iterator[None]:
    """Airflow's OpenLineage sends there; here it only configures others to."""
    get_listener_manager()  # made once per process, and now without a listener that would send
    auth = {"type": "api_key", "apiKey": API_KEY}
    transport = {"type": "http", "url": URL, "endpoint": "lineage", "auth": auth}
    os.environ["AIRFLOW__OPENLINEAGE__TRANSPORT"] = json.dumps(transport)
    adapter = get_openlineage_listener().adapter
    before, adapter._client = adapter._client, None
    yield
    adapter._client = before


@pytest.fixture
def job_file(tmp_path: Path) -> str:
    file = tmp_path / "etl.py"
    file.write_text("print('hello')\n")
    return f"local:{file}"


def properties(master: FakeMaster, runner: TaskRunner, file: str, **fields: Any) -> dict[str, str]:
    task = SparkClusterJobOperator(
        task_id="etl", application=file, poll_interval=0.01, deferrable=False, **fields
    )
    assert runner.run(task).state == "success"
    [driver] = master.drivers.values()
    sent: dict[str, str] = driver.request["sparkProperties"]
    return sent


def test_a_driver_is_told_its_parent(master: FakeMaster, runner: TaskRunner, job_file: str) -> None:
    sent = properties(master, runner, job_file, openlineage_inject_parent_job_info=True)

    assert sent[f"{PARENT}JobName"] == "d.etl"
    assert uuid.UUID(sent[f"{PARENT}RunId"]).version
    assert not any(key.startswith(TRANSPORT) for key in sent)


def test_a_driver_is_told_where_lineage_goes_and_spark_shows_no_key(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    sent = properties(master, runner, job_file, openlineage_inject_transport_info=True)
    secret = f"{TRANSPORT}.auth.apiKey"

    assert sent[f"{TRANSPORT}.url"] == URL
    assert API_KEY in sent[secret]
    assert re.search(sent["spark.redaction.regex"], secret)
    assert not any(key.startswith(PARENT) for key in sent)


def test_the_key_travels_in_properties_and_nowhere_else(
    master: FakeMaster,
    runner: TaskRunner,
    job_file: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("DEBUG"):
        properties(master, runner, job_file, **INJECT)
    [driver] = master.drivers.values()
    rest = {key: value for key, value in driver.request.items() if key != "sparkProperties"}
    kept = [rest, runner.store, runner.xcoms, runner.states, caplog.text]

    assert API_KEY not in str(kept)


@pytest.mark.parametrize("given", [None, False])
def test_the_configuration_decides_unless_the_task_does(
    master: FakeMaster, runner: TaskRunner, job_file: str, given: bool | None
) -> None:
    os.environ["AIRFLOW__OPENLINEAGE__SPARK_INJECT_PARENT_JOB_INFO"] = "True"
    sent = properties(master, runner, job_file, openlineage_inject_parent_job_info=given)

    assert (f"{PARENT}JobName" in sent) is (given is None)


def test_what_the_author_says_of_lineage_stays(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    conf = {f"{PARENT}JobName": "mine", "spark.redaction.regex": "(?i)mine"}
    sent = properties(master, runner, job_file, conf=conf, **INJECT)

    assert [key for key in sent if key.startswith(PARENT)] == [f"{PARENT}JobName"]
    assert sent["spark.redaction.regex"] == "(?i)mine"


def test_a_statement_of_the_shared_driver_is_left_as_it_is(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    task = LibraStatementOperator(
        task_id="etl", sql="SELECT 1", poll_interval=0.01, deferrable=False, **INJECT
    )
    runner.run(task)
    [statement] = libra.statements.values()

    assert "sparkConfig" not in statement.body


def test_a_statement_with_a_driver_of_its_own_is_told(libra: FakeLibra, runner: TaskRunner) -> None:
    task = LibraStatementOperator(
        task_id="etl",
        application="s3a://jobs/etl.py",
        poll_interval=0.01,
        deferrable=False,
        **INJECT,
    )
    runner.run(task)
    [statement] = libra.statements.values()

    assert statement.body["sparkConfig"][f"{PARENT}JobName"] == "d.etl"
