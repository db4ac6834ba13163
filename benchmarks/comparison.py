"""Several ways to the same end, measured in turn and set side by side."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.machine import described
from benchmarks.measure import Cost, Memory
from libra_provider.core.units import readable_size

# One measurement; it may tell several ways apart, each by its name.
Step = Callable[[], Mapping[str, Cost]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What *way* promises: so many times less CPU than the first way, and wall time in seconds."""

    way: str
    times_less_cpu: float
    seconds: float | None = None


@dataclass(slots=True)
class Comparison:
    """The costs of each way, round by round; the first way is what the others are compared with."""

    title: str
    goal: Goal
    costs: dict[str, list[Cost]] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=described)

    def measure(self, steps: Sequence[Step], rounds: int) -> None:
        """Take all *steps* in each round, so that a busy moment of the machine hits all alike."""
        for number in range(rounds):
            # Another one begins each time: none always profits from what the one before warmed.
            for step in _rotated(steps, number):
                for way, cost in step().items():
                    self.costs.setdefault(way, []).append(cost)
            print(f"round {number + 1} of {rounds} is done", file=sys.stderr)

    def medians(self) -> dict[str, Cost]:
        """The median of each way."""
        return {way: Cost.middle(costs) for way, costs in self.costs.items()}

    def times_less_cpu(self) -> dict[str, float]:
        """How many times less CPU than the first way each one takes, by the medians."""
        medians = self.medians()
        first = next(iter(medians.values()))
        return {way: first.cpu / cost.cpu for way, cost in medians.items()}

    def verdicts(self) -> Iterator[tuple[str, bool]]:
        """Each part of the goal as a sentence, and whether it was reached."""
        goal, cost = self.goal, self.medians()[self.goal.way]
        ratio = self.times_less_cpu()[goal.way]
        said = f"at least {goal.times_less_cpu:.0f} times less CPU: {_ratio(ratio)}"
        yield said, ratio >= goal.times_less_cpu
        if goal.seconds:
            said = f"under {_milliseconds(goal.seconds)}: {_milliseconds(cost.wall)}"
            yield said, cost.wall < goal.seconds

    def to_json(self) -> dict[str, object]:
        """Every figure, in seconds and bytes, with the machine it was measured on."""
        return {
            "title": self.title,
            "machine": self.machine,
            "medians": {way: asdict(cost) for way, cost in self.medians().items()},
            "times_less_cpu": self.times_less_cpu(),
            "goal": asdict(self.goal) | {"verdicts": dict(self.verdicts())},
            "rounds": {way: [asdict(each) for each in costs] for way, costs in self.costs.items()},
        }

    def show(self, console: Console) -> None:
        """The machine, the medians and ratios, and what became of the goal."""
        console.print(
            "; ".join(f"{name} {value}" for name, value in self.machine.items()), soft_wrap=True
        )
        console.print(self._table())
        console.print(f"Memory: {Memory.PEAK_RSS}; with a +, {Memory.ADDED}.", soft_wrap=True)
        for sentence, reached in self.verdicts():
            word = Text("reached", "green") if reached else Text("MISSED", "bold red")
            console.print(Text(f"Goal for {self.goal.way}, {sentence}, "), word, sep="")

    def _table(self) -> Table:
        rounds = max(map(len, self.costs.values()))
        title = f"{self.title}, medians of {rounds} interleaved rounds"
        table = Table(title=title, title_justify="left", box=box.SIMPLE)
        table.add_column("way", no_wrap=True)
        for name in ("wall", "CPU", "memory", "times less CPU"):
            table.add_column(name, justify="right", no_wrap=True)
        ratios = self.times_less_cpu()
        for way, cost in self.medians().items():
            sign = "+" if cost.memory_is is Memory.ADDED else ""
            times = (_milliseconds(cost.wall), _milliseconds(cost.cpu))
            size = f"{sign}{readable_size(cost.memory)}"
            table.add_row(way, *times, size, _ratio(ratios[way]))
        return table


def options(description: str) -> argparse.Namespace:
    """``--rounds N`` and ``--json FILE`` of the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="how often (9)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args()


def report(comparison: Comparison, *, json_file: Path | None) -> None:
    """Print *comparison*, and write it to *json_file* if there is one."""
    # Into a file or a pipe, rich would fold everything to 80 columns.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    comparison.show(console)
    if json_file:
        json_file.write_text(json.dumps(comparison.to_json(), indent=2, ensure_ascii=False) + "\n")


def _rotated(steps: Sequence[Step], by: int) -> list[Step]:
    first = by % len(steps)
    return [*steps[first:], *steps[:first]]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
