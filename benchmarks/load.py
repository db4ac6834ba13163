"""What answers cost that are asked for again and again, by one client or by many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import ClassVar

from benchmarks.answers import Answers
from benchmarks.figures import milliseconds, number


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds per answer (the median, and what 95 of 100 stay below), and answers per second.

    ``cpu`` holds what each process used for one answer, in seconds.
    """

    p50: float
    p95: float
    per_second: float
    cpu: Mapping[str, float]

    legend: ClassVar[str] = "CPU: seconds that each process used per response."

    @classmethod
    def of(cls, answers: Answers, cpu: Mapping[str, float]) -> Load:
        """The figures of *answers*, which cost each process *cpu* seconds in all."""
        count = len(answers.seconds)
        p95 = quantiles(answers.seconds, n=20)[-1] if count > 1 else answers.seconds[0]
        each = {name: seconds / count for name, seconds in cpu.items()}
        return cls(median(answers.seconds), p95, count / answers.elapsed, each)

    @classmethod
    def middle(cls, loads: Sequence[Load]) -> Load:
        """The median of each figure by itself."""
        p50, p95, per_second = (
            median(getattr(each, name) for each in loads) for name in ("p50", "p95", "per_second")
        )
        cpu = {name: median(each.cpu[name] for each in loads) for name in loads[0].cpu}
        return cls(p50, p95, per_second, cpu)

    @property
    def cpu_in_all(self) -> float:
        """Seconds of CPU per answer: unlike the clock, a busy machine hardly changes it."""
        return sum(self.cpu.values())

    def cells(self, first: Load) -> Iterator[tuple[str, str]]:
        """Each column's name and figure, in proportion to *first* where that says more."""
        yield "p50", milliseconds(self.p50)
        yield "p95", milliseconds(self.p95)
        yield "a second", number(self.per_second)
        yield "times p50", f"{self.p50 / first.p50:.2f}"
        yield "times throughput", f"{self.per_second / first.per_second:.2f}"
        yield "times CPU", f"{self.cpu_in_all / first.cpu_in_all:.2f}"
        parts = (f"{name} {milliseconds(seconds)}" for name, seconds in self.cpu.items())
        yield "CPU", ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadGoal:
    """How near *way* promises to come to the first way; *plus* are seconds added to the p50."""

    way: str
    times_p50: float
    plus: float = 0.0
    times_throughput: float | None = None

    def verdicts(self, first: Load, ours: Load) -> Iterator[tuple[str, bool]]:
        """Each part as a sentence, and whether it was reached."""
        most = first.p50 * self.times_p50 + self.plus
        plus = f" plus {milliseconds(self.plus)}" if self.plus else ""
        said = f"p50 at most {self.times_p50:g} times{plus}, {milliseconds(most)}"
        yield f"{said}: {milliseconds(ours.p50)}", ours.p50 <= most
        if self.times_throughput:
            times = ours.per_second / first.per_second
            said = f"throughput at least {self.times_throughput:g} times: {times:.2f}"
            yield said, times >= self.times_throughput
