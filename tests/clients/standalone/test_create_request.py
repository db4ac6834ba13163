from __future__ import annotations

import json
import os
from typing import Any

import pytest

from libra_provider.clients.standalone import create_request
from libra_provider.core.job import SparkJob

MASTER = "spark://m1:7077,m2:7077"
TAG = "ab" * 16
PLUGIN = "org.apache.spark.deploy.DriverTimeoutPlugin"


def request_for(application: str, bootstrap: str | None = None, **fields: Any) -> dict[str, Any]:
    if application.endswith(".jar"):
        fields.setdefault("java_class", "org.example.Etl")
    job = SparkJob.from_application(application, **fields)
    return create_request.create_request(job, TAG, master=MASTER, bootstrap=bootstrap)


def arguments_behind_name(request: dict[str, Any]) -> list[str]:
    arguments: list[str] = request["appArgs"]
    return arguments[arguments.index("--name") + 2 :]


def test_a_python_file_runs_on_the_cluster_and_not_in_the_drivers_worker() -> None:
    """Without --master in appArgs the inner SparkSubmit silently uses local[*]."""
    request = request_for(
        "/jobs/etl.py",
        application_args=["--day", "2026-11-20"],
        name="etl",
        py_files=["/jobs/a.py", "/jobs/b.zip"],
        packages=["org.apache.spark:spark-avro_2.13:4.3.0"],
    )

    assert request["mainClass"] == "org.apache.spark.deploy.SparkSubmit"
    assert request["appArgs"] == [
        *("--master", MASTER, "--deploy-mode", "client", "--name", "etl"),
        *("--py-files", "/jobs/a.py,/jobs/b.zip"),
        *("--packages", "org.apache.spark:spark-avro_2.13:4.3.0"),
        *("/jobs/etl.py", "--day", "2026-11-20"),
    ]


def test_properties_travel_where_spark_redacts_them() -> None:
    request = request_for(
        "/jobs/etl.py",
        conf={"spark.hadoop.fs.s3a.secret.key": "hidden", "spark.cores.max": "2"},
        name="etl",
        origin={"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": "-1"},
    )

    assert "hidden" not in json.dumps(request["appArgs"])
    assert request["sparkProperties"] == {
        "spark.hadoop.fs.s3a.secret.key": "hidden",
        "spark.cores.max": "2",
        "spark.app.name": "etl",
        "spark.master": MASTER,
        "spark.submit.deployMode": "cluster",
        "spark.libra.tag": TAG,
        "spark.libra.run": "d/r/t/-1",
    }


def test_what_spark_submit_acts_on_are_its_arguments_however_it_was_given() -> None:
    """As a system property, spark.jars reaches neither the driver's classes nor the executors."""
    request = request_for(
        "/jobs/etl.py",
        conf={"spark.jars": "/jobs/a.jar", "spark.jars.ivy": "/ivy", "spark.jars.excludes": "g:a"},
    )

    assert arguments_behind_name(request) == [
        *("--conf", "spark.jars=/jobs/a.jar", "--conf", "spark.jars.excludes=g:a"),
        *("--conf", "spark.jars.ivy=/ivy", "/jobs/etl.py"),
    ]
    assert "spark.jars" not in request["sparkProperties"]


@pytest.mark.parametrize(
    ("application", "resource", "script"),
    [
        ("/jobs/a b.py", "file:/jobs/a%20b.py", "/jobs/a b.py"),
        ("file:///jobs/a%20b.py", "file:/jobs/a%20b.py", "file:///jobs/a%20b.py"),
        ("local:/jobs/etl.py", "file:/jobs/etl.py", "local:/jobs/etl.py"),
        ("http://h/etl.py", "http://h/etl.py", "{{USER_JAR}}"),
        ("s3a://b/etl.py", "", "s3a://b/etl.py"),
    ],
)
def test_a_python_file_is_a_resource_that_patterns_can_allow(
    application: str, resource: str, script: str
) -> None:
    request = request_for(application)

    assert (request["appResource"], request["appArgs"][-1]) == (resource, script)


@pytest.mark.parametrize(
    ("application", "behind"),
    [
        ("/jobs/a b.py", ["local:/b.py", "/jobs/a b.py"]),
        ("file:///jobs/a%20b.py", ["local:/b.py", "/jobs/a b.py"]),
        ("local:/jobs/etl.py", ["local:/b.py", "/jobs/etl.py"]),
        ("http://h/etl.py", ["local:/b.py", "{{USER_JAR}}"]),
        ("s3a://b/etl.py", ["s3a://b/etl.py"]),
    ],
)
def test_the_bootstrap_runs_every_file_that_is_on_the_worker(
    application: str, behind: list[str]
) -> None:
    request = request_for(application, bootstrap="local:/b.py")

    assert arguments_behind_name(request) == behind


@pytest.mark.parametrize(
    ("application", "resource"),
    [
        ("/jobs/a b.jar", "file:/jobs/a%20b.jar"),
        ("local:/jobs/etl.jar", "file:/jobs/etl.jar"),
        ("s3a://b/etl.jar", "s3a://b/etl.jar"),
    ],
)
def test_a_jar_is_the_resource_and_its_main_class_the_entry(
    application: str, resource: str
) -> None:
    request = request_for(application, jars=["/jobs/lib.jar"], supervise=True, bootstrap="/b.py")

    assert (request["appResource"], request["mainClass"]) == (resource, "org.example.Etl")
    assert request["sparkProperties"]["spark.jars"] == f"{application},/jobs/lib.jar"
    assert request["sparkProperties"]["spark.driver.supervise"] == "true"
    assert request["appArgs"] == []


def test_a_jar_keeps_the_jars_of_its_properties() -> None:
    conf = {"spark.jars": "/jobs/lib.jar", "spark.files": "/f"}
    properties = request_for("/etl.jar", conf=conf, py_files=["/p.py"])["sparkProperties"]

    assert properties["spark.jars"] == "/etl.jar,/jobs/lib.jar"
    assert properties["spark.files"] == "/f,/p.py"
    assert properties["spark.submit.pyFiles"] == "/p.py"


@pytest.mark.parametrize(
    ("application", "script"),
    [("/etl.jar", "/etl.jar"), ("http://h/etl.jar", "{{USER_JAR}}")],
)
def test_packages_of_a_jar_reach_its_executors_through_spark_submit(
    application: str, script: str
) -> None:
    """A driver that resolves them by itself keeps them to itself."""
    request = request_for(
        application, packages=["g:a:1"], jars=["/l.jar"], application_args=["--day", "1"]
    )

    assert request["mainClass"] == "org.apache.spark.deploy.SparkSubmit"
    assert arguments_behind_name(request) == [
        *("--jars", "/l.jar", "--packages", "g:a:1", "--class", "org.example.Etl", script),
        *("--day", "1"),
    ]
    assert request["sparkProperties"]["spark.jars.packages"] == "g:a:1"


@pytest.mark.parametrize("application", ["/etl.py", "/etl.jar"])
def test_nothing_of_the_submitters_environment_travels(application: str) -> None:
    os.environ.update(SPARK_CONF_DIR="leaked", AWS_SECRET_ACCESS_KEY="leaked", TZ="leaked")
    request = request_for(application, env_vars={"TZ": "UTC"})

    assert "leaked" not in json.dumps(request)
    assert request["environmentVariables"]["TZ"] == "UTC"


def test_texts_hash_on_the_driver_as_on_the_executors() -> None:
    """RDD.lookup() fails without; bin/spark-submit sets it, and a user may set it otherwise."""
    usual = request_for("/etl.py")["environmentVariables"]
    own = request_for("/etl.py", env_vars={"PYTHONHASHSEED": "7"})["environmentVariables"]

    assert (usual, own) == ({"PYTHONHASHSEED": "0"}, {"PYTHONHASHSEED": "7"})


@pytest.mark.parametrize(
    ("seconds", "plugins", "expected"),
    [
        (1800, None, ("30min", PLUGIN)),
        (61, "a.B", ("2min", f"a.B,{PLUGIN}")),
        (1, f" {PLUGIN} , a.B", ("1min", f"{PLUGIN},a.B")),
    ],
)
def test_a_driver_timeout_is_whole_minutes_and_keeps_the_users_plugins(
    seconds: float, plugins: str | None, expected: tuple[str, str]
) -> None:
    conf = {"spark.plugins": plugins} if plugins else {}
    properties = request_for("/e.py", conf=conf, driver_timeout=seconds)["sparkProperties"]

    assert (properties["spark.driver.timeout"], properties["spark.plugins"]) == expected


def test_a_timeout_given_as_a_property_is_no_empty_promise() -> None:
    """Spark itself ignores spark.driver.timeout without its plugin, silently."""
    properties = request_for("/e.py", conf={"spark.driver.timeout": "5min"})["sparkProperties"]

    assert properties["spark.plugins"] == PLUGIN
