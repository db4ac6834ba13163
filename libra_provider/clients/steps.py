"""A procedure of several steps, held once as a generator, and what drives one.

It yields what to do next, is sent the answer, or gets the error thrown in. It does no I/O itself,
and waits by yielding :class:`Sleep`; so a worker, a trigger, the command line and Libra follow the
same procedure, and a test plays all their servers without any.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from libra_provider.core.errors import LibraError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Submit:
    """Write down that the job is about to be submitted, then submit it; the answer: JobStatus."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop what is written down of the submission: it has made no job, and will make none."""


@dataclass(frozen=True, slots=True)
class Find:
    """Look for the jobs that carry the tag of the submission; the answer: TagMatches."""


@dataclass(frozen=True, slots=True)
class Status:
    """Ask how *job_id* stands; the answer: JobStatus."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Kill:
    """Request the end of *job_id*; the answer: what the server said."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for so many seconds; whoever drives the procedure does it, nobody is asked."""

    seconds: float


Step: TypeAlias = Submit | Forget | Find | Status | Kill | Sleep
Steps: TypeAlias = Generator[Step, Any, T]


def run(
    steps: Steps[T], ask: Callable[[Step], Any], *, sleep: Callable[[float], None] = time.sleep
) -> T:
    """The outcome of *steps*, each of which *ask* answers; raises what they raise."""
    answer, error = None, None
    while True:
        try:
            step = steps.throw(error) if error else steps.send(answer)
        except StopIteration as end:
            outcome: T = end.value
            return outcome
        answer, error = None, None
        try:
            if isinstance(step, Sleep):
                sleep(step.seconds)
            else:
                answer = ask(step)
        except LibraError as problem:
            error = problem


async def arun(
    steps: Steps[T],
    ask: Callable[[Step], Awaitable[Any]],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """The outcome of *steps*, without blocking the event loop."""
    answer, error = None, None
    while True:
        try:
            step = steps.throw(error) if error else steps.send(answer)
        except StopIteration as end:
            outcome: T = end.value
            return outcome
        answer, error = None, None
        try:
            answer = await (sleep(step.seconds) if isinstance(step, Sleep) else ask(step))
        except LibraError as problem:
            error = problem
