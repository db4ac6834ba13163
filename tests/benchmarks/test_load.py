"""The instruments that measure a load, tried on answers that are known beforehand."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from statistics import median

import pytest

from benchmarks.answers import Answers, of_tasks, of_threads
from benchmarks.cpu import cpu_of
from benchmarks.load import Load, LoadGoal

# It burns CPU in a child process, reports it, and waits for a signal to end.
BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
FAMILY = f"""
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-c", {BURN!r} + "print(flush=True); input()", "org.apache." + "spark"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
)
child.stdout.readline()
print(flush=True)
input()
child.communicate(b"\\n")
"""


def test_many_threads_ask_at_the_same_time() -> None:
    """Each would wait for the others in vain if they came one after the other."""
    together = threading.Barrier(8, timeout=30)
    answers = of_threads(together.wait, clients=8, duration=0)

    assert len(answers.seconds) == 8


def test_many_tasks_ask_at_the_same_time() -> None:
    together = asyncio.Barrier(8)
    answers = asyncio.run(of_tasks(together.wait, clients=8, duration=0))

    assert len(answers.seconds) == 8


def test_who_asks_goes_on_until_the_time_is_over() -> None:
    answers = of_threads(lambda: None, clients=1, duration=0.05)

    assert answers.elapsed >= 0.05
    assert sum(answers.seconds) <= answers.elapsed


def test_an_answer_that_fails_is_no_measurement() -> None:
    with pytest.raises(ZeroDivisionError):
        of_threads(lambda: 1 / 0, clients=2, duration=0)


def test_a_load_is_counted_by_answers() -> None:
    load = Load.of(Answers([0.1] * 18 + [0.2, 4.0], elapsed=5.0), {"JVM": 1.0})

    assert load.p50 == median([0.1, 0.2, 0.1])
    assert 0.2 < load.p95 <= 4.0
    assert load.per_second == 4
    assert load.cpu == {"JVM": 0.05}


@pytest.mark.parametrize(
    ("p50", "per_second", "reached"),
    [(0.0145, 80, [True, True]), (0.0146, 79, [False, False])],
    ids=["just reached", "just missed"],
)
def test_a_goal_counts_time_and_throughput(
    p50: float, per_second: float, reached: list[bool]
) -> None:
    goal = LoadGoal(way="ours", times_p50=1.25, plus=0.002, times_throughput=0.8)
    first, ours = Load(0.01, 0.02, 100, {}), Load(p50, 0.02, per_second, {})

    assert [found for _, found in goal.verdicts(first, ours)] == reached


def test_cpu_is_told_apart_by_kind_of_process() -> None:
    family = subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with family:
        assert family.stdout
        family.stdout.readline()
        used = cpu_of({family.pid: "client"})
        family.communicate(b"\n")

    assert used.keys() == {"client", "JVM"}
    assert used["JVM"] >= 0.29 > used["client"]
    assert family.returncode == os.EX_OK
