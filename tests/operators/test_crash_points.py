"""The task process dies by SIGKILL between any two requests: the retry ends with one driver.

Each try has a process of its own, which speaks to Airflow and the master over real ports.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from libra_provider.core.polling import utc_now
from tests.fakes.server import Answer, FakeServer, Request
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner
from tests.operators.test_generations import Etl

# The steps of a try, as servers see them. The number says which of several alike it is.
STEPS = {
    "it looks for an earlier try": ("GET", "/libra_job", 0),
    "it writes its intent down": ("PUT", "/libra_job", 0),
    "it submits": ("POST", "/create", 0),
    "it writes the driver's id down": ("PUT", "/libra_job", 1),
    "it tells its job": ("POST", "/job", 0),
    "it looks at the driver": ("GET", "/status/", 0),
    "it tells its state": ("PATCH", "/state", 0),
}


class Victim:
    """Kills the process *pid* at a step: before the server has done it, or before it answers."""

    def __init__(self, step: str, *, done: bool) -> None:
        self.pid = 0
        self.was_there = threading.Event()
        self._method, self._path, self._left = STEPS[step]
        self._done = done

    def meets(self, request: Request, answer: Callable[[], Answer]) -> Answer | None:
        """The answer to *request* that the victim does not live to see; None to one of another."""
        if request.method != self._method or self._path not in request.path or not self.pid:
            return None
        self._left -= 1
        if self._left >= 0 or self.was_there.is_set():
            return None
        if self._done:
            answer()
        os.kill(self.pid, signal.SIGKILL)
        self.was_there.set()
        return Answer(hang_up=True)


class Airflow(FakeServer):
    """The Execution API on a real port."""

    def __init__(self, runner: TaskRunner, victim: Victim) -> None:
        super().__init__()
        self._runner, self._victim = runner, victim

    def answer(self, request: Request) -> Answer:
        met = self._victim.meets(request, lambda: self._said(request))
        return met or self._said(request)

    def _said(self, request: Request) -> Answer:
        path = request.path.partition("?")[0]
        said = self._runner.answer(request.method, path, request.body)
        return Answer(said.status_code, said.json() if said.content else b"")


@pytest.fixture
def victim(request: pytest.FixtureRequest) -> Victim:
    step, done = request.param
    return Victim(step, done=done)


@pytest.fixture
def airflow(runner: TaskRunner, victim: Victim, master: FakeMaster) -> Iterator[Airflow]:
    master.states = ["RUNNING", "RUNNING", "FINISHED"]
    told = threading.local()

    def disturb(request: Request) -> Answer | None:
        if getattr(told, "again", False):
            return None
        told.again = True
        try:
            return victim.meets(request, lambda: master.answer(request))
        finally:
            told.again = False

    master.disturb = disturb
    with Airflow(runner, victim) as running:
        yield running


def dies(airflow: Airflow, runner: TaskRunner, victim: Victim, task: Etl) -> bool:
    """Run a try in a separate process; returns whether it died at its step."""
    victim.pid = os.fork()
    if not victim.pid:
        with contextlib.suppress(BaseException):
            runner.run_over(airflow.url, task)
        os._exit(0)
    _, status = os.waitpid(victim.pid, 0)
    victim.pid = 0  # it is another's now
    # Its sender has long given up when the next try begins.
    if (record := runner.store.get("libra_job")) and record["job_id"] is None:
        record["at"] = (utc_now() - timedelta(minutes=1)).isoformat()
    return os.WIFSIGNALED(status)


def finish(runner: TaskRunner, **fields: Any) -> Any:
    result = runner.run(Etl(**fields))
    while result.state == "deferred":
        result = runner.resume(Etl(**fields))
    return result


points = [(step, done) for step in STEPS for done in (False, True)]
names = [f"{'after' if done else 'before'} {step}" for step, done in points]


@pytest.mark.parametrize("victim", points, indirect=True, ids=names)
@pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])
def test_a_try_that_dies_at_any_point_leaves_one_driver_to_the_next(
    master: FakeMaster, runner: TaskRunner, airflow: Airflow, victim: Victim, deferrable: bool
) -> None:
    runner.try_number = 1
    died = dies(airflow, runner, victim, Etl(deferrable=deferrable))
    result = finish(runner, deferrable=deferrable)

    # A deferred task is looked at by the triggerer.
    assert died == ((victim._method, deferrable) != ("GET", True) or "/libra_job" in victim._path)
    assert result.state == "success"
    assert list(master.drivers) == [runner.xcoms["job"]["job_id"]]


@pytest.mark.parametrize(
    "victim", [("it tells its state", False), ("it tells its state", True)], indirect=True
)
def test_a_try_that_dies_when_it_takes_up_its_deferred_task_leaves_its_result(
    master: FakeMaster, runner: TaskRunner, airflow: Airflow, victim: Victim
) -> None:
    runner.run(Etl(deferrable=True))
    with runner.event_at_hand():
        died = dies(airflow, runner, victim, Etl(deferrable=True))
    result = finish(runner, deferrable=True)

    assert died
    assert result.state == "success"
    assert len(master.drivers) == 1
