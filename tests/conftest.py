"""A clean environment for every test; one cluster, one Libra, one Airflow for the whole session."""

from __future__ import annotations

import json
import logging
import os
import signal
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
from libra_provider.cluster.startable import Startable
from tests.java import quick_java_home

ROOT = Path(__file__).parent.parent
# Each of these is one scope, which one process runs. The longest begin first.
TOGETHER = (
    ("tests/airflow/", "tests/cluster/test_servers.py", "tests/cluster/test_standalone.py"),
    ("tests/spark/",),
    ("tests/chaos/",),
)
# The scopes from this one on have servers of their own, or none.
FIRST_ALONE = 2
# The servers that the session's tests share, as long as they run.
SHARED: list[Startable] = []
STEERING = ("AIRFLOW", "LIBRA_", "SPARK_", "PYSPARK_")
# Beside it, jobs of a test find room: 6 cores are advertised, whatever the machine has.
LIBRA_SPARK = {
    "spark.cores.max": "2",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "1g",
    "spark.sql.shuffle.partitions": "4",
}
# Its Dag files stay as they are: parsing them once is enough.
QUIET_AIRFLOW = {"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600"}


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
    # A shell's background jobs ignore it, and so would every command that a test interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Connections of threads to a JVM are closed after pytest's streams, and log that.
    logging.getLogger("py4j").setLevel(logging.WARNING)
    is_worker = hasattr(config, "workerinput")  # of xdist: it inherits JAVA_HOME
    if not is_worker and (java := quick_java_home(Path(home.name) / "java")):
        os.environ["JAVA_HOME"] = str(java)


def rank(path: str) -> int:
    """The scope of the test at *path* in ``TOGETHER``; the rest comes after these."""
    found = (i for i, scope in enumerate(TOGETHER) if path.startswith(scope))
    return next(found, len(TOGETHER))


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives tests to processes (pytest -n): whole what shares servers, the rest by file."""

    def _split_scope(self, nodeid: str) -> str:
        path = str(nodeid.split("::", maxsplit=1)[0])
        return TOGETHER[rank(path)][0] if rank(path) < len(TOGETHER) else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """How tests are given to processes."""
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that the rest fills up the other process."""
    items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop the shared servers before the first test that cannot use them: they cost CPU idle."""
    if nextitem is not None and rank(nextitem.nodeid) >= FIRST_ALONE:
        while SHARED:
            SHARED.pop().stop()


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
    """A loopback port on which nothing listens, nor can start to."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


@pytest.fixture(scope="session")
def cluster() -> Iterator[StandaloneCluster]:
    """A real standalone cluster with one worker."""
    with StandaloneCluster(cores=6, memory="6g") as running:
        SHARED.append(running)
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
        SHARED.append(running)
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
        # An adoption waits until a request would have been given up.
        "spark_master_quick": good_master | {"extra": {**good_master["extra"], "timeout": 5}},
        "master_away": good_master | {"extra": {"rest_port": 1}},
        "master_rpc_port": good_master | {"extra": {"rest_port": good_master["port"]}},
        "master_ui_port": good_master | {"extra": {"rest_urls": cluster.ui_url}},
    }
    home = tmp_path_factory.mktemp("airflow")
    with LocalAirflow(home, dags, connections=connections, env=QUIET_AIRFLOW) as running:
        SHARED.append(running)
        yield running
