"""A clean environment for every test; one cluster, one Libra, one Airflow for the whole session."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]  # it has no types
from xdist.scheduler.loadscope import (  # type: ignore[import-untyped]  # as above
    LoadScopeScheduling,
)

from libra_provider.cluster.airflow import LocalAirflow
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster

ROOT = Path(__file__).parent.parent
# Each of these folders is one scope: its tests share a cluster. The longest begin first.
TOGETHER = ("tests/airflow/", "tests/spark/", "tests/chaos/", "tests/cluster/")
# What these promise has to hold each time: they are not run again.
EACH_TIME = ("crash", "exactly_once", "lost_answers", "adoption", "surviving", "chaos")
STEERING = ("AIRFLOW", "LIBRA_", "SPARK_", "PYSPARK_")
# Beside it, jobs of a test find room: 6 cores are advertised, whatever the machine has.
LIBRA_SPARK = {
    "spark.cores.max": "2",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "1g",
    "spark.sql.shuffle.partitions": "4",
}


# A busy machine is slow, and finds no mistake by it.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_configure(config: pytest.Config) -> None:
    """Before anything imports Airflow, which writes into its home when it is imported."""
    for name in [name for name in os.environ if name.startswith(STEERING)]:
        del os.environ[name]
    home = tempfile.TemporaryDirectory(prefix="libra-tests-airflow-")
    config.add_cleanup(home.cleanup)
    os.environ["AIRFLOW_HOME"] = home.name
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives tests to processes (pytest -n): a folder that shares a cluster whole, else by file."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", maxsplit=1)[0]
        return next((folder for folder in TOGETHER if path.startswith(folder)), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """How tests are given to processes."""
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that the rest fills up the other process.

    And what must hold each time has no second try.
    """

    def rank(item: pytest.Item) -> int:
        return next((i for i, each in enumerate(TOGETHER) if item.nodeid.startswith(each)), 9)

    items.sort(key=rank)
    for item in items:
        if any(word in item.path.name for word in EACH_TIME):
            item.add_marker(pytest.mark.flaky(reruns=0))


@pytest.fixture(autouse=True)
def clean_environment() -> Iterator[None]:
    """What a test sets in the environment ends with it."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of the loopback on which nobody listens, nor can begin to."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


@pytest.fixture(scope="session")
def cluster() -> Iterator[StandaloneCluster]:
    """A real standalone cluster with one worker."""
    with StandaloneCluster(cores=6, memory="6g") as running:
        yield running


@pytest.fixture(scope="session")
def libra(
    cluster: StandaloneCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalLibra]:
    """A real Libra on the session's cluster, which runs files out of any test's ``tmp_path``."""
    isolated = {"rest_urls": [cluster.rest_url], "ui_urls": [cluster.ui_url]}
    settings = {
        "file_roots": str(tmp_path_factory.getbasetemp()),
        "isolated": json.dumps(isolated),
    }
    with LocalLibra(cluster.master_url, spark=LIBRA_SPARK, settings=settings) as running:
        yield running


@pytest.fixture(scope="session")
def airflow(
    cluster: StandaloneCluster, libra: LocalLibra, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAirflow]:
    """A real Airflow with the example Dags and those of ``tests/airflow/dags``."""
    dags = tmp_path_factory.mktemp("dags")
    for folder in (ROOT / "dags_examples", ROOT / "tests" / "airflow" / "dags"):
        if folder.is_dir():
            (dags / folder.parent.name / folder.name).parent.mkdir(exist_ok=True)
            (dags / folder.parent.name / folder.name).symlink_to(folder)
    good_libra, good_master = libra.connection(), cluster.connection()
    connections = {
        "libra_default": good_libra,
        "libra_away": good_libra | {"port": 1},
        "libra_wrong_token": good_libra | {"password": "a wrong token"},
        "spark_master_default": good_master,
        # Whoever adopts waits until a request would have been given up.
        "spark_master_quick": good_master | {"extra": {**good_master["extra"], "timeout": 5}},
        "master_away": good_master | {"extra": {"rest_port": 1}},
        "master_rpc_port": good_master | {"extra": {"rest_port": good_master["port"]}},
        "master_ui_port": good_master | {"extra": {"rest_urls": cluster.ui_url}},
    }
    home = tmp_path_factory.mktemp("airflow")
    with LocalAirflow(home, dags, connections=connections) as running:
        yield running
