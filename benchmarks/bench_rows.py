"""A million rows to the client as Arrow: from Libra against ``toArrow()`` in process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.comparison import Comparison, Run
from benchmarks.load import Load, LoadGoal
from benchmarks.question import Question
from benchmarks.sides import Sides, sides, warm_up

IN_PROCESS = "toArrow() in process"
LIBRA = "Libra, submission to Arrow table"
ROWS = 1_000_000
PARTITIONS = 4
DURATION = 4.0  # seconds of each measurement
COLUMNS = "id, id / 7D AS ratio, concat('row-', lpad(id, 7, '0')) AS name"
GOAL = LoadGoal(way=LIBRA, times_p50=1.5)


def main() -> None:
    """Measure, and print what came of it."""
    run = Run.of_command_line(__doc__, rounds=7)
    with sides() as found:
        computed = f"SELECT {COLUMNS} FROM range(0, {ROWS}, 1, {PARTITIONS})"
        path = found.table("rows", computed)
        sources = {
            "computed": computed,
            f"from {PARTITIONS} Parquet files": f"SELECT * FROM parquet.`{path}`",
        }
        run.measure(*(comparison(found, *source) for source in sources.items()))


def comparison(found: Sides, title: str, sql: str) -> Comparison[Load]:
    """Both ways, warmed up."""
    question = Question(sql, rows=ROWS, as_arrow=True)

    def step(name: str, way: Callable[..., Load]) -> dict[str, Load]:
        return {name: way(question, clients=1, duration=DURATION)}

    ways = {IN_PROCESS: found.in_process, LIBRA: found.by_libra}
    for way in ways.values():
        warm_up(partial(way, question, clients=1, duration=DURATION))
    steps = [partial(step, name, way) for name, way in ways.items()]
    return Comparison(f"{ROWS:,} rows of 3 columns, {title}", GOAL, steps)


if __name__ == "__main__":
    main()
