"""A request or its answer is lost between a task and the master: in the end there is one driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from libra_provider.clients.submit_once import SubmitTiming
from libra_provider.core.polling import utc_now
from libra_provider.lifecycle.timing import JobTiming
from libra_provider.operators import SparkClusterJobOperator
from tests.fakes.connections import connect
from tests.fakes.proxy import (
    LOST_ANSWER,
    LOST_REQUEST,
    PASSES,
    Fate,
    Passing,
    Proxy,
    creations_lost_at_random,
    delayed,
)
from tests.fakes.server import Answer
from tests.fakes.spark_master import FakeDriver, FakeMaster
from tests.fakes.task_runner import TaskRunner


class Etl(SparkClusterJobOperator):
    """A job whose file is on the workers, and that looks for a late arrival shorter than others."""

    timing: ClassVar[JobTiming] = JobTiming(submit=SubmitTiming(grace=0.3, look_every=0.1))

    def __init__(self, **fields: Any) -> None:
        fields = {"poll_interval": 0.01, "application": "local:/jobs/etl.py", **fields}
        super().__init__(task_id="etl", **fields)


@pytest.fixture
def proxy(master: FakeMaster) -> Iterator[Proxy]:
    """Stands before the REST port only: the pages are read past it."""
    master.states = ["RUNNING", "RUNNING", "FINISHED"]
    with Proxy(master.port) as between:
        through(between, master)
        yield between


def through(proxy: Proxy, master: FakeMaster, **extra: str) -> None:
    """Let the connection lead through *proxy*."""
    extra = {"rest_urls": proxy.url, "ui_urls": master.url, **extra}
    connect("spark_master_default", conn_type="spark_master", extra=extra)


class Patient(Etl):
    """However late a request arrives: it is looked for."""

    timing: ClassVar[JobTiming] = JobTiming(submit=SubmitTiming(grace=60.0, look_every=0.1))


def run(runner: TaskRunner, task: type[Etl] = Etl, **fields: Any) -> Any:
    result = runner.run(task(**fields))
    return runner.resume(task(**fields)) if result.state == "deferred" else result


def first_creation(fate: Fate) -> Callable[[Passing], Fate]:
    """The first creation has *fate*, everything else passes."""
    fates = iter([fate])
    return lambda passing: next(fates, PASSES) if passing.creates else PASSES


both_ways = pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])


@both_ways
@pytest.mark.parametrize("fate", [LOST_ANSWER, LOST_REQUEST], ids=["lost answer", "lost request"])
def test_a_submission_without_an_answer_is_settled_in_the_same_try(
    master: FakeMaster, proxy: Proxy, runner: TaskRunner, fate: Fate, deferrable: bool
) -> None:
    proxy.fate = first_creation(fate)
    result = run(runner, deferrable=deferrable)

    assert result.state == "success"
    assert list(master.drivers) == [runner.xcoms["job"]["job_id"]]


@both_ways
def test_a_submission_that_arrives_after_the_timeout_is_the_only_one(
    master: FakeMaster,
    proxy: Proxy,
    runner: TaskRunner,
    deferrable: bool,
) -> None:
    through(proxy, master, timeout="1 s")
    proxy.fate = first_creation(delayed(1.2))
    result = run(runner, Patient, deferrable=deferrable)

    assert result.state == "success"
    assert list(master.drivers) == [runner.xcoms["job"]["job_id"]]


@pytest.mark.parametrize("seed", range(6))
def test_however_many_requests_and_answers_are_lost_there_is_one_driver(
    master: FakeMaster, proxy: Proxy, runner: TaskRunner, seed: int
) -> None:
    proxy.fate = creations_lost_at_random(seed)
    result = run(runner)

    assert result.state == "success"
    assert len(master.drivers) == 1


@pytest.mark.usefixtures("proxy")
def test_a_server_that_answers_every_creation_with_a_proxys_page_is_not_asked_twice_unseen(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """The proxy's 502 came after the master had made the driver."""

    def made_and_hidden(request: Any) -> Answer | None:
        if not request.path.endswith("/create"):
            return None
        master._create(request)
        return Answer(502, "Bad Gateway")

    master.disturb = made_and_hidden
    result = run(runner)

    assert result.state == "success"
    assert len(master.drivers) == 1


def test_a_candidate_whose_log_cannot_be_read_is_named_and_nothing_is_submitted(
    master: FakeMaster, proxy: Proxy, runner: TaskRunner
) -> None:
    through(proxy, master, timeout="10 s")  # the second try waits it out
    proxy.fate = first_creation(LOST_REQUEST)
    request = {"mainClass": "org.apache.spark.deploy.SparkSubmit"}
    stranger = FakeDriver(request, ["RUNNING"], worker="worker-that-is-gone")
    master.drivers["driver-20261120082239-0099"] = stranger
    first = run(runner, patience=0.5)
    tag = runner.store["libra_job"]["tag"]
    second = run(runner, patience=0.5)

    for result in (first, second):
        assert result.state == "up_for_retry"
        assert f"The job with tag {tag} at {proxy.url} may or may not" in str(result.error)
        assert "it may be driver-20261120082239-0099 (" in str(result.error)
        assert f"look for spark.libra.tag={tag}" in str(result.error)
    assert list(master.drivers) == ["driver-20261120082239-0099"]


def test_a_candidate_that_waits_is_waited_for(
    master: FakeMaster, proxy: Proxy, runner: TaskRunner
) -> None:
    """A driver without a worker has no log yet: it may be ours, and here it is."""
    master.states = ["SUBMITTED"]
    proxy.fate = first_creation(LOST_ANSWER)
    looks = []

    def starts_later(request: Any) -> None:
        if request.path == "/json/":
            looks.append(request)
        if len(looks) == 4:
            for driver in master.drivers.values():
                driver.states = ["RUNNING", "FINISHED"]

    master.disturb = starts_later
    result = run(runner)

    assert result.state == "success"
    assert len(master.drivers) == 1


@pytest.mark.usefixtures("proxy")
def test_of_two_drivers_with_one_tag_the_first_stays(
    master: FakeMaster, runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy has sent the request on twice."""

    def made_twice(request: Any) -> Answer | None:
        if not request.path.endswith("/create"):
            return None
        for _ in range(2):
            master._create(request)
        for driver in master.drivers.values():
            driver.states = ["RUNNING", "RUNNING", "RUNNING", "FINISHED"]
        return Answer(hang_up=True)

    master.disturb = made_twice
    result = run(runner)
    first, second = master.drivers

    assert result.state == "success"
    assert runner.xcoms["job"]["job_id"] == first
    assert (master.drivers[first].killed, master.drivers[second].killed) == (False, True)
    assert any(f"{first} and {second} both carry tag" in message for message in caplog.messages)


def interrupted(runner: TaskRunner, *, seconds_ago: float) -> None:
    """Leave the store as a try does that was killed before its answer came."""
    record = runner.store["libra_job"]
    at = utc_now() - timedelta(seconds=seconds_ago)
    record |= {"job_id": None, "at": at.isoformat()}


@both_ways
def test_a_retry_adopts_the_driver_of_a_try_that_was_killed_before_its_answer(
    master: FakeMaster, proxy: Proxy, runner: TaskRunner, deferrable: bool
) -> None:
    runner.run(Etl(deferrable=True))
    interrupted(runner, seconds_ago=60)
    result = run(runner, deferrable=deferrable)

    assert result.state == "success"
    assert len(master.drivers) == 1
    assert sum(passing.creates for passing in proxy.seen) == 1


@pytest.mark.usefixtures("proxy")
def test_a_retry_submits_once_it_is_certain_that_nothing_arrived(
    master: FakeMaster, runner: TaskRunner
) -> None:
    runner.run(Etl(deferrable=True))
    master.drivers.clear()
    interrupted(runner, seconds_ago=60)
    tag = runner.store["libra_job"]["tag"]
    result = run(runner)

    assert result.state == "success"
    assert runner.store["libra_job"]["tag"] == tag
    assert len(master.drivers) == 1


@pytest.mark.usefixtures("proxy")
def test_a_zombie_that_still_waits_for_its_answer_does_not_make_two(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """Its request, delayed in the network, arrives while the next try already looks for it."""
    runner.run(Etl(deferrable=True))
    arrives_late = master.drivers.popitem()
    interrupted(runner, seconds_ago=5)
    looks = []

    def arrives(request: Any) -> None:
        looks.append(request.path)
        if looks.count("/json/") == 2:
            master.drivers.update([arrives_late])

    master.disturb = arrives
    result = run(runner)

    assert result.state == "success"
    assert runner.xcoms["job"]["job_id"] == arrives_late[0]
    assert len(master.drivers) == 1


@pytest.mark.usefixtures("proxy")
def test_a_clear_finds_and_stops_the_driver_of_a_try_that_was_killed_before_its_answer(
    master: FakeMaster, runner: TaskRunner
) -> None:
    master.states = ["RUNNING"]
    runner.run(Etl(deferrable=True))
    interrupted(runner, seconds_ago=60)
    runner.clear()
    master.states = ["RUNNING", "FINISHED"]
    result = run(runner)
    old, new = master.drivers.values()

    assert result.state == "success"
    assert (old.killed, new.killed) == (True, False)


def test_a_zombie_does_not_write_over_the_record_of_a_later_try(
    master: FakeMaster, runner: TaskRunner
) -> None:
    """Its driver, of which the later try does not know, is stopped."""
    later = {"tag": "f" * 32, "job_id": "driver-20261120082239-0042"}

    def taken_over(request: Any) -> None:
        if request.path.endswith("/create"):
            runner.store["libra_job"] |= later

    master.states = ["RUNNING"]
    master.disturb = taken_over
    result = run(runner)
    [driver] = master.drivers.values()

    assert result.state == "up_for_retry"
    assert "driver-20261120082239-0042 no longer belongs to this try" in str(result.error)
    assert driver.killed
    assert runner.store["libra_job"].items() >= later.items()


def test_a_zombie_leaves_the_driver_that_a_later_try_has_adopted(
    master: FakeMaster, runner: TaskRunner
) -> None:
    def adopted(request: Any) -> None:
        if request.path.endswith("/create"):
            runner.store["libra_job"]["job_id"] = "driver-20261120082239-0000"

    master.disturb = adopted
    result = run(runner)

    assert result.state == "success"
    assert not any(driver.killed for driver in master.drivers.values())
