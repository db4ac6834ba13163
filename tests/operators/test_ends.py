"""A task that Airflow ends takes its driver with it, and what cannot be stopped is named."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from libra_provider.lifecycle.timing import JobTiming
from libra_provider.operators import LibraOperator, LibraStatementOperator
from tests.fakes.libra import FakeLibra
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner
from tests.operators.test_generations import SUCCEEDS, Etl, leave

# Enough for a kill, however loaded this machine is.
UNHURRIED = replace(Etl.timing, on_kill=60.0)


class UnhurriedEtl(Etl):
    timing: ClassVar[JobTiming] = UNHURRIED


class UnhurriedStatement(LibraStatementOperator):
    timing: ClassVar[JobTiming] = UNHURRIED


@dataclass
class DeadlockingRunner(TaskRunner):
    """Airflow's supervisor, whose lock a signal has caught: who asks it then never gets on."""

    caught: threading.Event = field(default_factory=threading.Event)
    asked: tuple[str, ...] = ()

    def answer(self, method: str, path: str, content: bytes) -> Any:
        if self.caught.is_set():
            self.asked += (f"{method} {path}",)
        return super().answer(method, path, content)


@pytest.fixture
def runner() -> Iterator[DeadlockingRunner]:
    """Airflow's task runner leaves its handler of SIGTERM behind."""
    before = signal.getsignal(signal.SIGTERM)
    yield DeadlockingRunner()
    signal.signal(signal.SIGTERM, before)


def terminate_at(
    server: FakeMaster | FakeLibra,
    runner: DeadlockingRunner,
    path: str,
    create: Callable[[Request], Answer | None] = lambda _: None,
) -> None:
    """Have Airflow end the task while it waits for the answer to *path*; it comes after a kill.

    *create* answers it.
    """
    stopped = threading.Event()

    def disturb(request: Request) -> Answer | None:
        if "/kill/" in request.path or request.method == "DELETE":
            runner.caught.clear()
            stopped.set()
        elif path in request.path and not runner.caught.is_set() and not stopped.is_set():
            answer = create(request)
            runner.caught.set()
            os.kill(os.getpid(), signal.SIGTERM)
            stopped.wait(60)
            return answer
        return None

    server.disturb = disturb


@pytest.mark.parametrize("path", ["/status/", "/create"])
def test_a_task_that_is_told_to_end_stops_its_driver_and_asks_airflow_nothing(
    master: FakeMaster, runner: DeadlockingRunner, path: str
) -> None:
    """Also while it submits: the driver is found by its tag before its id is known here."""
    master.states = ["RUNNING"]
    create = {"create": master._create} if path == "/create" else {}
    terminate_at(master, runner, path, **create)
    result = runner.run(UnhurriedEtl())
    [driver] = master.drivers.values()

    assert result.state == "up_for_retry"
    assert driver.killed
    assert runner.asked == ()
    assert "was killed: the task was ended while it" in str(result.error)


def test_a_kill_that_is_not_answered_in_time_is_named_and_done_by_the_next_try(
    master: FakeMaster, runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    master.states = ["RUNNING"]
    executed = runner.run(Etl(deferrable=True)).ti.task
    [(driver_id, old)] = master.drivers.items()
    released = threading.Event()

    def hangs(request: Request) -> Answer | None:
        if "/submissions/" not in request.path:
            return None
        released.wait(30)
        return Answer(hang_up=True)

    master.disturb = hangs
    executed.on_kill()
    said = [each for each in caplog.messages if "did not stop within 4.0 s" in each]
    released.set()
    master.disturb = lambda _: None
    runner.clear()
    master.states = list(SUCCEEDS)
    result = runner.run(Etl())

    assert len(said) == 1
    assert said[0].startswith(driver_id)
    assert result.state == "success"
    assert old.killed


def test_a_task_that_ends_before_its_submission_asks_nobody(master: FakeMaster) -> None:
    Etl().on_kill()

    assert master.requests == []


def terminate_at_first_request(server: FakeMaster | FakeLibra) -> None:
    """Have Airflow end the task when it first asks *server* something."""

    def disturb(_: Request) -> None:
        server.disturb = lambda _: None
        os.kill(os.getpid(), signal.SIGTERM)

    server.disturb = disturb


def test_a_task_that_is_told_to_end_before_its_submission_submits_nothing(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """Between the answer and the end of its process there may be no time to stop the driver."""
    master.states = ["RUNNING"]
    terminate_at_first_request(master)
    result = runner.run(Etl())

    assert "it was killed before the response to its submission arrived" in str(result.error)
    assert master.drivers == {}
    assert runner.store == {}


def test_a_task_that_is_told_to_end_while_it_decides_submits_nothing(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    libra.states = ["RUNNING"]
    terminate_at_first_request(libra)
    result = runner.run(LibraOperator(task_id="work", sql="SELECT 1", poll_interval=0.01))

    assert "it was killed before the response to its submission arrived" in str(result.error)
    assert [each for each in libra.statements.values() if each.key] == []


def test_a_retry_that_is_told_to_end_before_it_rejoins_stops_what_it_finds(
    master: FakeMaster, runner: TaskRunner
) -> None:
    leave(runner, master, "RUNNING")
    [driver] = master.drivers.values()
    task = Etl()
    task.on_kill()
    result = runner.run(task)

    assert "was killed: the task was ended while it ran" in str(result.error)
    assert driver.killed
    assert len(master.drivers) == 1


def test_execution_timeout_stops_a_driver_that_is_waited_for(
    master: FakeMaster, runner: TaskRunner
) -> None:
    master.states = ["RUNNING"]
    result = runner.run(Etl(execution_timeout=timedelta(seconds=3)))
    [driver] = master.drivers.values()

    assert result.state == "up_for_retry"
    assert driver.killed


@contextlib.contextmanager
def refusing_kills(master: FakeMaster) -> Iterator[None]:
    """Drivers run and cannot be stopped; from the end of the block on they can, and succeed."""
    master.states = ["RUNNING"]
    refuses = Answer(400, {"action": "ErrorResponse", "message": "not now"})
    master.disturb = lambda request: refuses if "/kill/" in request.path else None
    yield
    master.disturb = lambda _: None
    master.states = list(SUCCEEDS)


def test_an_overdue_driver_that_on_kill_could_not_stop_is_replaced_by_the_next_try(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """The next one would rejoin it otherwise, and wait all over again."""
    with refusing_kills(master):
        first = runner.run(Etl(execution_timeout=timedelta(seconds=1)))
    second = runner.run(Etl())
    old, new = master.drivers.values()

    assert (first.state, second.state) == ("up_for_retry", "success")
    assert (old.killed, new.killed) == (True, False)


def overdue(runner: TaskRunner) -> Any:
    limit = timedelta(seconds=60)  # it is over when the runner says so
    runner.run(Etl(deferrable=True, execution_timeout=limit))
    return runner.time_out(Etl(deferrable=True, execution_timeout=limit))


def test_execution_timeout_stops_a_driver_whose_task_is_deferred(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """Whether or not a triggerer had taken it up by then."""
    master.states = ["RUNNING"]
    result = overdue(runner)
    [(driver_id, driver)] = master.drivers.items()

    assert result.state == "up_for_retry"
    assert str(result.error) == f"{driver_id} was stopped: execution_timeout=1 min is exceeded"
    assert driver.killed


def test_a_driver_that_succeeded_while_no_triggerer_looked_counts(
    master: FakeMaster, runner: TaskRunner
) -> None:
    master.states = ["FINISHED"]

    assert overdue(runner).state == "success"


def test_a_driver_that_failed_while_no_triggerer_looked_was_not_stopped(
    master: FakeMaster, runner: TaskRunner
) -> None:
    master.states = ["FAILED"]
    result = overdue(runner)
    [driver_id] = master.drivers

    assert result.state == "up_for_retry"
    assert f"{driver_id} failed" in str(result.error)
    assert "was stopped" not in str(result.error)


def test_an_overdue_driver_that_cannot_be_stopped_is_replaced_by_the_next_try(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """Without the note of the first try, the next would rejoin it, and wait all over again."""
    with refusing_kills(master):
        first = overdue(runner)
    second = runner.run(Etl())
    old, new = master.drivers.values()

    assert "the job may still run: " in str(first.error)
    assert (first.state, second.state) == ("up_for_retry", "success")
    assert (old.killed, new.killed) == (True, False)


def test_a_trigger_that_fails_costs_neither_the_driver_nor_the_try(
    master: FakeMaster, runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    """A triggerer may lack the connection that workers have; without retries nothing would poll."""
    master.states = ["RUNNING", "RUNNING", "FINISHED"]
    runner.run(Etl(deferrable=True))
    result = runner.fail_trigger(Etl(deferrable=True))

    assert result.state == "success"
    assert len(master.drivers) == 1
    assert any("Waiting in the worker instead" in each for each in caplog.messages)


def test_a_task_marked_failed_before_a_triggerer_took_it_up_is_stopped_by_the_next_run(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """No trigger lives that could: what is left is the record, which a clear goes by."""
    master.states = ["RUNNING"]
    assert runner.run(Etl(deferrable=True)).state == "deferred"
    runner.clear()
    master.states = list(SUCCEEDS)
    result = runner.run(Etl())
    old, new = master.drivers.values()

    assert result.state == "success"
    assert (old.killed, new.killed) == (True, False)


def test_a_statement_is_stopped_by_its_tag_while_its_submission_has_no_answer(
    libra: FakeLibra, runner: DeadlockingRunner
) -> None:
    libra.states = ["RUNNING"]
    terminate_at(libra, runner, "/sessions/default/statements", libra._submit)
    result = runner.run(UnhurriedStatement(task_id="top_products", sql="select 1"))

    assert "was killed: the task was ended while it" in str(result.error)
    assert libra.statements["statement-0"].killed
    assert runner.asked == ()
