"""What a try does with the driver that an earlier one left: each row of docs/architecture.md."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import pytest

from libra_provider.clients.submit_once import SubmitTiming
from libra_provider.lifecycle.timing import JobTiming
from libra_provider.operators import SparkClusterJobOperator
from tests.fakes.connections import connect
from tests.fakes.server import Answer
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner
from tests.operators.test_statement import top_products

SUCCEEDS = ["RUNNING", "FINISHED"]


class Etl(SparkClusterJobOperator):
    """A job whose file is on the workers, and that looks for a late arrival shorter than others."""

    timing: ClassVar[JobTiming] = JobTiming(submit=SubmitTiming(grace=0.3, look_every=0.1))

    def __init__(self, **fields: Any) -> None:
        fields = {"poll_interval": 0.01, "application": "local:/jobs/etl.py", **fields}
        super().__init__(task_id="etl", retries=2, **fields)


def run(runner: TaskRunner, **fields: Any) -> Any:
    result = runner.run(Etl(**fields))
    return runner.resume(Etl(**fields)) if result.state == "deferred" else result


def leave(runner: TaskRunner, master: FakeMaster, state: str) -> str:
    """Let a try submit a driver and die; the driver is in *state* when the next one begins."""
    master.states = [state]
    assert runner.run(Etl(deferrable=True)).state == "deferred"
    master.states = list(SUCCEEDS)
    return str(runner.store["libra_job"]["job_id"])


both_ways = pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])


@both_ways
@pytest.mark.parametrize("state", ["SUBMITTED", "RUNNING", "RELAUNCHING", "UNKNOWN"])
def test_a_retry_rejoins_a_driver_that_is_alive(
    master: FakeMaster, runner: TaskRunner, deferrable: bool, state: str
) -> None:
    driver_id = leave(runner, master, state)
    master.drivers[driver_id].states = [state, *SUCCEEDS]
    result = run(runner, deferrable=deferrable)

    assert result.state == "success"
    assert list(master.drivers) == [driver_id]


@both_ways
def test_a_retry_returns_what_has_succeeded(
    master: FakeMaster, runner: TaskRunner, deferrable: bool
) -> None:
    driver_id = leave(runner, master, "FINISHED")
    result = run(runner, deferrable=deferrable)

    assert result.state == "success"
    assert list(master.drivers) == [driver_id]


@both_ways
@pytest.mark.parametrize("state", ["FAILED", "KILLED"])
def test_a_retry_submits_anew_what_did_not_succeed(
    master: FakeMaster, runner: TaskRunner, deferrable: bool, state: str
) -> None:
    driver_id = leave(runner, master, state)
    old_tag = runner.store["libra_job"]["tag"]
    result = run(runner, deferrable=deferrable)

    assert result.state == "success"
    assert len(master.drivers) == 2
    assert runner.xcoms["job"]["job_id"] != driver_id
    assert runner.store["libra_job"]["tag"] != old_tag


@both_ways
def test_a_driver_that_the_master_forgot_ends_the_task_for_good(
    master: FakeMaster, runner: TaskRunner, deferrable: bool
) -> None:
    driver_id = leave(runner, master, "RUNNING")
    master.drivers.clear()
    result = run(runner, deferrable=deferrable)

    assert result.state == "failed"
    assert f"{driver_id} is lost" in str(result.error)
    assert "its process may still run" in str(result.error)
    assert master.drivers == {}


@both_ways
def test_on_lost_resubmit_lets_a_retry_submit_what_the_master_forgot(
    master: FakeMaster, runner: TaskRunner, deferrable: bool
) -> None:
    leave(runner, master, "RUNNING")
    master.drivers.clear()
    result = run(runner, deferrable=deferrable, on_lost="resubmit")

    assert result.state == "success"


def test_on_lost_resubmit_lets_a_task_be_retried_whose_driver_is_lost_under_its_eyes(
    master: FakeMaster, runner: TaskRunner
) -> None:
    def forgets(request: Any) -> None:
        if "/status/" in request.path:
            master.drivers.clear()

    master.disturb = forgets
    forgiving = run(runner, on_lost="resubmit")
    runner.store.clear()
    strict = run(runner)

    assert (forgiving.state, strict.state) == ("up_for_retry", "failed")


def test_on_lost_is_one_of_two_words() -> None:
    with pytest.raises(ValueError, match="Invalid on_lost='retry': expected fail or resubmit"):
        Etl(on_lost="retry")


def test_a_driver_whose_worker_was_lost_is_submitted_anew_once_the_worker_is_gone_or_back(
    master: FakeMaster, runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    """The master calls it ERROR at once; while the worker's process lives, so may the driver."""
    leave(runner, master, "ERROR")
    master.dead = True
    pages = []

    def comes_back(request: Any) -> None:
        pages.append(request.path)
        if pages.count("/json/") > 3:
            master.dead = False

    master.disturb = comes_back
    with caplog.at_level(logging.INFO, "libra_provider"):
        result = run(runner)

    assert result.state == "success"
    assert pages.index("/v1/submissions/create") > pages.index("/json/") + 3
    assert len(master.drivers) == 2
    assert any("DEAD, but its page still responds" in message for message in caplog.messages)


def test_a_worker_that_stays_lost_and_alive_ends_the_task_for_good(
    master: FakeMaster, runner: TaskRunner
) -> None:
    driver_id = leave(runner, master, "ERROR")
    master.dead = True
    result = run(runner, patience=0.1)

    assert result.state == "failed"
    assert f"{driver_id} is lost" in str(result.error)
    assert "the driver may still run there" in str(result.error)
    assert len(master.drivers) == 1


def test_a_worker_that_was_started_again_at_its_address_is_no_longer_the_one_that_was_lost(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """Its master lists it as DEAD for a minute or more, with the address of the new one."""
    leave(runner, master, "ERROR")
    master.dead = True
    master.page = {"id": "worker-20261120090000-127.0.0.1-7078"}

    assert run(runner, patience=0.1).state == "success"
    assert len(master.drivers) == 2


def test_a_driver_that_its_worker_could_not_start_is_submitted_anew_at_once(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """ERROR too, but with the worker's own words; there is nothing to wait for."""
    driver_id = leave(runner, master, "ERROR")
    master.drivers[driver_id].message = "java.io.IOException: no such file"
    master.dead = True

    assert run(runner, patience=0.1).state == "success"


@both_ways
@pytest.mark.parametrize("state", ["SUBMITTED", "RUNNING", "FINISHED", "FAILED", "KILLED"])
def test_a_clear_means_a_fresh_run_and_the_end_of_the_old_driver(
    master: FakeMaster, runner: TaskRunner, deferrable: bool, state: str
) -> None:
    driver_id = leave(runner, master, state)
    runner.clear()
    result = run(runner, deferrable=deferrable)
    old, new = master.drivers.values()

    assert result.state == "success"
    assert old.killed == (state in ("SUBMITTED", "RUNNING"))
    assert not new.killed
    assert runner.xcoms["job"]["job_id"] != driver_id


def test_a_clear_of_a_task_whose_driver_is_lost_submits_anew_and_says_so(
    master: FakeMaster, runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    driver_id = leave(runner, master, "RUNNING")
    master.drivers.clear()
    runner.clear()
    result = run(runner)

    assert result.state == "success"
    assert any(f"Could not stop {driver_id}, which is lost" in each for each in caplog.messages)


def test_a_clear_after_retries_were_edited_is_a_clear(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """With one retry less than before, the number that shows a clear stays the same."""
    runner.max_tries = 3
    driver_id = leave(runner, master, "FINISHED")
    runner.clear(retries=2)
    result = run(runner)

    assert runner.max_tries == 3
    assert result.state == "success"
    assert runner.xcoms["job"]["job_id"] != driver_id


@both_ways
def test_a_clear_of_another_task_leaves_a_retry_its_driver(
    master: FakeMaster, runner: TaskRunner, deferrable: bool
) -> None:
    driver_id = leave(runner, master, "RUNNING")
    master.drivers[driver_id].states = ["RUNNING", "RUNNING", "FINISHED"]
    runner.clear_another()
    result = run(runner, deferrable=deferrable)

    assert result.state == "success"
    assert list(master.drivers) == [driver_id]


@both_ways
def test_a_clear_of_a_running_task_whose_kill_comes_late_costs_no_try(
    master: FakeMaster, runner: TaskRunner, deferrable: bool
) -> None:
    """Airflow's numbers do not show whose clear it was: the driver is rejoined, then killed."""
    driver_id = leave(runner, master, "RUNNING")
    master.drivers[driver_id].states = ["RUNNING", "RUNNING", "KILLED"]
    runner.clear_another()
    result = runner.run(Etl(deferrable=deferrable))
    while result.state == "deferred":
        result = runner.resume(Etl(deferrable=deferrable))

    assert result.state == "success"
    assert len(master.drivers) == 2
    assert runner.xcoms["job"]["job_id"] != driver_id


def test_only_once_is_a_kill_taken_for_that_of_a_clear(
    master: FakeMaster, runner: TaskRunner
) -> None:
    driver_id = leave(runner, master, "RUNNING")
    master.drivers[driver_id].states = ["RUNNING", "RUNNING", "KILLED"]
    master.states = ["RUNNING", "KILLED"]
    runner.clear_another()
    result = run(runner)

    assert result.state == "up_for_retry"
    assert len(master.drivers) == 2


def test_a_running_task_that_was_cleared_at_its_drivers_end_runs_again(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """Its result may be of before the clear, and a user who clears wants a new one."""
    driver_id = leave(runner, master, "FINISHED")
    runner.clear_another()
    result = run(runner)

    assert result.state == "success"
    assert runner.xcoms["job"]["job_id"] != driver_id


def test_a_clear_of_another_task_while_this_one_was_deferred_is_not_held_against_it(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """The try that took up the deferred task has died: its driver is still that of this run."""
    master.states = ["FINISHED"]
    runner.run(Etl(deferrable=True))
    runner.clear_another()
    runner.resume(Etl(deferrable=True))
    result = run(runner)

    assert result.state == "success"
    assert len(master.drivers) == 1


def test_an_event_of_a_job_that_was_replaced_ends_nothing(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """Airflow may hand the event of a trigger from before a clear to the try that came after."""
    driver_id = leave(runner, master, "RUNNING")
    before = runner.states[-1]
    runner.clear()
    master.drivers[driver_id].states = ["RUNNING", "KILLED"]
    runner.run(Etl(deferrable=True))
    runner.states.append(before)
    result = runner.resume(Etl(deferrable=True))

    assert result.state == "deferred"
    assert runner.resume(Etl(deferrable=True)).state == "success"
    assert len(master.drivers) == 2


@pytest.mark.parametrize("how", ["resume", "time_out", "fail_trigger"])
def test_a_clear_of_a_task_that_was_just_resumed_begins_anew(
    master: FakeMaster, runner: TaskRunner, how: str
) -> None:
    """Airflow gives the try after the clear what the one before was resumed with."""
    driver_id = leave(runner, master, "FINISHED")
    runner.clear()
    runner.try_number += 1
    result = getattr(runner, how)(Etl())

    assert result.state == "success"
    assert len(master.drivers) == 2
    assert runner.xcoms["job"]["job_id"] != driver_id


def test_a_deleted_and_recreated_run_knows_nothing_of_the_old_one(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """Airflow deletes only runs that are over: their drivers were stopped."""
    leave(runner, master, "KILLED")
    again = TaskRunner(max_tries=runner.max_tries)
    result = run(again)

    assert result.state == "success"
    assert len(master.drivers) == 2


@pytest.mark.parametrize("state", ["RUNNING", "FINISHED"])
def test_a_task_that_was_moved_to_another_master_stops_its_driver_at_the_old_one(
    master: FakeMaster, runner: TaskRunner, state: str
) -> None:
    """Somebody edited the Dag between two tries."""
    driver_id = leave(runner, master, state)
    with FakeMaster(states=list(SUCCEEDS)) as other:
        extra = {"rest_urls": other.url, "ui_urls": other.url}
        connect("other_master", conn_type="spark_master", extra=extra)
        result = run(runner, spark_master_conn_id="other_master")

        assert result.state == "success"
        assert len(other.drivers) == 1
    assert list(master.drivers) == [driver_id]
    assert master.drivers[driver_id].killed == (state == "RUNNING")


def test_a_job_that_was_given_up_is_not_rejoined_where_its_kill_failed(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """It waited longer than queued_timeout; the next try begins with what this one left undone."""
    refuses = Answer(400, {"action": "ErrorResponse", "message": "not now"})
    master.disturb = lambda request: refuses if "/kill/" in request.path else None
    master.states = ["SUBMITTED"]
    first = run(runner, queued_timeout=0.05)
    master.disturb = lambda _: None
    master.states = list(SUCCEEDS)
    second = run(runner, queued_timeout=60)
    old, new = master.drivers.values()

    assert (first.state, second.state) == ("up_for_retry", "success")
    assert "queued_timeout=0.1 s" in str(first.error)
    assert "rejected the request (HTTP 400): not now" in str(first.error)
    assert (old.killed, new.killed) == (True, False)


@pytest.mark.usefixtures("libra")
def test_what_libra_lost_is_submitted_again_unless_it_runs_on_the_cluster(
    runner: TaskRunner, libra: Any
) -> None:
    """A statement ends with its driver; a driver on a worker may run on."""
    states = {}
    for deploy_mode in ("client", "cluster"):
        runner.store.clear()
        fields = {"sql": None, "application": "http://x/etl.py", "deploy_mode": deploy_mode}
        runner.run(top_products(deferrable=True, **fields))
        statement = list(libra.statements.values())[-1]
        statement.states = ["LOST"]
        states[deploy_mode] = runner.run(top_products(**fields)).state

    assert states == {"client": "success", "cluster": "failed"}
