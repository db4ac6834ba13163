from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from libra_provider.operators import SparkClusterJobOperator
from tests.fakes.connections import connect
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import WORKER, FakeMaster
from tests.fakes.task_runner import TaskRunner

both_ways = pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])


@pytest.fixture(autouse=True)
def job_file(tmp_path: Path) -> str:
    """The application of every test; the workers have it, so nothing is shipped."""
    file = tmp_path / "etl.py"
    file.write_text("print('hello')\n")
    return f"local:{file}"


def etl(file: str, **fields: Any) -> SparkClusterJobOperator:
    fields = {"poll_interval": 0.01, **fields}
    return SparkClusterJobOperator(task_id="etl", application=file, **fields)


def run(runner: TaskRunner, file: str, deferrable: bool = False, **fields: Any) -> Any:
    result = runner.run(etl(file, deferrable=deferrable, **fields))
    if result.state == "deferred":
        result = runner.resume(etl(file, deferrable=deferrable, **fields))
    return result


@both_ways
def test_a_driver_is_submitted_once_and_seen_to_its_end(
    master: FakeMaster, runner: TaskRunner, job_file: str, deferrable: bool
) -> None:
    result = run(runner, job_file, deferrable)

    assert result.state == "success"
    assert list(master.drivers) == [runner.xcoms["job"]["job_id"]]
    assert runner.xcoms["driver_location"]["where"] == f"on worker {WORKER}"


@both_ways
def test_links_lead_to_log_spark_ui_and_master(
    master: FakeMaster, runner: TaskRunner, job_file: str, deferrable: bool
) -> None:
    master.logs = {"stderr": "INFO Utils: Successfully started service 'SparkUI' on port 4041.\n"}
    run(runner, job_file, deferrable)

    driver_id = runner.xcoms["job"]["job_id"]
    page = f"{master.url}/logPage/?driverId={driver_id}&logType=stderr"
    assert runner.xcoms["_link_DriverLogLink"] == page
    assert runner.xcoms["_link_SparkUiLink"] == "http://127.0.0.1:4041"
    assert runner.xcoms["_link_SparkMasterLink"] == master.url


def test_links_lead_somewhere_while_a_worker_waits(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    """Airflow itself asks an operator for them when it has ended."""
    links: list[str] = []

    def ends_once_linked(_: Request) -> None:
        if "_link_DriverLogLink" in runner.xcoms:
            links.append(runner.xcoms["_link_DriverLogLink"])
            master.drivers[runner.xcoms["job"]["job_id"]].states = ["FINISHED"]

    master.states = ["RUNNING"]
    master.disturb = ends_once_linked
    result = run(runner, job_file)

    assert result.state == "success"
    assert links[0].startswith(f"{master.url}/logPage/?driverId=")


@both_ways
def test_the_drivers_log_is_in_the_task_log(
    master: FakeMaster,
    runner: TaskRunner,
    job_file: str,
    deferrable: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    master.logs = {"stdout": "read 336776 flights\n", "stderr": "password=hidden\n"}
    run(runner, job_file, deferrable)

    assert caplog.messages.count("[stdout] read 336776 flights") == 1
    assert caplog.messages.count("[stderr] password=***") == 1


def test_a_driver_without_executors_for_too_long_is_stopped_with_the_reason(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    app = {"id": "app-1", "name": "etl", "state": "WAITING", "cores": 0}
    master.page = {"activeapps": [app]}
    master.states = ["RUNNING"]
    master.logs = {"stderr": "INFO Backend: Connected to Spark cluster with app ID app-1\n"}
    result = run(runner, job_file, executors_timeout=0.05)

    assert result.state == "up_for_retry"
    assert "executors_timeout=0.1 s; its application app-1 has no executors" in str(result.error)
    assert next(iter(master.drivers.values())).killed


def test_a_driver_that_waits_too_long_is_stopped_with_the_reason(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    master.page = {"workers": []}
    master.states = ["SUBMITTED"]
    result = run(runner, job_file, queued_timeout=0.05)

    assert "requests 1 core and 1 GiB; no worker is alive" in str(result.error)
    assert next(iter(master.drivers.values())).killed


def test_templates_conf_and_names_reach_the_master(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    run(
        runner,
        job_file,
        application_args=["--sum", "{{ 1 + 1 }}"],
        conf={"spark.driver.memory": "1.5 GB", "spark.x": "{{ 'rendered' }}"},
    )

    request = next(iter(master.drivers.values())).request
    assert request["appArgs"][-3:] == [job_file, "--sum", "2"]
    assert request["sparkProperties"]["spark.driver.memory"] == "1536m"
    assert request["sparkProperties"]["spark.x"] == "rendered"
    assert request["sparkProperties"]["spark.app.name"] == "d.etl"
    assert request["sparkProperties"]["spark.libra.run"] == "d/r/etl/-1"


def test_defaults_of_the_connection_fill_what_the_job_leaves_open(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    defaults = {"spark.cores.max": "2", "spark.driver.cores": "1"}
    extra = {"rest_urls": master.url, "ui_urls": master.url, "spark_defaults": defaults}
    connect("spark_master_default", conn_type="spark_master", extra=extra)
    run(runner, job_file, conf={"spark.cores.max": "8"})

    properties = next(iter(master.drivers.values())).request["sparkProperties"]
    assert (properties["spark.cores.max"], properties["spark.driver.cores"]) == ("8", "1")


@both_ways
def test_a_failed_driver_ends_the_task_with_its_first_exception(
    master: FakeMaster, runner: TaskRunner, job_file: str, deferrable: bool
) -> None:
    master.states = ["RUNNING", "FAILED"]
    traceback = "Traceback (most recent call last):\n  File x\nValueError: no such day\n"
    master.logs = {"stdout": traceback, "stderr": "org.apache.spark.SparkUserAppException: 1\n"}
    result = run(runner, job_file, deferrable)

    assert result.state == "up_for_retry"
    assert str(result.error) == f"{next(iter(master.drivers))} failed: ValueError: no such day"


def test_a_worker_page_that_is_away_costs_the_reason_and_not_the_answer(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    master.states = ["FAILED"]
    extra = {"rest_urls": master.url, "ui_urls": "http://127.0.0.1:1"}
    connect("spark_master_default", conn_type="spark_master", extra=extra)
    result = run(runner, job_file)

    assert "failed: its log could not be read" in str(result.error)


@both_ways
def test_a_retry_after_a_crash_rejoins_the_driver(
    master: FakeMaster, runner: TaskRunner, job_file: str, deferrable: bool
) -> None:
    runner.run(etl(job_file, deferrable=True))
    result = run(runner, job_file, deferrable)

    assert result.state == "success"
    assert len(master.drivers) == 1


def test_a_driver_that_the_master_forgot_is_never_submitted_again(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    """Its process may still run: two of them would write over each other."""
    runner.run(etl(job_file, deferrable=True))
    driver_id = next(iter(master.drivers))
    master.drivers.clear()
    result = run(runner, job_file)

    assert result.state == "failed"
    assert f"{driver_id} is lost" in str(result.error)
    assert "its process may still run" in str(result.error)
    assert master.drivers == {}


def test_a_clear_stops_the_driver_of_the_earlier_run(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    runner.run(etl(job_file, deferrable=True))
    first = next(iter(master.drivers.values()))
    first.states = ["RUNNING"]
    runner.max_tries += 3
    result = run(runner, job_file)

    assert result.state == "success"
    assert first.killed
    assert len(master.drivers) == 2


def test_without_waiting_the_task_returns_the_drivers_id(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    master.states = ["RUNNING"]
    result = run(runner, job_file, wait_for_completion=False)

    assert result.state == "success"
    assert runner.xcoms["return_value"] == next(iter(master.drivers))


def test_on_kill_stops_the_driver(master: FakeMaster, runner: TaskRunner, job_file: str) -> None:
    master.states = ["RUNNING"]
    executed = runner.run(etl(job_file, deferrable=True)).ti.task
    executed.on_kill()

    assert next(iter(master.drivers.values())).killed


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"file": "jobs/missing.py"},
            "Invalid application='jobs/missing.py': there is no file",
        ),
        ({"file": "local:/jobs/etl.scala"}, "expected a file that ends in .py or .jar"),
        ({"file": "local:/jobs/etl.jar"}, "a JAR needs the name of its main class"),
        ({"conf": {"spark.driver.memory": "lots"}}, "conf['spark.driver.memory']='lots'"),
        ({"conf": {"driver.memory": "1g"}}, "properties that start with 'spark.'"),
        ({"conf": {"spark.submit.deployMode": "client"}}, "this job runs in cluster mode"),
        ({"conf": {"spark.master": "yarn"}}, "YARN is not supported yet"),
        ({"application_args": "--day 1"}, "expected a list of strings"),
        ({"py_files": ["missing.zip"]}, "py_files='missing.zip'"),
    ],
)
def test_bad_input_ends_the_task_before_anything_is_sent(
    master: FakeMaster, runner: TaskRunner, job_file: str, fields: dict[str, Any], sentence: str
) -> None:
    result = run(runner, **{"file": job_file, **fields})

    assert result.state == "failed"
    assert sentence in str(result.error)
    assert master.requests == []


@pytest.mark.parametrize("scheme", ["local:/jobs/", "s3a://b/", "hdfs:///jobs/"])
def test_a_url_is_used_as_it_is(master: FakeMaster, runner: TaskRunner, scheme: str) -> None:
    result = run(runner, f"{scheme}etl.py")

    assert result.state == "success"
    assert next(iter(master.drivers.values())).request["appArgs"][-1] == f"{scheme}etl.py"


def test_a_web_page_of_spark_in_place_of_the_rest_port_is_named(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    master.disturb = lambda _: Answer(body="<html><title>Spark Master at spark://m:7077</title>")
    result = run(runner, job_file)

    assert "set rest_port (--rest on the command line) to spark.master.rest.port (6066)" in str(
        result.error
    )
    assert "libra_job" not in runner.store


def test_a_master_that_wants_a_signature_fails_the_task_at_once(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    master.disturb = lambda _: Answer(403, "<html>Forbidden</html>")
    result = run(runner, job_file)

    assert result.state == "failed"
    assert "JWS secret key" in str(result.error)


def test_nobody_listening_is_named_with_its_address(runner: TaskRunner, job_file: str) -> None:
    connect("spark_master_default", conn_type="spark_master", extra={"rest_port": 1})
    result = run(runner, job_file, patience=0)

    assert result.state == "up_for_retry"
    assert "No response from http://127.0.0.1:1: connection refused" in str(result.error)


def test_a_master_that_stopped_leading_before_it_created_anything_leaves_no_doubt(
    master: FakeMaster, runner: TaskRunner, job_file: str
) -> None:
    """Else the next try would have to ask people whether a driver runs."""
    message = "Current state is not alive: STANDBY. Can only accept driver submissions in ALIVE."
    refusal = {"action": "CreateSubmissionResponse", "success": False, "message": message}
    master.disturb = lambda request: Answer(body=refusal) if "create" in request.path else None
    first = run(runner, job_file, patience=0)
    left_behind = dict(runner.store)
    master.disturb = lambda _: None
    second = run(runner, job_file)

    assert (first.state, second.state) == ("up_for_retry", "success")
    assert "libra_job" not in left_behind
    assert len(master.drivers) == 1
