"""A real Spark standalone cluster on this machine, from the distribution inside pyspark."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from libra_provider.cluster.http_probe import fetch_json
from libra_provider.cluster.java import java_home
from libra_provider.cluster.ports import LOOPBACK, check_free, with_free_ports
from libra_provider.cluster.process import ManagedProcess, stop_all
from libra_provider.cluster.startable import Startable
from libra_provider.core.errors import BadInput
from libra_provider.core.units import spark_size

_MASTER = "org.apache.spark.deploy.master.Master"
_WORKER = "org.apache.spark.deploy.worker.Worker"
# A daemon runs for minutes and does little: start fast, stay small.
_DAEMON_JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
# Variables that configure Spark or Python are not passed on: the cluster is the same everywhere.
_FOREIGN = ("SPARK_", "PYSPARK_", "PYTHON", "HADOOP_", "YARN_", "AIRFLOW", "LIBRA_")
_PORTS = ("port", "rest_port", "ui_port")


class StandaloneCluster(Startable):
    """A master with its REST API and *workers* workers, each with *cores* and *memory*.

    As a context manager it leaves no process behind, including drivers and executors.
    ``master_url`` is for jobs, ``rest_url`` for submissions, ``ui_url`` for the web UI. ``master``
    and ``workers`` can be stopped, killed and restarted on the same ports; their pages are at
    ``url``. *properties* (any ``spark.…``) apply to the master and the workers. Logs and the
    drivers' folders are in ``home``, which is removed at the end unless it was given. *python* is
    the interpreter of jobs, and its pyspark runs the cluster: by default this one.

    Ports that are given must be free; others are chosen. Raises BadInput for a missing Java or a
    port in use, ServerUnreachable, with the end of its log, for a part that does not start.
    """

    def __init__(
        self,
        workers: int = 1,
        *,
        cores: int = 4,
        memory: str = "4g",
        properties: Mapping[str, str] | None = None,
        home: Path | None = None,
        port: int | None = None,
        rest_port: int | None = None,
        ui_port: int | None = None,
        python: Path | None = None,
    ) -> None:
        for name, value, least in (("workers", workers, 0), ("cores", cores, 1)):
            if value < least:
                raise BadInput(name, value, f"expected at least {least}")
        self._size, self._cores = workers, cores
        self._memory = spark_size(memory, parameter="memory")
        self._properties = dict(properties or {})
        self._given_home = home
        self._python = (python or Path(sys.executable)).absolute()
        given = zip(_PORTS, (port, rest_port, ui_port), strict=True)
        self._given_ports = {name: number for name, number in given if number is not None}
        self._undo = contextlib.ExitStack()
        self.workers: list[ManagedProcess] = []

    def start(self) -> Self:
        """Start it; on return every worker is registered."""
        for name, number in self._given_ports.items():
            check_free(number, parameter=name)
        java = java_home()
        with contextlib.ExitStack() as undo:
            self.home = self._given_home or Path(tempfile.mkdtemp(prefix="libra-spark-"))
            self.workers = []
            if self._given_home is None:
                undo.callback(shutil.rmtree, self.home, ignore_errors=True)
            self._environment = spark_environment(java, self.home, self._python)
            self.master = with_free_ports(self._start_master, len(_PORTS))
            undo.callback(lambda: stop_all([*self.workers, self.master]))
            self._start_workers()
            self._undo = undo.pop_all()
        return self

    def connection(self) -> dict[str, Any]:
        """Return the JSON form of an Airflow connection of type ``spark_master``."""
        master, rest = urlsplit(self.master_url), urlsplit(self.rest_url)
        extra = {"rest_port": rest.port, "ui_urls": self.ui_url, "bootstrap": _bootstrap()}
        return {
            "conn_type": "spark_master",
            "host": master.hostname,
            "port": master.port,
            "extra": extra,
        }

    def stop(self) -> None:
        """Stop everything; does nothing if it is stopped already."""
        self._undo.close()

    def _start_master(self, free: list[int]) -> ManagedProcess:
        ports = dict(zip(_PORTS, free, strict=True)) | self._given_ports
        port, rest_port, ui_port = (str(ports[name]) for name in _PORTS)
        self.master_url = f"spark://{LOOPBACK}:{port}"
        self.rest_url = f"http://{LOOPBACK}:{rest_port}"
        self.ui_url = f"http://{LOOPBACK}:{ui_port}"
        return self._daemon(
            "Spark master",
            [_MASTER, "--port", port, "--webui-port", ui_port],
            url=self.ui_url,
            ready=self._master_is_ready,
            rest={"spark.master.rest.enabled": "true", "spark.master.rest.port": rest_port},
        ).start()

    def _master_is_ready(self) -> bool:
        # A master whose REST port is in use stays STANDBY forever.
        page = fetch_json(f"{self.ui_url}/json/")
        if (page.get("url"), page.get("status")) != (self.master_url, "ALIVE"):
            return False
        return fetch_json(f"{self.rest_url}/v1/submissions/readyz").get("success") is True

    def _start_workers(self) -> None:
        """Start all at the same time: each spends seconds loading classes."""
        with ThreadPoolExecutor() as pool:
            starts = [
                pool.submit(with_free_ports, partial(self._start_worker, number), 1)
                for number in range(1, self._size + 1)
            ]
        failures = [start.exception() for start in starts]
        self.workers = [start.result() for start in starts if not start.exception()]
        for failure in filter(None, failures):
            raise failure

    def _start_worker(self, number: int, free: list[int]) -> ManagedProcess:
        url = f"http://{LOOPBACK}:{free[0]}"
        name = f"Spark worker {number}"
        size = ["--cores", str(self._cores), "--memory", self._memory]
        folder = ["--work-dir", str(self.home / name.lower().replace(" ", "-"))]
        return self._daemon(
            name,
            [_WORKER, "--webui-port", str(free[0]), *size, *folder, self.master_url],
            url=url,
            ready=partial(self._worker_is_ready, url),
        ).start()

    def _worker_is_ready(self, url: str) -> bool:
        own = fetch_json(f"{url}/json/").get("id")
        known = fetch_json(f"{self.ui_url}/json/").get("workers", [])
        return any(each["id"] == own and each["state"] == "ALIVE" for each in known)

    def _daemon(
        self,
        name: str,
        arguments: list[str],
        *,
        url: str,
        ready: Callable[[], bool],
        rest: Mapping[str, str] | None = None,
    ) -> ManagedProcess:
        file_name = name.lower().replace(" ", "-")
        properties_file = self.home / f"{file_name}.properties"
        # Without maxRetries=0, Spark would silently use the next port if one is in use.
        properties = {"spark.port.maxRetries": "0"} | self._properties | dict(rest or {})
        properties_file.write_text("".join(f"{key} {value}\n" for key, value in properties.items()))
        common = ["--host", LOOPBACK, "--properties-file", str(properties_file)]
        spark_class = f"{self._environment['SPARK_HOME']}/bin/spark-class"
        return ManagedProcess(
            [spark_class, arguments[0], *common, *arguments[1:]],
            name=name,
            log_file=self.home / f"{file_name}.log",
            ready=ready,
            env=self._environment,
            cwd=self.home,
            url=url,
        )


def spark_home(python: Path = Path(sys.executable)) -> Path:
    """Return the Spark distribution in the pyspark package of *python*, without importing it."""
    find = "import importlib.util as u; print(u.find_spec('pyspark').origin)"
    asked = subprocess.run([python, "-c", find], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        advice = "install airflow-provider-libra[server]"
        raise BadInput("pyspark", None, f"{python} has no package pyspark; {advice}")
    return Path(asked.stdout.strip()).parent


def _bootstrap() -> str:
    """Return the bootstrap of this installation, which workers on this machine can read too."""
    return str(Path(__file__).parent.parent / "jobs" / "bootstrap.py")


def spark_environment(
    java: Path, home: Path, python: Path = Path(sys.executable)
) -> dict[str, str]:
    """Return the environment of the daemons, which drivers and executors inherit."""
    empty = home / "conf"
    empty.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {
        "JAVA_HOME": str(java),
        "SPARK_HOME": str(spark_home(python)),
        "SPARK_CONF_DIR": str(empty),
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_PUBLIC_DNS": LOOPBACK,
        "SPARK_LOCAL_DIRS": str(home / "scratch"),
        "SPARK_DAEMON_MEMORY": "512m",
        "SPARK_DAEMON_JAVA_OPTS": _DAEMON_JVM,
        "PYSPARK_PYTHON": str(python),
        "PYSPARK_DRIVER_PYTHON": str(python),
    }
