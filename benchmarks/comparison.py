"""Several ways to the same end, measured in turn and set side by side."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.machine import described


class Figures(Protocol):
    """A dataclass of what one measurement found."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    legend: ClassVar[str]

    @classmethod
    def middle(cls, each: Sequence[Self], /) -> Self:
        """The median of each figure by itself."""

    def cells(self, first: Self, /) -> Iterator[tuple[str, str]]:
        """Each column's name and figure; *first* is what it is compared with."""


F = TypeVar("F", bound=Figures)
F_contra = TypeVar("F_contra", bound=Figures, contravariant=True)
# One measurement; it may tell several ways apart, each by its name.
Step = Callable[[], Mapping[str, F]]


class Goal(Protocol[F_contra]):
    """A dataclass of what one way promises."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def way(self) -> str:
        """Its name."""

    def verdicts(self, first: F_contra, ours: F_contra, /) -> Iterator[tuple[str, bool]]:
        """Each part as a sentence, and whether it was reached."""


@dataclass(slots=True)
class Comparison(Generic[F]):
    """The figures of each way, round by round; the first way is what others are compared with."""

    title: str
    goal: Goal[F]
    steps: Sequence[Step[F]]
    found: dict[str, list[F]] = field(default_factory=dict)

    def measure(self, number: int) -> None:
        """Take all steps of round *number*."""
        # Another one begins each time: none always profits from what the one before warmed.
        for step in _rotated(self.steps, number):
            for way, figures in step().items():
                self.found.setdefault(way, []).append(figures)

    def medians(self) -> dict[str, F]:
        """The median of each way; the ways are in the order of the first round."""
        return {way: type(each[0]).middle(each) for way, each in self.found.items()}

    def verdicts(self) -> dict[str, bool]:
        """Each part of the goal as a sentence, and whether it was reached."""
        medians = self.medians()
        first = next(iter(medians.values()))
        return dict(self.goal.verdicts(first, medians[self.goal.way]))

    def to_json(self) -> dict[str, object]:
        """Every figure, in seconds and bytes."""
        return {
            "title": self.title,
            "medians": {way: asdict(each) for way, each in self.medians().items()},
            "goal": asdict(self.goal) | {"verdicts": self.verdicts()},
            "rounds": {way: [asdict(each) for each in all_] for way, all_ in self.found.items()},
        }

    def show(self, console: Console) -> None:
        """The medians and ratios, and what became of the goal."""
        medians = self.medians()
        console.print(self._table(medians))
        console.print(next(iter(medians.values())).legend, soft_wrap=True)
        for sentence, reached in self.verdicts().items():
            word = Text("reached", "green") if reached else Text("MISSED", "bold red")
            console.print(Text(f"Goal for {self.goal.way}, {sentence}, "), word, sep="")

    def _table(self, medians: Mapping[str, F]) -> Table:
        rounds = max(map(len, self.found.values()))
        title = f"{self.title}, medians of {rounds} interleaved rounds"
        table = Table(title=title, title_justify="left", box=box.SIMPLE)
        table.add_column("way", no_wrap=True)
        first = next(iter(medians.values()))
        for name, _ in first.cells(first):
            table.add_column(name, justify="right", no_wrap=True)
        for way, each in medians.items():
            table.add_row(way, *(cell for _, cell in each.cells(first)))
        return table


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How often to measure, and where every figure is written; ``machine`` is as it was before."""

    rounds: int
    json_file: Path | None
    machine: Mapping[str, str] = field(default_factory=described)

    @classmethod
    def of_command_line(cls, description: str | None, *, rounds: int = 9) -> Self:
        """The values of ``--rounds N`` and ``--json FILE``."""
        parser = argparse.ArgumentParser(description=description)
        often = f"number of rounds (default: {rounds})"
        parser.add_argument("--rounds", type=int, default=rounds, metavar="N", help=often)
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
        given = parser.parse_args()
        return cls(rounds=given.rounds, json_file=given.json)

    def measure(self, *comparisons: Comparison[F]) -> None:
        """Take all steps of all in each round: a busy moment of the machine hits all alike."""
        for number in range(self.rounds):
            for each in comparisons:
                each.measure(number)
            print(f"Round {number + 1} of {self.rounds} done", file=sys.stderr)
        self._report(comparisons)

    def _report(self, comparisons: Sequence[Comparison[F]]) -> None:
        # Into a file or a pipe, rich would fold everything to 80 columns.
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
        machine = "; ".join(f"{name} {value}" for name, value in self.machine.items())
        console.print(machine, soft_wrap=True)
        for each in comparisons:
            each.show(console)
        if self.json_file:
            found = {"machine": self.machine, "found": [each.to_json() for each in comparisons]}
            self.json_file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def _rotated(steps: Sequence[Step[F]], by: int) -> list[Step[F]]:
    first = by % len(steps)
    return [*steps[first:], *steps[:first]]
