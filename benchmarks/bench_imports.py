"""What imports cost: ``libra --help``, and a Dag file that imports our operators and sensors."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.comparison import Comparison, Run
from benchmarks.figures import milliseconds
from benchmarks.measure import Cost, Memory, of_command

PYTHON = "python -c pass"
HELP = "libra --help"
SDK = "airflow.sdk alone"
OURS = "our operators and sensors on top"
# One process: airflow.sdk alone varies by more than what comes on top of it.
# The SDK loads its classes only when they are used, as each Dag file does.
_DAG_FILE = """
import json, resource, time

def used():
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return time.perf_counter(), time.process_time(), memory

start = used()
import airflow.sdk
airflow.sdk.DAG, airflow.sdk.BaseOperator, airflow.sdk.BaseSensorOperator
before = used()
import libra_provider.operators, libra_provider.sensors
print(json.dumps([start, before, used()]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuGoal:
    """At most *seconds* of CPU."""

    way: str
    seconds: float

    def verdicts(self, _first: Cost, ours: Cost) -> Iterator[tuple[str, bool]]:
        """The goal as a sentence, and whether it was reached."""
        said = f"at most {milliseconds(self.seconds)} of CPU: {milliseconds(ours.cpu)}"
        yield said, ours.cpu <= self.seconds


def main() -> None:
    """Measure, and print what came of it."""
    run = Run.of_command_line(__doc__)
    run.measure(
        Comparison("The command's help", CpuGoal(way=HELP, seconds=0.25), [python, libra_help]),
        Comparison("Importing a Dag file", CpuGoal(way=OURS, seconds=0.3), [dag_file]),
    )


def python() -> dict[str, Cost]:
    """A process that does nothing."""
    return {PYTHON: of_command([sys.executable, "-c", "pass"], env=os.environ)[0]}


def libra_help() -> dict[str, Cost]:
    """A process that prints the list of commands."""
    command = [sys.executable, "-m", "libra_provider.cli", "--help"]
    return {HELP: of_command(command, env=os.environ)[0]}


def dag_file() -> dict[str, Cost]:
    """A process that imports ``airflow.sdk``, then what is ours."""
    output = of_command([sys.executable, "-c", _DAG_FILE], env=os.environ)[1]
    start, before, after = json.loads(output.splitlines()[-1])
    return {SDK: between(start, before), OURS: between(before, after)}


def between(before: Sequence[float], after: Sequence[float]) -> Cost:
    """What was used *after* that was not used *before*."""
    wall, cpu, memory = (late - early for early, late in zip(before, after, strict=True))
    return Cost(wall, cpu, memory, Memory.ADDED)


if __name__ == "__main__":
    main()
