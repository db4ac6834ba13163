"""Real masters that StandaloneCluster does not make: standbys, signed requests, a ZooKeeper."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from libra_provider.cluster.http_probe import fetch_json
from libra_provider.cluster.java import java_home
from libra_provider.cluster.ports import LOOPBACK, free_ports, is_listening
from libra_provider.cluster.process import ManagedProcess
from libra_provider.cluster.standalone import spark_environment, spark_home

_SPARK = "org.apache.spark.deploy"
_ZOOKEEPER = "org.apache.zookeeper.server.ZooKeeperServerMain"
# Spark asks for sessions of a minute; the server may say less, and a standby takes over sooner.
_ZOO_CFG = """
tickTime=500
maxSessionTimeout=3000
dataDir={home}/zookeeper
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
"""


class Masters(contextlib.ExitStack):
    """Masters with *properties*, and what they need; a context manager that stops them all."""

    def __init__(self, properties: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.home = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="libra-masters-")))
        self.properties = dict(properties or {})
        self.processes: list[ManagedProcess] = []
        self.ports: list[int] = []
        self.rest_urls: list[str] = []
        self.ui_urls: list[str] = []

    def with_zookeeper(self) -> Self:
        """Let the next masters elect one of them in a real ZooKeeper, from Spark's own jars."""
        (port,) = free_ports(1)
        config = self.home / "zoo.cfg"
        config.write_text(_ZOO_CFG.format(home=self.home, port=port))
        jars = str(spark_home() / "jars" / "*")
        command = [str(java_home() / "bin" / "java"), "-Xmx128m", "-XX:+UseSerialGC", "-cp", jars]
        self._run("zookeeper", [*command, _ZOOKEEPER, str(config)], partial(is_listening, port))
        self.properties |= {
            "spark.deploy.recoveryMode": "ZOOKEEPER",
            "spark.deploy.zookeeper.url": f"{LOOPBACK}:{port}",
        }
        return self

    def add(self, status: str = "ALIVE") -> ManagedProcess:
        """Start one more master and wait until its page, unless *status* is empty, says that."""
        port, rest, ui = free_ports(3)
        name = f"master-{len(self.processes)}"
        file = self._properties_file(name, rest)
        url = f"http://{LOOPBACK}:{ui}"
        ports = ["--port", str(port), "--webui-port", str(ui)]
        process = self._run(
            name,
            _daemon("master.Master", [*ports, "--properties-file", str(file)]),
            lambda: fetch_json(f"{url}/json/").get("status", "") == status and is_listening(rest),
        )
        self.processes.append(process)
        self.ports.append(port)
        self.rest_urls.append(f"http://{LOOPBACK}:{rest}")
        self.ui_urls.append(url)
        return process

    def add_worker(self, *, cores: int = 2, memory: str = "1g") -> ManagedProcess:
        """Start a worker that registers with whichever master is active."""
        (port,) = free_ports(1)
        url = f"http://{LOOPBACK}:{port}"
        size = ["--cores", str(cores), "--memory", memory, "--webui-port", str(port)]
        folder = ["--work-dir", str(self.home / "work")]

        def registered() -> bool:
            own = fetch_json(f"{url}/json/").get("id")
            pages = [fetch_json(f"{ui}/json/").get("workers", []) for ui in self.ui_urls]
            return any(each["id"] == own for page in pages for each in page)

        command = _daemon("worker.Worker", [*size, *folder, self.master_url])
        return self._run("worker", command, registered)

    @property
    def master_url(self) -> str:
        """All of them, as jobs and workers want to know them."""
        return "spark://" + ",".join(f"{LOOPBACK}:{port}" for port in self.ports)

    def states(self) -> list[str | None]:
        """What the page of each says of it; None of one that is dead."""
        return [fetch_json(f"{url}/json/", timeout=60).get("status") for url in self.ui_urls]

    def _properties_file(self, name: str, rest_port: int) -> Path:
        rest = {"spark.master.rest.enabled": "true", "spark.master.rest.port": str(rest_port)}
        properties = {"spark.port.maxRetries": "0", **self.properties, **rest}
        file = self.home / f"{name}.properties"
        file.write_text("".join(f"{key} {value}\n" for key, value in properties.items()))
        return file

    def _run(self, name: str, command: Sequence[str], ready: Callable[[], bool]) -> ManagedProcess:
        process = ManagedProcess(
            command,
            name=name,
            log_file=self.home / f"{name}.log",
            ready=ready,
            env=spark_environment(java_home(), self.home),
            cwd=self.home,
        )
        # A worker has its drivers below it: they end with it.
        self.callback(process.kill)
        return process.start()


def _daemon(name: str, arguments: Sequence[str]) -> list[str]:
    spark_class = str(spark_home() / "bin" / "spark-class")
    return [spark_class, f"{_SPARK}.{name}", "--host", LOOPBACK, *arguments]
