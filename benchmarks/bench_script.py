"""One small query: by Libra against a script that ``spark-submit`` starts for it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.comparison import Comparison, Run
from benchmarks.measure import Cost, CostGoal, in_fork, of_calls, of_command
from benchmarks.question import Question, aggregation, smallest
from benchmarks.sides import MASTER, address_of
from libra_provider.clients.http.client import Client
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra.contract import Contract
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import spark_home
from libra_provider.server.driver import spark_properties
from libra_provider.server.settings import Settings

SPARK_SUBMIT = "spark-submit of a script"
COMMAND = "libra sql, a fresh process"
TASK = "in an Airflow task: its first statement"
GOAL = CostGoal(way=TASK, times_faster=50)
_WARM = 50  # statements: Libra lives for days
_SCRIPT = """
import sys
from pyspark.sql import SparkSession
print(SparkSession.builder.getOrCreate().sql(sys.argv[1]).toArrow().num_rows)
"""


def main() -> None:
    """Measure, and print what came of it."""
    run = Run.of_command_line(__doc__, rounds=5)
    with (
        tempfile.TemporaryDirectory(prefix="libra-bench-") as name,
        LocalLibra(MASTER) as libra,
    ):
        folder = Path(name)
        script = submission(folder)
        questions = {"SELECT 1": smallest(), "GROUP BY of 5,000 rows": aggregation(folder)}
        run.measure(*(comparison(title, each, script, libra) for title, each in questions.items()))


def comparison(
    title: str, question: Question, script: list[str], libra: LocalLibra
) -> Comparison[Cost]:
    """The three ways to ask *question*."""
    in_fork(partial(ask, address_of(libra), question, times=_WARM))
    steps = [
        partial(by_command, libra, SPARK_SUBMIT, [*script, question.sql]),
        partial(by_command, libra, COMMAND, [*libra_sql(libra), question.sql]),
        partial(in_task, address_of(libra), question),
    ]
    return Comparison(title, GOAL, steps)


def submission(folder: Path) -> list[str]:
    """The command that lacks nothing but the query; its settings are those of Libra's driver."""
    script = folder / "script.py"
    script.write_text(_SCRIPT)
    file = spark_properties.write(Settings(master=MASTER, data_dir=folder), folder / "session")
    return [str(spark_home() / "bin" / "spark-submit"), "--properties-file", str(file), str(script)]


def libra_sql(libra: LocalLibra) -> list[str]:
    """The same for the command of Libra."""
    return [sys.executable, "-m", "libra_provider.cli", "sql", "--json", "--libra", libra.url]


def by_command(libra: LocalLibra, way: str, command: list[str]) -> dict[str, Cost]:
    """A process for the query."""
    env = {
        **os.environ,
        "LIBRA_TOKEN": libra.token,
        "SPARK_LOCAL_IP": "127.0.0.1",
        # The first python3 of the PATH may lack pyarrow.
        "PYSPARK_PYTHON": sys.executable,
    }
    return {way: of_command(command, env=env)[0]}


def in_task(server: ServerAddress, question: Question) -> dict[str, Cost]:
    """What a task waits for its rows, from a new connection on."""
    return {TASK: in_fork(partial(ask, server, question))}


def ask(server: ServerAddress, question: Question, *, times: int = 1) -> Cost:
    """What it costs to ask *question*, from a new connection on."""

    def answer() -> None:
        with contextlib.closing(Client([server])) as client:
            client.run(question.of_libra(Contract()))

    return of_calls(answer, times=times)


if __name__ == "__main__":
    main()
