"""What a task gives to the master, and what its connection adds to it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import literal

from libra_provider.operators import SparkClusterJobOperator
from tests.fakes.connections import connect
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner

Run = Callable[..., Any]


@pytest.fixture
def run(runner: TaskRunner, tmp_path: Path) -> Run:
    """Run one try of a task with a Python file."""
    file = tmp_path / "etl.py"
    file.write_text("print('hello')\n")

    def run(**fields: Any) -> Any:
        return runner.run(
            SparkClusterJobOperator(
                task_id="etl", application=f"local:{file}", poll_interval=0.01, **fields
            )
        )

    return run


def connect_with(master: FakeMaster, **extra: object) -> None:
    urls = {"rest_urls": master.url, "ui_urls": master.url}
    connect("spark_master_default", conn_type="spark_master", port=7077, extra=urls | extra)


def submitted(master: FakeMaster) -> dict[str, Any]:
    [driver] = master.drivers.values()
    return driver.request


@pytest.mark.parametrize(
    "spelling", ["{% raw %}{{SPARK_HOME}}{% endraw %}", literal("{{SPARK_HOME}}")]
)
def test_a_variable_of_the_masters_survives_airflows_templates(
    master: FakeMaster, run: Run, spelling: Any
) -> None:
    run(conf={"spark.home": spelling}, env_vars={"HOME_THERE": spelling})

    request = submitted(master)
    assert request["sparkProperties"]["spark.home"] == "{{SPARK_HOME}}"
    assert request["environmentVariables"]["HOME_THERE"] == "{{SPARK_HOME}}"


def test_a_driver_timeout_reaches_the_master(master: FakeMaster, run: Run) -> None:
    result = run(driver_timeout="30 min")

    assert result.state == "success"
    assert submitted(master)["sparkProperties"]["spark.driver.timeout"] == "30min"


def test_a_name_given_as_a_property_replaces_that_of_the_task(master: FakeMaster, run: Run) -> None:
    run(conf={"spark.app.name": "mine"})

    assert submitted(master)["sparkProperties"]["spark.app.name"] == "mine"


def test_defaults_caps_and_bootstrap_of_the_connection_shape_the_job(
    master: FakeMaster, run: Run
) -> None:
    connect_with(
        master,
        spark_defaults={"spark.executor.memory": "1.5 GB", "spark.plugins": "a.B"},
        max_cores=8,
        max_memory="4g",
        bootstrap="local:/opt/libra/bootstrap.py",
    )
    run(driver_timeout=60)

    request = submitted(master)
    assert request["sparkProperties"]["spark.executor.memory"] == "1536m"
    assert request["sparkProperties"]["spark.cores.max"] == "8"
    assert request["sparkProperties"]["spark.plugins"].startswith("a.B,org.apache.spark.")
    assert request["appArgs"][-2] == "local:/opt/libra/bootstrap.py"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            ({"max_cores": 4}, {"conf": {"spark.cores.max": 16}}),
            "connection spark_master_default allows at most max_cores=4",
        ),
        (
            ({"spark_defaults": {"spark.driver.memory": "lots"}}, {}),
            "spark_defaults['spark.driver.m",
        ),
        (({"spark_defaults": "spark.x=1"}, {}), "expected a JSON object of properties"),
        (({"max_memory": 8}, {}), "max_memory=8"),
        (({}, {"driver_timeout": 60, "supervise": True}), "supervise would restart the driver"),
        (({}, {"driver_timeout": "0 s"}), "driver_timeout=0.0"),
        (({}, {"driver_timeout": timedelta(0)}), "driver_timeout=0.0"),
    ],
)
def test_what_the_connection_or_sense_forbids_is_not_sent_and_leaves_no_trace(
    master: FakeMaster,
    runner: TaskRunner,
    run: Run,
    given: tuple[dict[str, Any], dict[str, Any]],
    sentence: str,
) -> None:
    """A record left behind would make the next try think that a driver may run."""
    extra, fields = given
    connect_with(master, **extra)
    result = run(**fields)

    assert result.state == "failed"
    assert sentence in str(result.error)
    assert (master.requests, runner.store) == ([], {})


@pytest.mark.parametrize(
    ("given", "warnings"),
    [
        (({}, {}), 1),
        (({}, {"spark.cores.max": 2}), 0),
        (({"max_cores": 2}, {}), 0),
        (({"spark_defaults": {"spark.cores.max": "2"}}, {}), 0),
    ],
)
def test_a_job_that_would_take_every_core_is_warned_about_once(
    master: FakeMaster,
    run: Run,
    caplog: pytest.LogCaptureFixture,
    given: tuple[dict[str, Any], dict[str, Any]],
    warnings: int,
) -> None:
    extra, conf = given
    connect_with(master, **extra)
    with caplog.at_level(logging.WARNING, logger="libra_provider"):
        run(conf=conf)

    said = [each for each in caplog.messages if "spark.cores.max is not set" in each]
    assert len(said) == warnings


def test_a_task_says_nothing_secret(
    master: FakeMaster, runner: TaskRunner, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        result = run(
            conf={"spark.hadoop.fs.s3a.secret.key": "hidden-s3a"},
            env_vars={"DB_PASSWORD": "hidden-db"},
        )

    assert result.state == "success"
    assert "hidden-s3a" in str(submitted(master))
    assert "hidden" not in caplog.text + str(runner.xcoms) + str(runner.store)
