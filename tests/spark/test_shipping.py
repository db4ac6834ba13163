"""Tasks whose files no worker has, from the Dag's folder to XCom, on a real cluster and Libra."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.hooks import LibraHook
from libra_provider.operators import SparkClusterJobOperator
from tests.fakes.task_runner import TaskRunner
from tests.spark.jars import compiled

SMALL = {"spark.driver.memory": "512m", "spark.executor.memory": "512m", "spark.cores.max": "1"}
JOB = """
import sys
from pyspark.sql import SparkSession
from libra_provider import jobs
from mylib import twice

spark = SparkSession.builder.getOrCreate()
spark.udf.register("twice", twice, "long")
assert open(sys.argv[1]).read() == "7"
jobs.result(spark.sql("select id, twice(id) as two, date'2026-11-20' as day from range(3)"))
"""
GREETING = """
package lib;
public class Greeting { public static String text() { return "a greeting from lib.jar"; } }
"""
MAIN = """
public class Main {
    public static void main(String[] args) { System.out.println(lib.Greeting.text()); }
}
"""


@pytest.fixture(autouse=True)
def connections(cluster: StandaloneCluster, libra: LocalLibra) -> None:
    os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(cluster.connection())
    os.environ["AIRFLOW_CONN_LIBRA_DEFAULT"] = json.dumps(libra.connection())


def run(runner: TaskRunner, *, once_submitted: Callable[[], Any] = int, **fields: Any) -> Any:
    """One try of a deferrable task to its end; the two halves are in two processes at users'."""

    def task() -> SparkClusterJobOperator:
        return SparkClusterJobOperator(
            task_id="shipped", conf=SMALL, poll_interval=0.5, deferrable=True, **fields
        )

    deferred = runner.run(task())
    assert deferred.state == "deferred", deferred.error
    once_submitted()
    return runner.resume(task())


def test_a_job_whose_folder_is_gone_once_it_is_submitted_imports_reads_and_returns(
    tmp_path: Path,
) -> None:
    """Nothing is left here for the worker, which could see this folder, to read."""
    home, runner = tmp_path / "dags", TaskRunner()
    (home / "mylib").mkdir(parents=True)
    (home / "mylib" / "__init__.py").write_text("def twice(n):\n    return 2 * n\n")
    (home / "etl.py").write_text(JOB)
    (home / "seven.txt").write_text("7")
    result = run(
        runner,
        once_submitted=lambda: shutil.rmtree(home),
        application=str(home / "etl.py"),
        application_args=["seven.txt"],
        py_files=[str(home / "mylib")],
        files=[str(home / "seven.txt")],
        fetch="all",
    )

    job = runner.xcoms["job"]
    [listed] = LibraHook().statements(tag=("task_id", "shipped"), limit=1)
    assert result.state == "success", result.error
    assert runner.xcoms["return_value"] == [
        {"id": n, "two": 2 * n, "day": "2026-11-20"} for n in range(3)
    ]
    assert listed.status.job_id == job["tag"]
    assert listed.status.location is not None


@pytest.mark.slow
def test_sql_in_a_driver_of_its_own_returns_rows_and_places_and_why_it_is_wrong(
    tmp_path: Path,
) -> None:
    rows, place, wrong = TaskRunner(), TaskRunner(), TaskRunner()
    lake = str(tmp_path / "lake")
    run(rows, sql="select :n + 1 as m", parameters={"n": 41})
    run(place, sql="select * from range(10)", result_path=lake)
    refused = run(wrong, sql="selec 1")

    written = place.xcoms["return_value"]
    assert rows.xcoms["return_value"] == [{"m": 42}]
    assert (written["uri"].removeprefix("file:"), written["rows"]) == (lake, 10)
    assert written["schema"]["fields"][0]["name"] == "id"
    assert refused.state == "failed"
    assert "PARSE_SYNTAX_ERROR" in str(refused.error)


def test_a_jar_and_the_jar_that_it_needs_are_fetched_from_libra(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runner, home = TaskRunner(), tmp_path / "jobs"
    lib, app = home / "lib.jar", home / "app.jar"
    home.mkdir()
    compiled(lib, {"lib/Greeting.java": GREETING})
    compiled(app, {"Main.java": MAIN}, beside=[lib])
    result = run(
        runner,
        once_submitted=lambda: shutil.rmtree(home),
        application=str(app),
        java_class="Main",
        jars=[str(lib)],
    )

    assert result.state == "success", result.error
    assert "[stdout] a greeting from lib.jar" in caplog.messages
    assert LibraHook().status(runner.xcoms["job"]["tag"]).state.is_terminal
