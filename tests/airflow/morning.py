"""What is left on the servers' side of a night: jobs, counted where Airflow cannot hide any."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from libra_provider.clients import spark_master
from libra_provider.clients.authorization import BearerToken
from libra_provider.clients.client import Client
from libra_provider.clients.libra import ListedStatement, statements
from libra_provider.clients.transport import ServerAddress
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.core.states import JobState

# It leaves one file per start, so that a driver that ran twice, or that nobody knows, is seen.
LEAVES = """
import java.nio.file.*;
import java.util.UUID;

public class Leaves {
  public static void main(String[] args) throws Exception {
    Path folder = Files.createDirectories(Path.of(args[0]));
    Files.createFile(folder.resolve(UUID.randomUUID().toString()));
    Thread.sleep(Long.parseLong(args[1]) * 1000);
  }
}
"""


def eventually(claim: Callable[[], bool], within: float = 90) -> bool:
    """Whether *claim* comes true in time."""
    deadline = time.monotonic() + within
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.5)
    return claim()


def leaving_jar(folder: Path) -> str:
    """The path of a JAR with the class ``Leaves``."""
    (folder / "Leaves.java").write_text(LEAVES)
    subprocess.run(["javac", "-d", str(folder), str(folder / "Leaves.java")], check=True)
    command = ["jar", "cf", str(folder / "leaves.jar"), "-C", str(folder), "Leaves.class"]
    subprocess.run(command, check=True)
    return str(folder / "leaves.jar")


@dataclass
class Servers:
    """The master and Libra, asked past Airflow."""

    libra: Client
    master: Client

    def statements(self, run_id: str, task_id: str) -> Sequence[ListedStatement]:
        """Every statement of a task, the oldest first, whatever became of it."""
        found = self.libra.send(statements(tag=("run_id", run_id), limit=1000))
        return [each for each in reversed(found) if each.tags["task_id"] == task_id]

    def states(self, run_id: str, task_id: str) -> list[JobState]:
        """How each of them stands."""
        return [each.status.state for each in self.statements(run_id, task_id)]

    def driver(self, driver_id: str) -> JobState:
        """How a driver stands."""
        return self.master.send(spark_master.status(driver_id)).state


@contextmanager
def servers_of(libra: LocalLibra, cluster: StandaloneCluster) -> Iterator[Servers]:
    """The servers behind these."""
    with_token = ServerAddress(url=libra.url, authorization=BearerToken(libra.token))
    servers = Servers(Client([with_token]), Client([ServerAddress(url=cluster.rest_url)]))
    try:
        yield servers
    finally:
        servers.libra.close()
        servers.master.close()


def starts(evidence: Path, label: str) -> int:
    """How often a driver with *label* was started."""
    return len(list((evidence / label).glob("*")))
