"""LibraOperator where only one of its two connections is defined, or none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.connections import connect
from tests.fakes.libra import FakeLibra
from tests.fakes.old_libra import OldLibra
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner
from tests.operators.test_libra_operator import (
    FAILS,
    LARGE,
    SQL,
    at_libra,
    decided,
    run,
    task,
)

FILE: dict[str, Any] = {"application": "local:/opt/etl.py"}
NO_LIBRA = "connection libra_default is not defined"
NO_MASTER = "connection spark_master_default is not defined"


@pytest.fixture
def old() -> Iterator[OldLibra]:
    with OldLibra() as fake:
        connect("libra_default", conn_type="libra", port=fake.port)
        yield fake


def local(libra: FakeLibra) -> None:
    """Have *libra* run without a cluster."""

    def answer(request: Request) -> Answer | None:
        if not request.path.endswith("/health"):
            return None
        spark = {"version": "4.3.0", "master": "local[2]", "status": "CONNECTED"}
        return Answer(body={"service": "whereq-libra", "version": "0.1.0", "spark": spark})

    libra.disturb = answer


@pytest.mark.parametrize("deferrable", [False, True], ids=["waiting", "deferred"])
def test_without_a_master_libra_submits_what_goes_to_a_worker(
    libra: FakeLibra,
    runner: TaskRunner,
    caplog: pytest.LogCaptureFixture,
    deferrable: bool,
) -> None:
    fields = LARGE | {"preset": "etl", "timeout": "90 s", "deferrable": deferrable}
    with caplog.at_level("INFO"):
        run(runner, **fields)
    if deferrable:
        runner.resume(task(**fields))

    assert decided(runner) == ("isolated", "cluster", "large-collect")
    assert at_libra(libra) == {
        "kind": "sql",
        "code": "SELECT 1",
        "mode": "isolated",
        "deployMode": "cluster",
        "sparkConfig": {"spark.driver.memory": "2g", "spark.driver.cores": "2"},
        "timeoutSeconds": 90.0,
    }
    assert runner.xcoms["return_value"] == [{"n": 1}]
    assert runner.xcoms["job"]["backend"] == "libra"
    assert f"Libra submits it to its own master, since {NO_MASTER}." in caplog.text


def test_files_go_to_the_worker_by_libra_as_well(
    libra: FakeLibra, runner: TaskRunner, tmp_path: Path
) -> None:
    (tmp_path / "etl.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("x = 1\n")
    given = {"application": "etl.py", "py_files": ["helper.py"]}
    run(runner, tmp_path, **given, workload={"must_survive": True})
    sent = at_libra(libra)

    assert decided(runner) == ("isolated", "cluster", "must-survive")
    assert (sent["kind"], sent["deployMode"]) == ("python-file", "cluster")
    assert re.fullmatch(r"artifact:[0-9a-f]{64}/etl\.py", sent["filePath"])
    shipped = sent["sparkConfig"]["spark.submit.pyFiles"]
    assert re.fullmatch(r"artifact:[0-9a-f]{64}/helper\.py", shipped)


def test_a_retry_stays_by_libra_even_if_the_master_is_defined_meanwhile(
    libra: FakeLibra, runner: TaskRunner, request: pytest.FixtureRequest
) -> None:
    run(runner, **LARGE, deferrable=True)
    master = request.getfixturevalue("master")
    ended = run(runner, **LARGE)

    assert ended.state == "success"
    assert master.drivers == {}
    assert len(libra.statements) == 1
    assert runner.xcoms["job"]["backend"] == "libra"


def test_a_retry_goes_to_the_master_that_is_defined_once_its_job_has_failed(
    libra: FakeLibra, runner: TaskRunner, request: pytest.FixtureRequest
) -> None:
    libra.states = FAILS
    run(runner, **LARGE)
    master = request.getfixturevalue("master")
    ended = run(runner, **LARGE)

    assert ended.state == "success"
    assert len(master.drivers) == 1
    assert runner.xcoms["job"]["backend"] == "spark_master"


def test_a_deferred_job_is_resumed_by_libra_even_if_the_master_is_defined_meanwhile(
    libra: FakeLibra, runner: TaskRunner, request: pytest.FixtureRequest
) -> None:
    fields = LARGE | {"deferrable": True}
    run(runner, **fields)
    master = request.getfixturevalue("master")
    ended = runner.resume(task(**fields))

    assert ended.state == "success"
    assert runner.xcoms["return_value"] == [{"n": 1}]
    assert master.requests == []
    assert len(libra.statements) == 1


def test_what_libra_does_not_take_names_the_connection_that_is_not_there(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    ended = run(runner, **FILE, env_vars={"PIN": "4711"})

    assert ended.state == "failed"
    assert "env_vars=" in str(ended.error)
    assert f"Libra does not set environment variables, and {NO_MASTER}" in str(ended.error)
    assert "4711" not in str(ended.error)
    assert libra.statements == {}


def test_a_libra_without_workers_runs_everything_itself(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    local(libra)
    ended = run(runner, **LARGE)
    why = f"Libra's master is local[2], which has no workers, and {NO_MASTER}"

    assert ended.state == "success"
    assert decided(runner) == ("shared", "client", "only-one-place")
    assert runner.xcoms["deploy_mode_decision"]["reason"] == why


def test_a_wish_for_a_worker_that_libra_does_not_have_says_what_is_missing(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    local(libra)
    ended = run(runner, **SQL, deploy_mode="cluster")

    assert ended.state == "failed"
    assert "Invalid deploy_mode='cluster': Libra's master is local[2]" in str(ended.error)
    assert NO_MASTER in str(ended.error)
    assert libra.statements == {}


@pytest.mark.usefixtures("master")
def test_a_libra_without_workers_does_not_matter_where_a_master_is_defined(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    local(libra)
    run(runner, **LARGE)

    assert decided(runner) == ("isolated", "cluster", "large-collect")


def test_a_libra_of_the_old_contract_runs_everything_itself(
    old: OldLibra, runner: TaskRunner
) -> None:
    ended = run(runner, **LARGE)

    assert ended.state == "success"
    assert decided(runner) == ("shared", "client", "only-one-place")
    assert "supports only the old API" in runner.xcoms["deploy_mode_decision"]["reason"]
    assert len(old.ran) == 1


def test_without_a_libra_the_job_goes_to_a_worker(master: FakeMaster, runner: TaskRunner) -> None:
    ended = run(runner, **FILE)
    found = runner.xcoms["deploy_mode_decision"]

    assert ended.state == "success"
    assert decided(runner) == ("isolated", "cluster", "only-one-place")
    assert found["reason"].startswith(NO_LIBRA)
    assert f"not possible: {NO_LIBRA}" in [each["reason"] for each in found["alternatives"]]
    assert len(master.drivers) == 1
    assert runner.xcoms["job"]["backend"] == "spark_master"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (SQL, "without a connection to Libra (libra_conn_id), SQL needs result_path"),
        (SQL | {"result_path": "s3a://b/x"}, "sql_runner of SparkClusterJobOperator"),
        (SQL | {"mode": "shared"}, f"Invalid mode='shared': {NO_LIBRA}"),
        (FILE | {"deploy_mode": "client"}, f"Invalid deploy_mode='client': {NO_LIBRA}"),
        (SQL | {"session": "s"}, f"Invalid session='s': {NO_LIBRA}"),
    ],
)
def test_what_needs_libra_says_so_without_one(
    master: FakeMaster, runner: TaskRunner, fields: dict[str, Any], sentence: str
) -> None:
    ended = run(runner, **fields)

    assert ended.state == "failed"
    assert sentence in str(ended.error)
    assert master.drivers == {}


def test_without_either_connection_one_sentence_names_both(runner: TaskRunner) -> None:
    ended = run(runner, **SQL)

    assert ended.state == "failed"
    assert str(ended.error) == (
        "Invalid libra_conn_id='libra_default': this connection is not defined, and "
        f"{NO_MASTER}; define one of them."
    )


def test_a_libra_connection_that_cannot_work_is_not_taken_for_one_that_is_not_there(
    master: FakeMaster, runner: TaskRunner
) -> None:
    connect("libra_default", conn_type="libra", host="")
    ended = run(runner, **SQL)

    assert decided(runner) == ("shared", "client", "same-site")
    assert "connection libra_default requires a host" in str(ended.error)
    assert master.drivers == {}
