"""What is left on the servers' side of a night: jobs, counted where Airflow cannot hide any."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra.statements import ListedStatement, statements
from libra_provider.clients.standalone import rest
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.core.states import JobState

# One file per start, with the times at which it was alive and a last word: a driver that ran twice,
# or that nobody knows, is seen.
LEAVES = """
import java.nio.file.*;
import java.util.UUID;

public class Leaves {
  public static void main(String[] args) throws Exception {
    Path file = Files.createDirectories(Path.of(args[0])).resolve(UUID.randomUUID().toString());
    long end = System.currentTimeMillis() + Long.parseLong(args[1]) * 1000;
    for (long now = 0; now < end; Thread.sleep(50)) {
      now = System.currentTimeMillis();
      say(file, now + " ");
    }
    say(file, "done");
  }
  static void say(Path file, String word) throws Exception {
    Files.writeString(file, word, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }
}
"""


def eventually(claim: Callable[[], bool], within: float = 600) -> bool:
    """Whether *claim* comes true in time."""
    deadline = time.monotonic() + within
    while not (true := claim()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return true


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
        return self.master.send(rest.status(driver_id)).state


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


@dataclass(frozen=True)
class Trace:
    """What one start of a driver left: from when to when it was alive, and whether it got done."""

    first: int
    last: int
    is_done: bool

    @classmethod
    def of(cls, file: Path) -> Trace:
        """The trace in *file*; times in milliseconds."""
        words = file.read_text().split()
        moments = [int(word) for word in words if word != "done"]
        return cls(moments[0], moments[-1], words[-1] == "done")


def traces(evidence: Path, label: str) -> list[Trace]:
    """What each start of a driver with *label* left, the first one first."""
    found = [Trace.of(file) for file in (evidence / label).glob("*") if file.stat().st_size]
    return sorted(found, key=lambda trace: trace.first)


def starts(evidence: Path, label: str) -> int:
    """How often a driver with *label* was started."""
    return len(traces(evidence, label))


def task_processes(root: int) -> Iterator[int]:
    """What runs a task below *root*: the LocalExecutor's workers name themselves otherwise."""
    for folder in Path(f"/proc/{root}/task").glob("*/children"):
        for child in map(int, _content(folder).split()):
            if b"worker -- 0" in _content(Path(f"/proc/{child}/cmdline")):
                yield child
            yield from task_processes(child)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return b""
