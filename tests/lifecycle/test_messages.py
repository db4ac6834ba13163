from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.states import JobState
from libra_provider.core.status import DriverLocation, JobStatus, Timings
from libra_provider.lifecycle.messages import submitted, summary
from libra_provider.operators import LibraStatementOperator, SparkClusterJobOperator
from tests.fakes.libra import FakeLibra
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
BEGAN = "statement-1 succeeded in 2 min 3 s (queued 4.0 s) on worker w at 10.0.0.7"
DONE = JobStatus(
    job_id="statement-1",
    state=JobState.SUCCEEDED,
    location=DriverLocation(where="on worker w", host="10.0.0.7"),
    timings=Timings(
        submitted_at=NOW,
        started_at=NOW + timedelta(seconds=4),
        ended_at=NOW + timedelta(seconds=127),
    ),
)
SCHEMA = {"type": "struct", "fields": [{"name": "a"}, {"name": "b"}]}


@pytest.mark.parametrize(
    ("result", "shape"),
    [
        ([{"a": 1, "b": "x"}] * 1812, "1,812 rows of 2 columns, 35.4 KiB"),
        ([{"a": 1}], "1 row of 1 column, 10 bytes"),
        ([], "no rows"),
        (
            {"uri": "s3a://lake/top", "rows": 812, "bytes": 1288490189, "schema": SCHEMA},
            "wrote 812 rows of 2 columns, 1.2 GiB to s3a://lake/top",
        ),
        ({"rows": 812}, "a value of 13 bytes"),
        (42, "a value of 2 bytes"),
        ("a text", "a value of 8 bytes"),
        ([1, 2], "a value of 6 bytes"),
        (pd.DataFrame({"a": range(3), "b": range(3)}), "3 rows of 2 columns"),
    ],
)
def test_the_last_line_tells_the_shape_of_the_result(result: Any, shape: str) -> None:
    assert summary(DONE, result) == f"{BEGAN}: {shape}"


def test_the_last_line_says_only_what_is_known() -> None:
    assert summary(DONE) == BEGAN
    assert summary(JobStatus(job_id="driver-7", state=JobState.FAILED)) == "driver-7 failed"


@pytest.mark.parametrize(
    ("job", "kind", "subject"),
    [
        (SparkJob(kind=Kind.SQL, code="SELECT 1\n  FROM t"), "SQL", "SELECT 1 FROM t"),
        (SparkJob(kind=Kind.SQL, code="SELECT " + "x" * 99), "SQL", f"SELECT {'x' * 52}…"),
        (SparkJob(kind=Kind.SQL, code="SET password=hidden"), "SQL", "SET password=***"),
        (SparkJob.from_application("/srv/jobs/etl.py"), "a Python file", "etl.py"),
        (
            SparkJob.from_application("s3a://jobs/etl.jar", java_class="org.example.Etl"),
            "a JAR",
            "etl.jar (org.example.Etl)",
        ),
        (
            SparkJob(kind=Kind.PYTHON_FILE, application="https://u:pw@h/a/etl.py?signature=s"),
            "a Python file",
            "etl.py",
        ),
    ],
)
def test_the_first_line_shows_what_is_run_and_no_secret(
    job: SparkJob, kind: str, subject: str
) -> None:
    line = submitted(job, "driver-7", "f00", "http://m:6066")

    assert line == f"Submitted {kind} to http://m:6066 as driver-7 with tag f00: {subject}"


@pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])
def test_a_task_log_begins_with_what_and_where_and_ends_with_one_summary(
    libra: FakeLibra, runner: TaskRunner, caplog: pytest.LogCaptureFixture, deferrable: bool
) -> None:
    def query() -> LibraStatementOperator:
        return LibraStatementOperator(
            task_id="top", sql="SELECT name, n FROM t", poll_interval=0.01, deferrable=deferrable
        )

    with caplog.at_level("INFO"):
        result = runner.run(query())
        if deferrable:
            result = runner.resume(query())
    ours = [each.getMessage() for each in caplog.records if "statement-0" in each.getMessage()]
    tag = runner.store["libra_job"]["tag"]

    assert result.state == "success"
    assert ours[0] == (
        f"Submitted SQL to {libra.url} as statement-0 with tag {tag}: SELECT name, n FROM t"
    )
    assert [each for each in ours if " succeeded in " in each] == [ours[-1]]
    assert ours[-1].endswith(" on Libra's shared driver at 127.0.0.1: 1 row of 1 column, 10 bytes")


def test_what_is_shipped_is_called_as_its_author_calls_it(
    libra: FakeLibra,
    master: FakeMaster,
    runner: TaskRunner,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "etl.py").touch()
    task = SparkClusterJobOperator(
        task_id="etl", application=str(tmp_path / "etl.py"), poll_interval=0.01, deferrable=False
    )
    with caplog.at_level("INFO"):
        runner.run(task)
    [driver] = master.drivers
    [line] = [each for each in caplog.messages if f" as {driver} with tag " in each]

    assert line.startswith("Submitted a Python file to http://127.0.0.1:")
    assert line.endswith(": etl.py")
    assert len(libra.requests) > 1


def test_a_retry_that_finds_its_driver_succeeded_says_so_and_shows_the_log_that_nobody_saw(
    master: FakeMaster, runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    task = SparkClusterJobOperator(
        task_id="etl", application="local:/jobs/etl.py", poll_interval=0.01, deferrable=True
    )
    runner.run(task)
    master.states = ["FINISHED"]
    for driver in master.drivers.values():
        driver.states, driver.logs = ["FINISHED"], {"stdout": "read 336776 flights\n"}
    with caplog.at_level("INFO"):
        result = runner.run(task)
    [driver_id] = master.drivers

    assert result.state == "success"
    assert f"Rejoining {driver_id} of an earlier try: succeeded" in caplog.messages
    assert caplog.messages.count("[stdout] read 336776 flights") == 1
    assert runner.xcoms.keys() >= {"job", "driver_location", "timings", "_link_DriverLogLink"}
