"""What a command, or a call inside a running process, costs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import ClassVar, TypeVar

from benchmarks import meter
from benchmarks.figures import milliseconds, number
from libra_provider.core.units import readable_size

T = TypeVar("T")
_AT_MOST = 300.0  # seconds


class Memory(StrEnum):
    """What a figure of memory measures."""

    PEAK_RSS = "peak RSS of the largest process"
    ADDED = "private memory that the process gained"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall time, seconds of CPU (user and system, all processes), bytes of memory."""

    wall: float
    cpu: float
    memory: float
    memory_is: Memory

    legend: ClassVar[str] = f"Memory: {Memory.PEAK_RSS}; with a +, {Memory.ADDED}."

    @classmethod
    def middle(cls, costs: Sequence[Cost]) -> Cost:
        """The median of each figure by itself."""
        wall, cpu, memory = (
            median(getattr(each, name) for each in costs) for name in ("wall", "cpu", "memory")
        )
        return cls(wall, cpu, memory, costs[0].memory_is)

    def cells(self, first: Cost) -> Iterator[tuple[str, str]]:
        """Each column's name and figure; *first* is what it is compared with."""
        sign = "+" if self.memory_is is Memory.ADDED else ""
        yield "wall", milliseconds(self.wall)
        yield "CPU", milliseconds(self.cpu)
        yield "memory", f"{sign}{readable_size(self.memory)}"
        yield "times faster", number(first.wall / self.wall)
        yield "times less CPU", number(first.cpu / self.cpu)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostGoal:
    """What *way* promises beside the first way, in CPU and wall time; *seconds* are its own."""

    way: str
    times_less_cpu: float | None = None
    times_faster: float | None = None
    seconds: float | None = None

    def verdicts(self, first: Cost, ours: Cost) -> Iterator[tuple[str, bool]]:
        """Each part as a sentence, and whether it was reached."""
        if self.times_less_cpu:
            times = first.cpu / ours.cpu
            said = f"at least {number(self.times_less_cpu)} times less CPU: {number(times)}"
            yield said, times >= self.times_less_cpu
        if self.times_faster:
            times = first.wall / ours.wall
            said = f"at least {number(self.times_faster)} times faster: {number(times)}"
            yield said, times >= self.times_faster
        if self.seconds:
            said = f"under {milliseconds(self.seconds)}: {milliseconds(ours.wall)}"
            yield said, ours.wall < self.seconds


def of_command(command: Sequence[str], *, env: Mapping[str, str]) -> tuple[Cost, str]:
    """What *command* and all it started cost, and what it said.

    Raises RuntimeError, with what it said, when it fails.
    """
    start = [sys.executable, "-I", "-S", meter.__file__]
    done = subprocess.run(
        [*start, *command], env=env, stdout=subprocess.PIPE, check=True, timeout=_AT_MOST
    )
    said = json.loads(done.stdout)
    if said["exit_code"]:
        raise RuntimeError(f"{' '.join(command)} ended with {said['exit_code']}:\n{said['output']}")
    return Cost(said["wall"], said["cpu"], said["memory"], Memory.PEAK_RSS), said["output"]


def of_calls(function: Callable[[], object], *, times: int = 1) -> Cost:
    """What one call of *function* costs this process: the mean of *times* calls."""
    memory, wall, cpu = _private_memory(), time.perf_counter(), time.process_time()
    for _ in range(times):
        function()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    added = max(_private_memory() - memory, 0)
    return Cost(wall / times, cpu / times, added, Memory.ADDED)


def in_fork(function: Callable[[], T]) -> T:
    """The result of *function*, called in a fork of this process.

    That is how Airflow starts a task: all modules are imported, nothing has been called yet.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        return pool.submit(function).result(_AT_MOST)


def _private_memory() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
