"""What Airflow's own statsd logger sends, over UDP on a real socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils

from libra_provider.operators import LibraStatementOperator, SparkClusterJobOperator
from tests.fakes.libra import FakeLibra
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner

DRIVER = "backend=spark_master,kind=jar,mode=isolated"
STATEMENT = "backend=libra,kind=sql,mode=shared"


class Received:
    """Metrics that arrived, as ``name,tag=value,…`` → what was sent of it."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server

    def all(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        while True:
            try:
                name, _, value = self._server.recv(4096).decode().rpartition(":")
            except BlockingIOError:
                return {name: values for name, values in found.items() if "libra." in name}
            found.setdefault(name.removeprefix("airflow."), []).append(value)


@pytest.fixture
def received() -> Iterator[Received]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        settings = {"ON": True, "PORT": server.getsockname()[1], "INFLUXDB_ENABLED": True}
        for name, value in settings.items():
            os.environ[f"AIRFLOW__METRICS__STATSD_{name}"] = str(value)
        logger = stats_utils.get_stats_factory()()
        stats.initialize(factory=lambda: logger, export_legacy_names=False)
        yield Received(server)
        logger.statsd.close()
    stats.initialize(factory=NoStatsLogger, export_legacy_names=False)


def query() -> LibraStatementOperator:
    return LibraStatementOperator(
        task_id="top", sql="SELECT 1", poll_interval=0.01, deferrable=False
    )


def driver() -> SparkClusterJobOperator:
    return SparkClusterJobOperator(
        task_id="etl",
        application="local:/jobs/etl.jar",
        java_class="Etl",
        poll_interval=0.01,
        deferrable=True,
    )


def test_a_statement_is_counted_with_its_wait_and_its_run(
    libra: FakeLibra, runner: TaskRunner, received: Received
) -> None:
    runner.run(query())
    found = received.all()

    assert len(libra.statements) == 1
    assert found[f"libra.submissions,{STATEMENT}"] == ["1|c"]
    assert found[f"libra.outcomes,{STATEMENT},state=succeeded"] == ["1|c"]
    assert [each[-3:] for each in found[f"libra.wait,{STATEMENT}"]] == ["|ms"]
    assert [each[-3:] for each in found[f"libra.run,{STATEMENT}"]] == ["|ms"]
    assert len(found) == 4


def test_what_a_deferred_driver_came_to_is_counted_in_the_worker_that_resumes(
    master: FakeMaster, runner: TaskRunner, received: Received
) -> None:
    master.states = ["SUBMITTED", "RUNNING", "FAILED"]
    runner.run(driver())
    runner.resume(driver())
    found = received.all()

    assert found[f"libra.submissions,{DRIVER}"] == ["1|c"]
    assert found[f"libra.outcomes,{DRIVER},state=failed"] == ["1|c"]


def test_a_try_that_finds_its_job_counts_as_a_rejoin_and_not_as_a_submission(
    libra: FakeLibra, runner: TaskRunner, received: Received
) -> None:
    for _ in range(2):
        runner.run(query())
    found = received.all()

    assert len(libra.statements) == 1
    assert found[f"libra.submissions,{STATEMENT}"] == ["1|c"]
    assert found[f"libra.rejoins,{STATEMENT}"] == ["1|c"]


def test_a_submission_whose_answer_was_lost_counts_as_an_adoption_once_it_is_found(
    libra: FakeLibra, runner: TaskRunner, received: Received
) -> None:
    runner.run(query())
    runner.store["libra_job"]["job_id"] = None
    runner.run(query())
    found = received.all()

    assert found[f"libra.adoptions,{STATEMENT}"] == ["1|c"]
    assert len(libra.statements) == 1
