"""Submitting one JAR: ours against ``spark-submit --deploy-mode cluster``, on one real master."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from functools import partial

from benchmarks.comparison import Comparison, Run, Step
from benchmarks.measure import Cost, CostGoal, Memory, in_fork, of_calls, of_command
from benchmarks.stage import Stage, driver_in, stage
from libra_provider.core.job import new_tag
from libra_provider.hooks import SparkMasterHook

SPARK_SUBMIT = "spark-submit --deploy-mode cluster"
COMMAND = "libra submit --no-wait, a fresh process"
TASK = "in an Airflow task: its first submission"
AGAIN = "in the same process: a further one"
IMPORT = "importing our operators, once per process"
# What Airflow's task process has imported before it comes to the Dag file.
_IMPORT = """
import json
from dataclasses import asdict
from importlib import import_module
from benchmarks.measure import of_calls
import airflow.sdk.execution_time.task_runner
from airflow.sdk import DAG, BaseHook, BaseOperator, BaseSensorOperator
print(json.dumps(asdict(of_calls(lambda: import_module("libra_provider.operators")))))
"""


def main() -> None:
    """Measure, and print what came of it."""
    run = Run.of_command_line(__doc__)
    goal = CostGoal(way=TASK, times_less_cpu=100, seconds=0.03)
    with stage() as found:
        steps: list[Step[Cost]] = [
            partial(by_command, found, SPARK_SUBMIT),
            partial(by_command, found, COMMAND),
            partial(in_task, found),
            imported,
        ]
        run.measure(Comparison("One submission", goal, steps))


def by_command(found: Stage, way: str) -> dict[str, Cost]:
    """A process per submission; the driver has ended on return, so that it disturbs no other."""
    commands = {
        SPARK_SUBMIT: found.spark_submit("--deploy-mode", "cluster", *found.options(0)),
        COMMAND: found.libra("submit", "--no-wait", *found.options(0)),
    }
    cost, output = of_command(commands[way], env=found.env)
    found.wait_until(driver_in(output))
    return {way: cost}


def in_task(found: Stage) -> dict[str, Cost]:
    """What a task pays inside its process, from a new connection to the driver's id."""
    first, further = in_fork(partial(_two_submissions, found))
    return {TASK: first, AGAIN: further}


def imported() -> dict[str, Cost]:
    """What a task pays before that, when its process reads the Dag file."""
    done = subprocess.run([sys.executable, "-c", _IMPORT], stdout=subprocess.PIPE, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    return {IMPORT: Cost(**said | {"memory_is": Memory.ADDED})}


def _two_submissions(found: Stage) -> tuple[Cost, Cost]:
    return _submission(found), _submission(found)


def _submission(found: Stage) -> Cost:
    driver_ids = []
    # Airflow's price for a connection is the same for every operator.
    connection = found.connection()

    def submit() -> None:
        with contextlib.closing(SparkMasterHook().use(connection)) as hook:
            hook.greet()
            driver_ids.append(hook.submit(found.job(0), new_tag()).job_id)

    cost = of_calls(submit)
    found.wait_until(driver_ids[0])
    return cost


if __name__ == "__main__":
    main()
