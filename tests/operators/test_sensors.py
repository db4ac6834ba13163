"""Sensors run through the same real task runner as the operators."""

from __future__ import annotations

from typing import Any

import pytest

from libra_provider.sensors import LibraStatementSensor, SparkDriverSensor
from tests.fakes.libra import FakeLibra, FakeStatement
from tests.fakes.spark_master import FakeDriver, FakeMaster
from tests.fakes.task_runner import TaskRunner

ID = "driver-20261120082239-0000"


def ready(**fields: Any) -> SparkDriverSensor:
    fields = {"driver_id": ID, "poke_interval": 0.01, **fields}
    return SparkDriverSensor(task_id="ready", **fields)


def run(runner: TaskRunner, **fields: Any) -> Any:
    result = runner.run(ready(**fields))
    if result.state == "deferred":
        result = runner.resume(ready(**fields))
    return result


both_ways = pytest.mark.parametrize("deferrable", [False, True], ids=["poke", "deferrable"])


@both_ways
def test_a_sensor_succeeds_when_the_driver_has(
    master: FakeMaster, runner: TaskRunner, deferrable: bool
) -> None:
    master.drivers[ID] = FakeDriver({}, ["SUBMITTED", "RUNNING", "FINISHED"])
    result = run(runner, deferrable=deferrable)

    assert result.state == "success"
    assert runner.xcoms["driver_location"]["host"] == "127.0.0.1"


@both_ways
@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("FAILED", "failed: boom"),
        ("KILLED", "was killed"),
        ("ERROR", "lost contact with its worker"),
    ],
)
def test_a_sensor_fails_with_the_driver_and_is_not_retried(
    master: FakeMaster, runner: TaskRunner, deferrable: bool, word: str, sentence: str
) -> None:
    """LivySensor is green on dead batches."""
    stderr = "Traceback (most recent call last):\nboom\n" if word == "FAILED" else ""
    master.drivers[ID] = FakeDriver({}, ["RUNNING", word], {"stderr": stderr})
    result = run(runner, deferrable=deferrable)

    assert result.state == "failed"
    assert f"{ID} " in str(result.error)
    assert sentence in str(result.error)


@both_ways
@pytest.mark.usefixtures("master")
def test_a_sensor_fails_when_the_master_does_not_know_the_driver(
    runner: TaskRunner, deferrable: bool
) -> None:
    result = run(runner, deferrable=deferrable)

    assert result.state == "failed"
    assert "no longer lists this driver" in str(result.error)


@both_ways
def test_soft_fail_skips(master: FakeMaster, runner: TaskRunner, deferrable: bool) -> None:
    master.drivers[ID] = FakeDriver({}, ["FAILED"])
    result = run(runner, deferrable=deferrable, soft_fail=True)

    assert result.state == "skipped"


def test_in_reschedule_mode_a_sensor_gives_its_slot_back(
    master: FakeMaster, runner: TaskRunner
) -> None:
    master.drivers[ID] = FakeDriver({}, ["RUNNING", "FINISHED"])
    first = run(runner, mode="reschedule")
    second = run(runner, mode="reschedule")

    assert (first.state, second.state) == ("up_for_reschedule", "success")


def test_a_sensors_end_leaves_the_driver_alone(master: FakeMaster, runner: TaskRunner) -> None:
    master.drivers[ID] = FakeDriver({}, ["RUNNING"])
    executed = runner.run(ready(deferrable=True)).ti.task
    executed.on_kill()

    assert runner.states[-1]["trigger_kwargs"]["kills"] is False
    assert not master.drivers[ID].killed


@both_ways
def test_a_statement_can_be_waited_for_too(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool
) -> None:
    libra.statements["s-1"] = FakeStatement(None, {}, ["PENDING", "RUNNING", "SUCCESS"])

    def sensor() -> LibraStatementSensor:
        return LibraStatementSensor(
            task_id="s", statement_id="s-1", poke_interval=0.01, deferrable=deferrable
        )

    result = runner.run(sensor())
    if deferrable:
        result = runner.resume(sensor())

    assert result.state == "success"
