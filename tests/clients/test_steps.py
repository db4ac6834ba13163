"""Whatever drives the steps of a procedure, the procedure is the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from libra_provider.clients.steps import Kill, Sleep, Status, Step, Steps, arun, run
from libra_provider.core.errors import JobLost, LibraError, ServerBusy

Drive = Callable[[Steps[str], Callable[[Step], Any], Callable[[float], None]], str]


def sync(steps: Steps[str], ask: Callable[[Step], Any], sleep: Callable[[float], None]) -> str:
    return run(steps, ask, sleep=sleep)


def in_a_loop(steps: Steps[str], ask: Callable[[Step], Any], sleep: Callable[[float], None]) -> str:
    async def asked(step: Step) -> Any:
        return ask(step)

    async def slept(seconds: float) -> None:
        sleep(seconds)

    return asyncio.run(arun(steps, asked, sleep=slept))


both = pytest.mark.parametrize("drive", [sync, in_a_loop])


def until_killed() -> Steps[str]:
    """Ask, wait for as long as the server wants, ask again, kill."""
    try:
        yield Status("job-1")
    except ServerBusy as error:
        yield Sleep(error.retry_after)
    said = yield Kill("job-1")
    return f"killed: {said}"


@both
def test_answers_are_sent_in_errors_are_thrown_in_and_sleeps_are_slept(drive: Drive) -> None:
    asked: list[Step] = []
    slept: list[float] = []

    def ask(step: Step) -> str:
        asked.append(step)
        if isinstance(step, Status):
            raise ServerBusy("http://m", "later", 7.0)
        return "yes"

    assert drive(until_killed(), ask, slept.append) == "killed: yes"
    assert asked == [Status("job-1"), Kill("job-1")]
    assert slept == [7.0]


@both
@pytest.mark.parametrize("error", [JobLost("job-1"), KeyError("a bug")])
def test_what_the_procedure_does_not_expect_is_raised(drive: Drive, error: Exception) -> None:
    def ask(_: Step) -> Any:
        raise error

    with pytest.raises(type(error)) as caught:
        drive(until_killed(), ask, lambda _: None)

    assert caught.value is error


@both
def test_a_false_answer_is_an_answer(drive: Drive) -> None:
    def steps() -> Steps[str]:
        return repr((yield Kill("job-1")))

    assert drive(steps(), lambda _: "", lambda _: None) == "''"


def test_an_interrupt_is_no_answer() -> None:
    """It ends whatever drives the procedure, which learns nothing of it."""
    told: list[LibraError] = []

    def steps() -> Steps[str]:
        try:
            yield Kill("job-1")
        except LibraError as error:
            told.append(error)
        return ""

    def interrupted(_: Step) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(steps(), interrupted)

    assert told == []
