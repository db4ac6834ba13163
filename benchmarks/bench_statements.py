"""Small SQL statements: on Libra against ``toArrow()`` on a SparkSession of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from benchmarks.comparison import Comparison, Run
from benchmarks.load import Load, LoadGoal
from benchmarks.question import Question, aggregation, smallest
from benchmarks.sides import Sides, sides, warm_up

IN_PROCESS = "toArrow() in process"
LIBRA = "Libra, submission to rows"
CLIENTS = (1, 32)
DURATION = 3.0  # seconds of each measurement
GOAL = LoadGoal(way=LIBRA, times_p50=1.25, plus=0.002, times_throughput=0.8)


def main() -> None:
    """Measure, and print what came of it."""
    run = Run.of_command_line(__doc__, rounds=7)
    with sides() as found:
        questions = {
            "SELECT 1": smallest(),
            "GROUP BY of 5,000 rows": aggregation(found.folder),
        }
        warm(found, questions.values())
        run.measure(
            *(
                comparison(found, title, question, clients)
                for title, question in questions.items()
                for clients in CLIENTS
            )
        )


def warm(found: Sides, questions: Iterable[Question]) -> None:
    """Warm both sides up: the compilers of the JVM learn most from many clients."""
    for question in questions:
        for way in (found.in_process, found.by_libra):
            warm_up(partial(way, question, clients=max(CLIENTS), duration=DURATION))


def comparison(found: Sides, title: str, question: Question, clients: int) -> Comparison[Load]:
    """Both ways, for as many clients."""

    def step(name: str, way: Callable[..., Load]) -> dict[str, Load]:
        return {name: way(question, clients=clients, duration=DURATION)}

    steps = [partial(step, IN_PROCESS, found.in_process), partial(step, LIBRA, found.by_libra)]
    return Comparison(f"{title}, {clients} client{'s' * (clients > 1)}", GOAL, steps)


if __name__ == "__main__":
    main()
