"""The end of a driver that was announced to Libra is reported to it too, whatever ended it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.fakes.connections import connect
from tests.fakes.libra import FakeLibra
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner
from tests.operators.test_generations import SUCCEEDS, Etl


def shipped(**fields: Any) -> Etl:
    """A job whose files go by Libra."""
    return Etl(application=None, python="1", deferrable=True, **fields)


@pytest.fixture
def libra(libra: FakeLibra) -> FakeLibra:
    """Its drivers are gone without a word."""
    libra.announced_states = ["RUNNING"]
    return libra


def submitted(runner: TaskRunner, master: FakeMaster) -> Any:
    """The task of a try that has deferred, and whose driver runs."""
    master.states = ["RUNNING"]
    result = runner.run(shipped())
    assert result.state == "deferred"
    return result.ti.task


@pytest.mark.usefixtures("libra")
def test_the_trigger_of_a_driver_knows_which_libra_to_tell(
    master: FakeMaster, runner: TaskRunner
) -> None:
    submitted(runner, master)
    of_shipped = runner.states[-1]["trigger_kwargs"]
    runner.clear()
    runner.run(Etl(deferrable=True))
    of_other = runner.states[-1]["trigger_kwargs"]

    assert "libra_default" in str(of_shipped)
    assert "libra_default" not in str(of_other)


def is_ended(libra: FakeLibra) -> bool:
    [tag, *_] = libra.store.announced
    return libra.statements[tag].killed


def test_a_task_that_is_told_to_end_tells_libra_over_connections_of_its_own(
    master: FakeMaster, libra: FakeLibra, runner: TaskRunner
) -> None:
    """The signal may have caught a request on the shared ones; Airflow cannot be asked."""
    executed = submitted(runner, master)
    shared = executed._run.plan.libra
    shared._client = Broken(shared._client.addresses)
    connect("libra_default", conn_type="libra", port=1)
    executed.on_kill()

    assert next(iter(master.drivers.values())).killed
    assert is_ended(libra)


class Broken:
    """Connections that a signal has caught."""

    def __init__(self, addresses: Any) -> None:
        self.addresses = addresses

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} of the task's own connections is used in its signal handler")


def test_a_libra_that_does_not_answer_holds_no_task_that_is_told_to_end(
    master: FakeMaster, libra: FakeLibra, runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    """Airflow kills the process after five seconds; until then it has to say what it knows."""
    executed = submitted(runner, master)
    released = threading.Event()

    def hangs(_: Request) -> Answer:
        released.wait(300)
        return Answer(hang_up=True)

    libra.disturb = hangs
    ending = threading.Thread(target=executed.on_kill)
    ending.start()
    ending.join(60)
    is_held = ending.is_alive()
    released.set()
    ending.join()

    assert not is_held
    assert any("has stopped: killed" in each for each in caplog.messages)


def test_a_task_that_rejoined_its_driver_tells_libra_as_well(
    master: FakeMaster, libra: FakeLibra, runner: TaskRunner
) -> None:
    submitted(runner, master)
    rejoined = runner.run(shipped()).ti.task
    connect("libra_default", conn_type="libra", port=1)
    rejoined.on_kill()

    assert len(master.drivers) == 1
    assert is_ended(libra)


def test_a_clear_ends_the_old_job_at_libra_too(
    master: FakeMaster, libra: FakeLibra, runner: TaskRunner
) -> None:
    submitted(runner, master)
    runner.clear()
    master.states = list(SUCCEEDS)
    result = runner.run(shipped())
    old, new = libra.store.announced

    assert result.state == "deferred"
    assert libra.statements[old].killed
    assert not libra.statements[new].killed


def test_a_driver_that_died_beside_its_try_is_ended_at_libra_by_the_next_one(
    master: FakeMaster, libra: FakeLibra, runner: TaskRunner
) -> None:
    submitted(runner, master)
    next(iter(master.drivers.values())).states = ["FAILED"]
    runner.run(shipped())
    old, new = libra.store.announced

    assert libra.statements[old].killed
    assert not libra.statements[new].killed
