"""LibraOperator decides where a job runs, and then does as the operator of that place."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from libra_provider.core import Workload
from libra_provider.core.errors import BadInput
from libra_provider.operators import LibraOperator
from tests.fakes.connections import connect
from tests.fakes.libra import TOKEN, FakeLibra, problem
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner

SQL: dict[str, Any] = {"sql": "SELECT 1"}
LARGE: dict[str, Any] = SQL | {"workload": {"collects": "2 GB"}}
FAILS = ["PENDING", "RUNNING", "FAILED"]


def task(beside: Path | None = None, **fields: Any) -> LibraOperator:
    """A task of a Dag whose file lies in the folder *beside*."""
    made = LibraOperator(task_id="work", poll_interval=0.01, **fields)
    dag = DAG("d", schedule=None)
    dag.fileloc = str((beside or Path("/nowhere")) / "dag.py")
    dag.add_task(made)
    return made


def run(runner: TaskRunner, beside: Path | None = None, **fields: Any) -> Any:
    return runner.run(task(beside, **fields))


def decided(runner: TaskRunner) -> tuple[str, str, str]:
    found = runner.xcoms["deploy_mode_decision"]
    return found["mode"], found["deploy_mode"], found["rule"]


def at_libra(libra: FakeLibra) -> dict[str, Any]:
    """The one statement that Libra was sent, without what says which task it is."""
    [statement] = (each for each in libra.statements.values() if each.key)
    return {k: v for k, v in statement.body.items() if k not in ("tags", "description")}


def order_at(master: FakeMaster) -> tuple[dict[str, str], dict[str, Any]]:
    """The properties of the one driver that the master was sent, and what it is to run."""
    [driver] = master.drivers.values()
    return (
        driver.request["sparkProperties"],
        json.loads(driver.request["environmentVariables"]["LIBRA_JOB"]),
    )


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder beside which a Dag has two files of Python."""
    (tmp_path / "etl.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("x = 1\n")
    return tmp_path


@pytest.mark.parametrize("deferrable", [False, True], ids=["waiting", "deferred"])
def test_a_small_query_runs_on_the_shared_driver(
    libra: FakeLibra, master: FakeMaster, runner: TaskRunner, deferrable: bool
) -> None:
    fields: dict[str, Any] = {
        "sql": "SELECT {{ 40 + 2 }} AS n",
        "pool_name": "interactive",
        "preset": "etl",
        "deferrable": deferrable,
    }
    run(runner, **fields)
    if deferrable:
        runner.resume(task(**fields))

    assert decided(runner) == ("shared", "client", "same-site")
    assert at_libra(libra) == {
        "kind": "sql",
        "code": "SELECT 42 AS n",
        "pool": "interactive",
        "mode": "shared",
    }
    assert runner.xcoms["return_value"] == [{"n": 1}]
    assert master.drivers == {}


@pytest.mark.parametrize("deferrable", [False, True], ids=["waiting", "deferred"])
def test_a_large_query_runs_on_a_worker_and_returns_the_same(
    libra: FakeLibra, master: FakeMaster, runner: TaskRunner, deferrable: bool
) -> None:
    fields = LARGE | {"pool_name": "interactive", "preset": "etl", "deferrable": deferrable}
    run(runner, **fields)
    if deferrable:
        runner.resume(task(**fields))
    properties, order = order_at(master)

    assert decided(runner) == ("isolated", "cluster", "large-collect")
    assert order["sql"] == "SELECT 1"
    assert properties["spark.driver.memory"] == "2g"
    assert properties["spark.app.name"] == "d.work"
    assert runner.xcoms["return_value"] == [{"n": 1}]
    assert runner.xcoms["job"]["backend"] == "spark_master"
    assert runner.xcoms["_link_SparkMasterLink"] == master.url
    assert [each.key for each in libra.statements.values() if each.key] == []


def test_a_file_runs_beside_libra_which_keeps_what_it_needs(
    libra: FakeLibra, master: FakeMaster, runner: TaskRunner, small: Path
) -> None:
    run(
        runner,
        small,
        application="etl.py",
        py_files=["helper.py", "s3a://jobs/more.zip"],
        files=["helper.py#other.py"],
        packages=["org.example:a:1", "org.example:b:2"],
        application_args=["--day", "{{ 'to' ~ 'day' }}"],
        conf={"spark.executor.memory": "1.5 GB"},
    )
    sent = at_libra(libra)
    helper, more = sent["sparkConfig"]["spark.submit.pyFiles"].split(",")
    other = sent["sparkConfig"]["spark.files"]

    assert decided(runner) == ("isolated", "client", "same-site")
    assert (sent["kind"], sent["mode"], sent["deployMode"]) == ("python-file", "isolated", "client")
    assert re.fullmatch(r"artifact:[0-9a-f]{64}/etl\.py", sent["filePath"])
    assert re.fullmatch(r"artifact:[0-9a-f]{64}/helper\.py", helper)
    assert more == "s3a://jobs/more.zip"
    assert other.startswith(helper.removesuffix("helper.py"))
    assert other.endswith("other.py")
    assert sent["sparkConfig"]["spark.executor.memory"] == "1536m"
    assert sent["sparkConfig"]["spark.jars.packages"] == "org.example:a:1,org.example:b:2"
    assert sent["args"] == ["--day", "today"]
    assert master.drivers == {}


def test_the_same_file_that_must_survive_runs_on_a_worker(
    libra: FakeLibra, master: FakeMaster, runner: TaskRunner, small: Path
) -> None:
    ended = run(
        runner,
        small,
        application="etl.py",
        py_files=["helper.py"],
        workload=Workload(must_survive=True),
        timeout="90 s",
    )
    properties, order = order_at(master)

    assert ended.state == "success"
    assert decided(runner) == ("isolated", "cluster", "must-survive")
    assert order["application"].endswith("/etl.py")
    assert properties["spark.driver.timeout"] == "2min"
    assert libra.statements


def test_a_driver_beside_a_remote_libra_gets_the_longer_timeouts(
    master: FakeMaster, libra: FakeLibra, runner: TaskRunner, small: Path
) -> None:
    extra = {"locality": "remote"}
    connect("libra_default", conn_type="libra", port=libra.port, password=TOKEN, extra=extra)
    long = {"expected_duration": "2 h"}
    run(runner, small, application="etl.py", workload=long, preset="analytics")

    assert decided(runner) == ("isolated", "client", "long-job")
    assert at_libra(libra)["sparkConfig"] == {
        "spark.network.timeout": "600s",
        "spark.rpc.askTimeout": "600s",
        "spark.driver.memory": "4g",
        "spark.driver.cores": "4",
    }
    assert master.drivers == {}


def test_the_author_may_choose_and_the_log_says_what_the_tree_would_have_said(
    libra: FakeLibra, runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        run(runner, **LARGE, mode="shared")

    assert decided(runner) == ("shared", "client", "placement-set")
    assert "because mode='shared' is set" in caplog.text
    assert "Without mode and deploy_mode: ISOLATED cluster" in caplog.text
    assert libra.statements


def remembers(libra: FakeLibra, *runs: dict[str, Any]) -> None:
    """Make *libra* return earlier runs of the task; of another task if that is requested."""
    runs = tuple({"state": "SUCCESS", "submittedAt": "2026-01-01T00:00:00Z"} | run for run in runs)

    def answer(request: Request) -> Answer | None:
        if request.method != "GET" or "/statements?" not in request.path:
            return None
        ours = "tag=dag_id%3Ad&tag=task_id%3Awork&state=" in request.path
        found = [each for each in runs if f"state={each['state']}" in request.path]
        return Answer(body={"statements": found if ours else []})

    libra.disturb = answer


def test_what_earlier_runs_have_measured_decides(
    libra: FakeLibra, master: FakeMaster, runner: TaskRunner
) -> None:
    remembers(libra, {"resultBytes": 3 * 2**30}, {"resultBytes": 1})
    run(runner, **SQL)
    found = runner.xcoms["deploy_mode_decision"]

    assert found["reason"] == "the result is 3 GiB (measured in 2 earlier runs), more than 1 GiB"
    assert found["confidence"] == "high"
    assert len(master.drivers) == 1


def test_what_was_too_large_for_libras_driver_runs_on_a_worker_the_next_time(
    libra: FakeLibra, master: FakeMaster, runner: TaskRunner
) -> None:
    burst = {"state": "FAILED", "errorClass": "LIBRA_RESULT_TOO_LARGE", "resultBytes": 64 * 2**20}
    other = {"state": "FAILED", "errorClass": "DIVIDE_BY_ZERO", "resultBytes": 2**40}
    remembers(libra, burst, other, {"resultBytes": 5})
    run(runner, **SQL)
    found = runner.xcoms["deploy_mode_decision"]
    known = "the result is 64 MiB (or more, measured when the result was too large)"

    assert decided(runner) == ("isolated", "cluster", "large-collect")
    assert found["reason"] == f"{known}, and 64 MiB was too large for the shared driver"
    assert len(master.drivers) == 1


def test_what_the_author_says_beats_what_was_measured(libra: FakeLibra, runner: TaskRunner) -> None:
    remembers(libra, {"resultBytes": 3 * 2**30})
    run(runner, **SQL, workload={"collects": "1 MB"})

    assert decided(runner) == ("shared", "client", "same-site")


def test_rows_that_are_written_are_not_collected(libra: FakeLibra, runner: TaskRunner) -> None:
    remembers(libra, {"resultBytes": 3 * 2**30})
    run(runner, **SQL, result_path="s3a://lake/rows")

    assert decided(runner) == ("shared", "client", "same-site")
    assert runner.xcoms["return_value"]["uri"] == "s3a://lake/rows"


@pytest.mark.usefixtures("master")
def test_a_libra_that_remembers_nothing_but_takes_statements_is_enough(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    def knows_nothing(request: Request) -> Answer | None:
        silent = request.path.endswith("/estimate") or "/statements?" in request.path
        return problem(500, "no") if silent else None

    libra.disturb = knows_nothing
    ended = run(runner, **SQL)

    assert ended.state == "success"
    assert runner.xcoms["deploy_mode_decision"]["confidence"] == "low"


def test_no_master_is_needed_where_nothing_runs_on_the_cluster(
    libra: FakeLibra, runner: TaskRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SPARK_MASTER_DEFAULT", raising=False)
    ended = run(runner, **SQL)

    assert ended.state == "success"
    assert libra.statements


def test_a_connection_to_the_master_that_cannot_work_matters_only_where_it_is_needed(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    connect("spark_master_default", conn_type="spark_master", host="")
    near = run(runner, **SQL)
    runner.clear()
    worker = run(runner, **LARGE)

    assert near.state == "success"
    assert worker.state == "failed"
    assert "connection spark_master_default requires a host" in str(worker.error)
    assert len(libra.statements) == 1


@pytest.mark.usefixtures("master")
def test_thresholds_are_those_of_airflow_then_of_the_connection_then_of_the_task(
    libra: FakeLibra, runner: TaskRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    query: dict[str, Any] = SQL | {"workload": {"collects": "10 MB"}}
    monkeypatch.setenv("AIRFLOW__LIBRA__LARGE_COLLECT", "5 MB")
    run(runner, **query)
    seen.append(decided(runner)[1])
    extra = {"policy": {"large_collect": "20 MB"}}
    connect("libra_default", conn_type="libra", port=libra.port, password=TOKEN, extra=extra)
    runner.clear()
    run(runner, **query)
    seen.append(decided(runner)[1])
    runner.clear()
    run(runner, **query, policy={"large_collect": "1 MB"})
    seen.append(decided(runner)[1])

    assert seen == ["cluster", "client", "cluster"]


def test_a_retry_goes_on_where_the_job_still_runs(
    libra: FakeLibra, master: FakeMaster, runner: TaskRunner
) -> None:
    """What speaks for another place now must not cost the work that is done."""
    run(runner, **SQL, deferrable=True)
    ended = run(runner, **LARGE)

    assert ended.state == "success"
    assert len(libra.statements) == 1
    assert master.drivers == {}
    assert decided(runner) == ("shared", "client", "same-site")


def test_a_retry_of_a_job_that_failed_decides_anew(
    libra: FakeLibra, master: FakeMaster, runner: TaskRunner
) -> None:
    libra.states = FAILS
    run(runner, **SQL)
    libra.states = ["SUCCESS"]
    ended = run(runner, **LARGE)

    assert ended.state == "success"
    assert len(master.drivers) == 1
    assert decided(runner) == ("isolated", "cluster", "large-collect")


def test_a_result_too_large_for_the_shared_driver_is_told_with_the_ways_out(
    libra: FakeLibra, master: FakeMaster, runner: TaskRunner
) -> None:
    libra.states, libra.error_class = FAILS, "LIBRA_RESULT_TOO_LARGE"
    libra.error = "The result has more than 64 MiB; have it written to storage with resultPath."
    ended = run(runner, **SQL)

    assert ended.state == "failed"
    assert "more than 64 MiB" in str(ended.error)
    assert "a dedicated driver (mode='isolated', a preset) can return more" in str(ended.error)
    assert "up to Libra's result_max_bytes; with result_path there is no limit" in str(ended.error)
    assert master.drivers == {}


def test_no_driver_of_its_own_is_advised_for_more_rows_than_were_asked_for(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    """It would be refused as many there."""
    libra.states, libra.error_class = FAILS, "LIBRA_RESULT_TOO_LARGE"
    libra.error = "The result has more than resultLimit=5 rows; ask for more with resultLimit."
    ended = run(runner, **SQL)

    assert ended.state == "failed"
    assert "ask for more with resultLimit" in str(ended.error)
    assert "mode='isolated'" not in str(ended.error)


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        (SQL | {"mode": "shared", "deploy_mode": "cluster"}, "deploy_mode"),
        (SQL | {"application": "etl.jar"}, "application"),
        ({}, "sql"),
        (SQL | {"mode": "alone"}, "mode"),
        (SQL | {"workload": {"collects": "3"}}, "collects"),
        (SQL | {"workload": {"expected_duration": "-4 min"}}, "expected_duration"),
        (SQL | {"policy": {"large_collect": "much"}}, "large_collect"),
        (SQL | {"preset": "huge"}, "preset"),
        (SQL | {"fetch": "some"}, "fetch"),
    ],
)
def test_bad_input_is_found_when_the_dag_is_read(fields: dict[str, Any], parameter: str) -> None:
    with pytest.raises(BadInput) as caught:
        task(**fields)

    assert caught.value.parameter == parameter


@pytest.mark.usefixtures("master")
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (SQL | {"java_class": "Main"}, "only a JAR has a main class"),
        (SQL | {"timeout": 0, "mode": "isolated", "deploy_mode": "cluster"}, "Invalid timeout="),
        ({"application": "etl.py", "mode": "shared"}, "a Python file requires a dedicated driver"),
        (SQL | {"session": "s", "conf": {"spark.executor.memory": "2g"}}, "Invalid session='s'"),
        (SQL | {"conf": {"spark.executor.memory": "2"}}, "expected a size with a unit"),
        ({"application": "none.py"}, "there is no file"),
    ],
)
def test_bad_input_is_found_before_anything_is_sent(
    libra: FakeLibra, runner: TaskRunner, tmp_path: Path, fields: dict[str, Any], sentence: str
) -> None:
    ended = run(runner, tmp_path, **fields)

    assert ended.state == "failed"
    assert sentence in str(ended.error)
    assert libra.statements == {}
