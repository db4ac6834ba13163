"""Thousands of deferred tasks in one triggerer: what their waiting costs, and how late it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import ClassVar

from benchmarks import submit_waiting
from benchmarks.comparison import Comparison, Run
from benchmarks.figures import number
from benchmarks.process import Process
from benchmarks.triggerer import INTERVAL, Found, Order, measure
from benchmarks.waiting_servers import job_ids
from libra_provider.core.job import Backend
from libra_provider.core.units import readable_size

COUNTS = (1_000, 5_000, 10_000)
NOTHING = "triggers that do nothing: Airflow's own share"
WAYS: Mapping[str, tuple[Backend, bool]] = {
    "drivers, states": (Backend.SPARK_MASTER, False),
    "drivers, with their logs": (Backend.SPARK_MASTER, True),
    "statements, states": (Backend.LIBRA, False),
    "statements, with their logs": (Backend.LIBRA, True),
}
GOAL = "drivers, with their logs"
_LOGS = ("/log/", "/api/v1/statements/{id}/log")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Shares of a core, bytes, requests in a second, and seconds from a job's end to its event."""

    cpu: float
    memory: float
    states: float
    logs: float
    p50: float
    p99: float

    legend: ClassVar[str] = (
        "CPU, of a core, and memory (PSS): the process that runs the triggers. Delay: from a job's "
        f"end to the event at the supervisor; looks are {INTERVAL:g} s apart."
    )

    @classmethod
    def of(cls, found: Found) -> Waiting:
        """The figures of *found*."""
        logs = sum(found.requests.get(path, 0.0) for path in _LOGS)
        cuts = quantiles(found.delays, n=100) if found.delays else [0.0] * 99
        states = sum(found.requests.values()) - logs
        return cls(found.cpu, found.memory, states, logs, cuts[49], cuts[98])

    @classmethod
    def middle(cls, each: Sequence[Waiting]) -> Waiting:
        """The median of each figure by itself."""
        names = ("cpu", "memory", "states", "logs", "p50", "p99")
        return cls(*(median(getattr(one, name) for one in each) for name in names))

    def cells(self, first: Waiting) -> Iterator[tuple[str, str]]:
        """Each column's name and figure; *first* is Airflow's own share."""
        yield "CPU", f"{self.cpu:.1%}"
        yield "of it ours", f"{max(self.cpu - first.cpu, 0):.1%}"
        yield "memory", readable_size(self.memory)
        yield "of it ours", readable_size(max(self.memory - first.memory, 0))
        yield "state requests/s", f"{self.states:.2f}"
        yield "log requests/s", number(self.logs)
        yield "delay p50", f"{self.p50:.1f} s"
        yield "delay p99", f"{self.p99:.1f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingGoal:
    """What *way* promises, however many wait."""

    way: str
    cpu: float = 0.1
    memory: float = 300 * 2**20
    requests: float = 1.0
    p99: float = INTERVAL + 1

    def verdicts(self, first: Waiting, ours: Waiting) -> Iterator[tuple[str, bool]]:
        """Each part as a sentence, and whether it was reached."""
        own = ours.cpu - first.cpu
        yield f"less than {self.cpu:.0%} of a core beside Airflow's own: {own:.1%}", own < self.cpu
        limit, used = readable_size(self.memory), readable_size(ours.memory)
        yield f"less than {limit} in all: {used}", ours.memory < self.memory
        said = f"at most {self.requests:g} state requests a second: {ours.states:.2f}"
        yield said, ours.states <= self.requests
        yield f"an event within {self.p99:g} s in 99 of 100: {ours.p99:.1f} s", ours.p99 <= self.p99


def main() -> None:
    """Measure, and print what came of it."""
    run = Run.of_command_line(__doc__, rounds=1)
    with tempfile.TemporaryDirectory(prefix="libra-bench-") as folder:
        os.environ["AIRFLOW_HOME"] = folder
        run.measure(*(_comparison(count, Path(folder)) for count in COUNTS))
        with _servers(COUNTS[0]) as port:
            print(submit_waiting.measure(port, Path(folder) / "provider").scaled(COUNTS[-1]))


def _comparison(count: int, folder: Path) -> Comparison[Waiting]:
    steps = [partial(_step, count, folder, NOTHING, None, with_log=False)] + [
        partial(_step, count, folder, way, backend, with_log=with_log)
        for way, (backend, with_log) in WAYS.items()
    ]
    return Comparison(f"{count:,} waiting jobs in one triggerer", WaitingGoal(way=GOAL), steps)


def _step(
    count: int, folder: Path, way: str, backend: Backend | None, *, with_log: bool
) -> dict[str, Waiting]:
    with _servers(count) as port:
        order = Order(
            backend=backend, with_log=with_log, jobs=job_ids(count), port=port, folder=folder
        )
        process = Process()
        try:
            found = process.call(partial(measure, order))
        finally:
            process.close()
    print(f"{count:,}, {way}: {found.requests}", file=sys.stderr)
    print(f"  supervisor {found.supervisor_cpu:.1%}", file=sys.stderr)
    return {way: Waiting.of(found)}


@contextmanager
def _servers(count: int) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.waiting_servers", str(count)]
    servers = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert servers.stdout is not None
        yield int(servers.stdout.readline())
    finally:
        servers.terminate()
        servers.wait()


if __name__ == "__main__":
    main()
