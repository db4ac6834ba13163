from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.core.job import Backend, JobHandle, SparkJob, new_tag
from libra_provider.core.kinds import Kind
from libra_provider.core.states import JobState
from libra_provider.core.status import DriverLocation, JobStatus, Timings

PYTHON = {"kind": Kind.PYTHON_FILE, "application": "a.py"}


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"kind": "scala"}, "kind"),
        ({"kind": Kind.SQL}, "sql"),
        ({"kind": Kind.SQL, "code": "  "}, "sql"),
        ({"kind": Kind.SQL, "code": "select 1", "application": "a.py"}, "application"),
        ({"kind": Kind.PYTHON_FILE}, "application"),
        ({"kind": Kind.JAR, "application": "a.jar"}, "java_class"),
        ({**PYTHON, "java_class": "org.example.Etl"}, "java_class"),
        ({**PYTHON, "code": "1"}, "python"),
        ({**PYTHON, "parameters": {"n": 1}}, "parameters"),
        ({"kind": Kind.SQL, "code": "select 1", "application_args": ["1"]}, "application_args"),
        ({**PYTHON, "mode": "alone"}, "mode"),
        ({**PYTHON, "deploy_mode": "edge"}, "deploy_mode"),
        (
            {"kind": Kind.PYTHON_FILE, "application": "a.py", "application_args": "--day 1"},
            "application_args",
        ),
        ({"kind": Kind.PYTHON_FILE, "application": "a.py", "py_files": [1]}, "py_files"),
        ({"kind": Kind.SQL, "code": "select 1", "result_limit": 0}, "result_limit"),
        ({"kind": Kind.SQL, "code": "select 1", "supervise": True}, "supervise"),
        ({"kind": Kind.SQL, "code": "select 1", "driver_timeout": 60.0}, "driver_timeout"),
        ({**PYTHON, "driver_timeout": 0.0}, "driver_timeout"),
        ({**PYTHON, "driver_timeout": 60.0, "supervise": True}, "driver_timeout"),
        ({**PYTHON, "name": " "}, "name"),
        ({**PYTHON, "jars": ["a.jar,b.jar"]}, "jars"),
        ({**PYTHON, "jars": [""]}, "jars"),
        ({**PYTHON, "env_vars": {"A=B": "1"}}, "env_vars['A=B']"),
        ({**PYTHON, "env_vars": {"": "1"}}, "env_vars['']"),
        ({**PYTHON, "env_vars": {"A": 1}}, "env_vars['A']"),
        ({**PYTHON, "env_vars": {"A": "\0"}}, "env_vars['A']"),
        ({**PYTHON, "env_vars": {"SPARK_LOCAL_IP": "h"}}, "env_vars['SPARK_LOCAL_IP']"),
        ({**PYTHON, "name": "a", "conf": {"spark.app.name": "b"}}, "conf['spark.app.name']"),
        ({**PYTHON, "jars": ["a"], "conf": {"spark.jars": "b"}}, "conf['spark.jars']"),
        (
            {**PYTHON, "driver_timeout": 60.0, "conf": {"spark.driver.timeout": "1min"}},
            "conf['spark.driver.timeout']",
        ),
    ],
)
def test_a_job_that_cannot_work_does_not_exist(fields: dict[str, Any], parameter: str) -> None:
    with pytest.raises(BadInput) as caught:
        SparkJob(**fields)

    assert caught.value.parameter == parameter


def test_an_unknown_kind_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="expected sql, python, python-file, jar or jar-class"):
        SparkJob(kind="scala", code="1")


def test_the_ending_and_the_mode_of_an_application_say_its_kind() -> None:
    jar = {"java_class": "org.example.Etl"}
    kinds = [
        SparkJob.from_application("etl.py").kind,
        SparkJob.from_application("etl.JAR", **jar).kind,
        SparkJob.from_application("etl.jar", mode="shared", **jar).kind,
    ]

    assert kinds == [Kind.PYTHON_FILE, Kind.JAR, Kind.JAR_CLASS]


@pytest.mark.parametrize("application", ["etl.scala", "etl", "", ".py/etl"])
def test_an_application_is_a_python_file_or_a_jar(application: str) -> None:
    with pytest.raises(BadInput, match=r"expected a file that ends in \.py or \.jar"):
        SparkJob.from_application(application)


def test_no_secret_of_a_job_is_in_its_repr() -> None:
    job = SparkJob.from_application(
        "etl.py",
        conf={"spark.hadoop.fs.s3a.secret.key": "hidden", "spark.cores.max": "1"},
        env_vars={"DB_PASSWORD": "hidden"},
    )

    assert "hidden" not in repr(job)
    assert "spark.cores.max" in repr(job)


def test_a_job_cannot_be_changed_after_it_was_checked() -> None:
    job = SparkJob.from_application("etl.py", conf={"spark.cores.max": "1"})

    with pytest.raises(TypeError):
        job.conf["spark.cores.max"] = "9"  # type: ignore[index]  # that it is refused is the claim


def test_handle_and_status_survive_json() -> None:
    moment = datetime(2026, 11, 20, 8, 22, tzinfo=UTC)
    handle = JobHandle(Backend.SPARK_MASTER, "spark", "driver-1", new_tag())
    status = JobStatus(
        job_id="driver-1",
        state=JobState.RUNNING,
        location=DriverLocation(where="on worker w-1", host="h", worker_id="w-1"),
        timings=Timings(submitted_at=moment, started_at=moment),
    )

    assert JobHandle.from_json(handle.to_json()) == handle
    assert JobStatus.from_json(status.to_json()) == status


def test_timings_know_queue_time_and_run_time() -> None:
    timings = Timings(
        submitted_at=datetime(2026, 11, 20, 8, 0, 0, tzinfo=UTC),
        started_at=datetime(2026, 11, 20, 8, 0, 2, tzinfo=UTC),
        ended_at=datetime(2026, 11, 20, 8, 1, 2, tzinfo=UTC),
    )

    assert (timings.queued_seconds, timings.run_seconds) == (2, 60)
    assert Timings().to_json()["run_seconds"] is None


def test_tags_are_32_hex_digits_and_never_the_same() -> None:
    tags = {new_tag() for _ in range(1000)}

    assert len(tags) == 1000
    assert all(len(tag) == 32 and int(tag, 16) >= 0 for tag in tags)


@pytest.mark.parametrize("state", JobState)
def test_only_waiting_running_and_unclear_can_still_change(state: JobState) -> None:
    assert state.is_terminal is (state not in {"waiting", "running", "unclear"})
