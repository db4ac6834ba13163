"""The same client before the oldest and the newest Spark that are tested."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from libra_provider.clients.observation import Observation
from libra_provider.clients.standalone import rest
from libra_provider.clients.standalone.view import DriverView
from libra_provider.clients.stop import kill_and_verify
from libra_provider.cluster.standalone import StandaloneCluster, spark_home
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.states import JobState
from libra_provider.hooks import SparkMasterHook

pytestmark = pytest.mark.slow
OTHER_PYTHON = Path(__file__).parents[2] / ".venv-spark40" / "bin" / "python"
SMALL = {
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.cores.max": "1",
}
MAIN = """
public class Main {
  public static void main(String[] args) throws Exception {
    System.out.println("hello from " + org.apache.spark.package$.MODULE$.SPARK_VERSION());
    if (args[0].equals("fail")) throw new IllegalStateException("on purpose");
    if (args[0].equals("sleep")) Thread.sleep(600_000);
  }
}
"""
SCRIPT = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("counted", spark.range(9).count(), "with", spark.version, spark.sparkContext.master)
"""


@pytest.fixture(scope="module", params=["4.0", "4.3"])
def spark(request: pytest.FixtureRequest) -> Iterator[tuple[StandaloneCluster, str]]:
    """A cluster, and the version that it runs."""
    if request.param == "4.3":
        yield request.getfixturevalue("cluster"), "4.3"
        return
    if not OTHER_PYTHON.exists():
        pytest.skip("make spark40 installs the other Spark")
    with StandaloneCluster(cores=2, memory="2g", python=OTHER_PYTHON) as running:
        yield running, "4.0"


@pytest.fixture
def hook(spark: tuple[StandaloneCluster, str]) -> SparkMasterHook:
    os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(spark[0].connection())
    return SparkMasterHook()


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> SparkJob:
    """A JAR whose one class needs no SparkContext."""
    folder = tmp_path_factory.mktemp("main")
    (folder / "Main.java").write_text(MAIN)
    jars = f"{spark_home()}/jars/*"
    compile_it = ["javac", "-cp", jars, "-d", str(folder), str(folder / "Main.java")]
    pack_it = [
        "jar",
        "--create",
        "--file",
        str(folder / "main.jar"),
        "-C",
        str(folder),
        "Main.class",
    ]
    for command in (compile_it, pack_it):
        subprocess.run(command, check=True)
    return SparkJob.from_application(str(folder / "main.jar"), java_class="Main", conf=SMALL)


def run(hook: SparkMasterHook, job: SparkJob) -> tuple[Observation, list[str]]:
    """The last look at *job*, and every line of its log."""
    hook.greet()
    view = hook.view(hook.submit(job, new_tag()).job_id)
    lines: list[str] = []
    for _ in range(600):
        look = hook.look(view)
        lines.extend(map(str, look.lines))
        if look.status.state.is_terminal:
            return look, lines
        time.sleep(0.5)
    raise AssertionError(f"it is still {look.status.state}: {look.status.detail}")


def test_a_jar_runs_and_its_log_is_read(
    hook: SparkMasterHook, jar: SparkJob, spark: tuple[StandaloneCluster, str]
) -> None:
    look, lines = run(hook, jar.replace(application_args=["work"]))

    assert look.status.state is JobState.SUCCEEDED
    assert look.warning == ""
    assert any(f"hello from {spark[1]}." in line for line in lines)


def test_a_failed_jar_explains_itself(hook: SparkMasterHook, jar: SparkJob) -> None:
    look, _ = run(hook, jar.replace(application_args=["fail"]))

    assert look.status.state is JobState.FAILED
    assert "java.lang.IllegalStateException: on purpose" in look.status.detail


def test_a_killed_driver_is_seen_to_end(hook: SparkMasterHook, jar: SparkJob) -> None:
    driver_id = hook.submit(jar.replace(application_args=["sleep"]), new_tag()).job_id
    ended = kill_and_verify(hook, driver_id)

    assert ended.state is JobState.KILLED


def test_a_driver_that_finds_no_room_says_what_it_asks_for(
    hook: SparkMasterHook, jar: SparkJob
) -> None:
    greedy = jar.replace(application_args=["work"], conf=SMALL | {"spark.driver.cores": "64"})
    driver_id = hook.submit(greedy, new_tag()).job_id
    look = hook.look(DriverView(driver_id, hook.ui_urls))
    kill_and_verify(hook, driver_id)

    assert look.status.state is JobState.WAITING
    assert "64 cores" in look.status.detail


def test_a_python_job_runs_on_the_cluster(
    hook: SparkMasterHook, spark: tuple[StandaloneCluster, str], tmp_path: Path
) -> None:
    script = tmp_path / "job.py"
    script.write_text(SCRIPT)
    look, lines = run(hook, SparkJob.from_application(str(script), conf=SMALL))
    cluster, version = spark

    assert look.status.state is JobState.SUCCEEDED, look.status.detail
    assert any(f"counted 9 with {version}." in each for each in lines)
    assert any(each.endswith(cluster.master_url) for each in lines if "counted 9" in each)
    assert look.status.location
    assert str(look.status.location.application_id).startswith("app-")


def test_a_forgotten_driver_is_lost(hook: SparkMasterHook) -> None:
    status = hook.client().send(rest.status("driver-20200101000000-0000"))

    assert status.state is JobState.LOST


def test_the_doctor_knows_the_version_and_the_settings(
    hook: SparkMasterHook, spark: tuple[StandaloneCluster, str]
) -> None:
    examination = hook.examine()
    said = {each.name: each.found for each in examination.steps}

    assert examination.is_well
    assert said["version"].startswith(f"Spark {spark[1]}.")
    assert said["version"].endswith("as on the workers")
    assert said["retained drivers"].startswith("the master retains 200 ended drivers")
