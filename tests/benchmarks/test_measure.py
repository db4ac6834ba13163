"""The instruments of the benchmarks, tried on costs that are known beforehand."""

from __future__ import annotations

import os
import sys
from functools import partial

import pytest

from benchmarks.comparison import Comparison
from benchmarks.measure import Cost, CostGoal, Memory, in_fork, of_calls, of_command

MIB = 1024**2
BURN = "import time\nwhile time.process_time() < 0.3: pass"
# Double-forked: nobody but a subreaper ever waits for it.
ORPHAN = f"""
import os
if os.fork() == 0:
    if os.fork() == 0:
        exec({BURN!r})
    os._exit(0)
"""


def cost_of(program: str) -> Cost:
    return of_command([sys.executable, "-I", "-S", "-c", program], env=os.environ)[0]


@pytest.mark.parametrize("program", [BURN, ORPHAN], ids=["itself", "orphan"])
def test_all_cpu_of_a_command_is_counted(program: str) -> None:
    assert cost_of(program).cpu >= 0.3


def test_the_memory_of_the_one_who_measures_is_not_counted() -> None:
    """Linux hands a parent's peak on to its child; this process has some 100 MiB."""
    ballast = bytearray(100 * MIB)
    small, large = cost_of(""), cost_of(f"bytearray({50 * MIB})")

    assert small.memory < 30 * MIB < len(ballast)
    assert large.memory - small.memory > 45 * MIB


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="ended with 1:\nno such driver"):
        cost_of("raise SystemExit('no such driver')")


KEPT: list[bytes] = []


def keep_20_mib() -> None:
    KEPT.append(os.urandom(20 * MIB))


def test_a_call_is_measured_in_the_process_that_makes_it() -> None:
    cost = in_fork(partial(of_calls, partial(exec, BURN), times=1))
    # In a fork, where memory that this process has freed and kept cannot be handed out unseen.
    memory = in_fork(partial(of_calls, keep_20_mib)).memory

    assert cost.cpu >= 0.1
    assert memory >= 19 * MIB


def compared(*ours: float) -> Comparison[Cost]:
    costs = {"theirs": iter((2.0, 9.0, 2.0)), "ours": iter(ours)}

    def step(way: str) -> dict[str, Cost]:
        return {way: Cost(seconds := next(costs[way]), seconds, MIB, Memory.PEAK_RSS)}

    goal = CostGoal(way="ours", times_less_cpu=100, times_faster=50, seconds=0.03)
    comparison = Comparison("A title", goal, [partial(step, way) for way in costs])
    for number in range(3):
        comparison.measure(number)
    return comparison


def test_one_bad_round_decides_nothing() -> None:
    comparison = compared(0.01, 0.01, 0.5)

    assert comparison.verdicts() == {
        "at least 100 times less CPU: 200": True,
        "at least 50 times faster: 200": True,
        "under 30.0 ms: 10.0 ms": True,
    }


def test_a_goal_that_is_missed_is_said_so() -> None:
    comparison = compared(0.05, 0.05, 0.05)

    assert list(comparison.verdicts().values()) == [False, False, False]


def test_every_way_begins_a_round_in_its_turn() -> None:
    order: list[str] = []

    def step(way: str) -> dict[str, Cost]:
        order.append(way)
        return {way: Cost(1, 1, 1, Memory.ADDED)}

    steps = [partial(step, way) for way in "abc"]
    comparison = Comparison("A title", CostGoal(way="b"), steps)
    for number in range(3):
        comparison.measure(number)

    assert "".join(order) == "abcbcacab"
    assert list(comparison.medians()) == ["a", "b", "c"]
