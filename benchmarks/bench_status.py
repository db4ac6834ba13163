"""Asking once how a running driver stands: ours against ``spark-submit --status``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks.comparison import Comparison, Run
from benchmarks.measure import Cost, CostGoal, in_fork, of_calls, of_command
from benchmarks.stage import Stage, stage
from libra_provider.hooks import SparkMasterHook

SPARK_SUBMIT = "spark-submit --status"
COMMAND = "libra status, a fresh process"
POLL = "in an Airflow task: one poll"
TRIGGER = "in the triggerer: one poll"
LOOK = "in the triggerer: one look, with the log"
POLLS = 200  # per measurement: one alone would measure the clock
HOURS = 12


def main() -> None:
    """Measure, and print what came of it."""
    run = Run.of_command_line(__doc__)
    with stage() as found:
        driver_id = found.start(HOURS * 3600)
        steps = [
            partial(by_command, found, SPARK_SUBMIT, driver_id),
            partial(by_command, found, COMMAND, driver_id),
            partial(in_task, found, driver_id),
            partial(in_trigger, found, driver_id),
            partial(in_look, found, driver_id),
        ]
        run.measure(Comparison("One status poll", CostGoal(way=POLL, times_less_cpu=500), steps))


def by_command(found: Stage, way: str, driver_id: str) -> dict[str, Cost]:
    """A process per poll."""
    commands = {
        SPARK_SUBMIT: found.spark_submit("--status", driver_id),
        COMMAND: found.libra("status", driver_id),
    }
    cost, output = of_command(commands[way], env=found.env)
    if "running" not in output.lower():
        raise RuntimeError(f"{way} did not find out that {driver_id} runs:\n{output}")
    return {way: cost}


def in_task(found: Stage, driver_id: str) -> dict[str, Cost]:
    """A task that waits: it polls over the connection that it keeps."""
    return {POLL: in_fork(partial(_polls, found, driver_id))}


def in_trigger(found: Stage, driver_id: str) -> dict[str, Cost]:
    """The same question in the triggerer's event loop."""
    return {TRIGGER: in_fork(partial(_async_polls, found, driver_id))}


def in_look(found: Stage, driver_id: str) -> dict[str, Cost]:
    """What a deferred task asks each time: the state, what explains it, and new lines of the log.

    ``spark-submit`` answers none of these but the first.
    """
    return {LOOK: in_fork(partial(_async_looks, found, driver_id))}


def _polls(found: Stage, driver_id: str) -> Cost:
    with contextlib.closing(found.hook()) as hook:
        hook.status(driver_id)
        return of_calls(partial(hook.status, driver_id), times=POLLS)


def _async_polls(found: Stage, driver_id: str) -> Cost:
    hook = found.hook()
    return _in_loop(hook, lambda: hook.astatus(driver_id))


def _async_looks(found: Stage, driver_id: str) -> Cost:
    hook = found.hook()
    view = hook.view(driver_id)
    # A look that finds no page is cheaper, and no look.
    if warning := hook.look(view).warning:
        raise RuntimeError(warning)
    return _in_loop(hook, lambda: hook.alook(view))


def _in_loop(hook: SparkMasterHook, ask: Callable[[], Awaitable[object]]) -> Cost:
    async def poll(times: int) -> None:
        for _ in range(times):
            await ask()

    with asyncio.Runner() as loop:
        loop.run(poll(1))
        cost = of_calls(lambda: loop.run(poll(POLLS)))
        loop.run(hook.aclose())
    return Cost(cost.wall / POLLS, cost.cpu / POLLS, cost.memory, cost.memory_is)


if __name__ == "__main__":
    main()
