"""Procedures of several steps, written once as generators, and the functions that run them.

A generator yields the next step and receives the response, or the error is raised in it. It does no
I/O itself, and waits by yielding :class:`Sleep`. So a worker, a trigger, the command line and Libra
run the same procedure, and tests need no servers.
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
    """Record that the job is about to be submitted, then submit it; the response is a JobStatus."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete the record of the submission: it has created no job, and never will."""


@dataclass(frozen=True, slots=True)
class Find:
    """Look for jobs with the tag of the submission; the response is a TagMatches."""


@dataclass(frozen=True, slots=True)
class Status:
    """Get the status of *job_id*; the response is a JobStatus."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Kill:
    """Request the kill of *job_id*; the response is the server's message."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for *seconds*; whatever runs the procedure does this itself."""

    seconds: float


Step: TypeAlias = Submit | Forget | Find | Status | Kill | Sleep
Steps: TypeAlias = Generator[Step, Any, T]


def run(
    steps: Steps[T], ask: Callable[[Step], Any], *, sleep: Callable[[float], None] = time.sleep
) -> T:
    """Run *steps* with *ask* for each; return their outcome, or raise what they raise."""
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
    """Run *steps* as :func:`run` does, without blocking the event loop."""
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
