"""One trigger: what it says of its beginning, and when it stops its job."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from libra_provider.core.polling import utc_now
from libra_provider.hooks import LibraHook
from libra_provider.triggers.job import JobTrigger
from tests.fakes.libra import FakeLibra, FakeStatement
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import FakeMaster
from tests.fakes.triggerer import Triggerer, until
from tests.triggers.conftest import SQL, drivers, end, make_trigger

pytestmark = pytest.mark.anyio


async def cancelled(triggerer: Triggerer, trigger: JobTrigger, *, map_index: int = -1) -> list[str]:
    """What the task log of *trigger* says when it was cancelled and its kill is over."""
    trigger_id = triggerer.add(trigger, map_index=map_index)
    await until(lambda: triggerer.lines[trigger_id])
    triggerer.cancel(trigger_id)
    await until(lambda: trigger_id in triggerer.finished)
    if trigger.kills:
        words = ("has stopped", "another triggerer", "did not report", "could not", "may still")
        await until(lambda: any(w in each for each in triggerer.lines[trigger_id] for w in words))
    return triggerer.lines[trigger_id]


@pytest.mark.parametrize(
    ("map_index", "states"),
    [(-1, {"t": "failed"}), (3, {"t_3": "failed"}), (-1, {}), (3, {"t_3": None})],
    ids=["marked failed", "mapped, marked failed", "its run was deleted", "mapped, cleared"],
)
async def test_a_job_is_stopped_when_a_user_has_ended_its_task(
    master: FakeMaster, map_index: int, states: dict[str, str | None]
) -> None:
    (job_id,) = drivers(master, 1)
    async with Triggerer(task_states=states) as triggerer:
        lines = await cancelled(triggerer, make_trigger(job_id), map_index=map_index)

    assert master.drivers[job_id].killed
    assert f"{job_id} has stopped: killed" in lines
    assert triggerer.asked[0]["map_index"] == (map_index if map_index >= 0 else None)


@pytest.mark.parametrize(("map_index", "key"), [(-1, "t"), (0, "t_0")], ids=["unmapped", "mapped"])
async def test_a_job_goes_on_when_another_triggerer_has_its_trigger(
    master: FakeMaster, map_index: int, key: str
) -> None:
    """A triggerer that stalled finds its triggers taken, and cancels its own as if by a user."""
    (job_id,) = drivers(master, 1)
    async with Triggerer(task_states={key: "deferred"}) as triggerer:
        lines = await cancelled(triggerer, make_trigger(job_id), map_index=map_index)

    assert not master.drivers[job_id].killed
    assert f"{job_id} continues; another triggerer polls it now" in lines


async def test_a_kill_outlives_the_second_that_airflow_gives_it(master: FakeMaster) -> None:
    """The first answer of a supervisor takes three seconds; Airflow cancels again after one."""
    (job_id,) = drivers(master, 1)
    async with Triggerer(task_states={"t": "failed"}, slow=3.0) as triggerer:
        await cancelled(triggerer, make_trigger(job_id))

    assert master.drivers[job_id].killed


async def test_a_job_goes_on_when_airflow_cannot_say_how_its_task_stands(
    master: FakeMaster,
) -> None:
    (job_id,) = drivers(master, 1)
    async with Triggerer(broken=True) as triggerer:
        lines = await cancelled(triggerer, make_trigger(job_id))

    assert not master.drivers[job_id].killed
    assert f"{job_id} was not stopped. Check whether it still runs" in lines[-1]


async def test_a_master_that_is_away_hears_of_the_kill_when_it_is_back(master: FakeMaster) -> None:
    (job_id,) = drivers(master, 1)
    away = 0

    def three_times(request: Request) -> Answer | None:
        nonlocal away
        if not request.path.startswith(("/v1/submissions/kill", "/v1/submissions/status")):
            return None
        away += 1
        return Answer(hang_up=True) if away <= 3 else None

    async with Triggerer(task_states={"t": "failed"}) as triggerer:
        trigger_id = triggerer.add(make_trigger(job_id, poll_interval=3600))
        await until(lambda: triggerer.lines[trigger_id])
        master.disturb = three_times
        triggerer.cancel(trigger_id)
        await until(lambda: f"{job_id} has stopped: killed" in triggerer.lines[trigger_id])

    assert master.drivers[job_id].killed


async def test_what_could_not_be_stopped_is_named(master: FakeMaster) -> None:
    (job_id,) = drivers(master, 1)
    async with Triggerer(task_states={"t": "failed"}) as triggerer:
        trigger_id = triggerer.add(make_trigger(job_id, silence=1.0))
        await until(lambda: triggerer.lines[trigger_id])
        master.disturb = lambda _: Answer(500, "")
        triggerer.cancel(trigger_id)
        await until(lambda: "may still be running" in triggerer.lines[trigger_id][-1])

    assert job_id in triggerer.lines[trigger_id][-1]


@pytest.mark.parametrize("state", ["failed", "deferred"])
async def test_a_libra_that_was_told_of_a_driver_is_told_of_its_end(
    master: FakeMaster, libra: FakeLibra, state: str
) -> None:
    """Otherwise it would list the job as running for days."""
    (job_id,) = drivers(master, 1)
    announced = libra.statements["tag"] = FakeStatement(None, {}, ["RUNNING"])
    async with Triggerer(task_states={"t": state}) as triggerer:
        await cancelled(triggerer, make_trigger(job_id, announced_at="libra_default"))
        await until(lambda: announced.killed or state == "deferred")

    assert announced.killed == (state == "failed")


async def test_the_trigger_of_a_sensor_stops_nothing(master: FakeMaster) -> None:
    (job_id,) = drivers(master, 1)
    async with Triggerer(task_states={"t": "failed"}) as triggerer:
        await cancelled(triggerer, make_trigger(job_id, kills=False))

    assert not triggerer.asked
    assert not master.drivers[job_id].killed


async def test_a_triggerer_that_drains_stops_nothing(master: FakeMaster) -> None:
    (job_id,) = drivers(master, 1)
    async with Triggerer(task_states={"t": "failed"}) as triggerer:
        trigger_id = triggerer.add(make_trigger(job_id))
        await until(lambda: triggerer.lines[trigger_id])
        await triggerer.drain()
        await asyncio.sleep(0.1)

    assert not triggerer.asked
    assert not master.drivers[job_id].killed


@pytest.mark.parametrize(("ago", "says"), [(0, 0), (3600, 1)], ids=["deferred now", "moved"])
async def test_a_log_that_begins_again_says_so(master: FakeMaster, ago: int, says: int) -> None:
    """Another triggerer knows not what the first has shown: repeated lines are not lost ones."""
    (job_id,) = drivers(master, 1)
    deferred_at = (utc_now() - timedelta(seconds=ago)).isoformat()
    async with Triggerer() as triggerer:
        trigger_id = triggerer.add(make_trigger(job_id, deferred_at=deferred_at))
        end(master)
        await triggerer.event(trigger_id)
        lines = triggerer.lines[trigger_id]

    assert sum("its log is shown again from the start" in each for each in lines) == says


async def test_the_links_of_a_deferred_task_lead_somewhere_while_its_job_runs(
    master: FakeMaster,
) -> None:
    """It has no worker then, and the log of a job that takes hours must stay readable."""
    (job_id,) = drivers(master, 1)
    async with Triggerer() as triggerer:
        triggerer.add(make_trigger(job_id, linked=False), map_index=3)
        await until(lambda: triggerer.xcoms)
        ended = bool(triggerer.events)
        first = triggerer.xcoms[0]

    assert not ended
    assert first["key"] == "_link_DriverLogLink"
    assert f"driverId={job_id}" in first["value"]
    assert (first["task_id"], first["run_id"], first["map_index"]) == ("t", "r", 3)


async def test_links_that_airflow_does_not_take_end_no_watch(master: FakeMaster) -> None:
    (job_id,) = drivers(master, 1)
    async with Triggerer(broken=True) as triggerer:
        trigger_id = triggerer.add(make_trigger(job_id, linked=False))
        await until(lambda: triggerer.xcoms)
        end(master)
        event = await triggerer.event(trigger_id)

    assert event["status"]["state"] == "succeeded"
    assert any(
        "Could not publish the links of task" in each for each in triggerer.lines[trigger_id]
    )


@pytest.mark.usefixtures("libra")
async def test_links_that_are_there_are_not_told_again() -> None:
    """Thousands of statements begin with them."""
    hook = LibraHook()
    job_id = hook.submit(SQL, "0" * 32).job_id
    hook.close()
    async with Triggerer() as triggerer:
        event = await triggerer.event(triggerer.add(make_trigger(job_id, at=LibraHook)))

    assert event["status"]["state"] == "succeeded"
    assert triggerer.xcoms == []


@pytest.mark.parametrize("deferred_ago", [-3600.0, 0.0])
async def test_a_trigger_does_not_fire_before_the_deferred_process_has_ended(
    master: FakeMaster, deferred_ago: float
) -> None:
    """Airflow would fail the task whose second process runs when the end of the first is noticed.

    A worker whose clock is ahead by an hour delays it no longer.
    """
    [job_id] = drivers(master, 1, "FINISHED")
    deferred_at = utc_now() - timedelta(seconds=deferred_ago)
    began = time.monotonic()
    async with Triggerer() as triggerer:
        trigger = make_trigger(job_id, fires_after=1.0, deferred_at=deferred_at.isoformat())
        event = await triggerer.event(triggerer.add(trigger))

    assert event["status"]["state"] == "succeeded"
    assert time.monotonic() - began >= 0.9


def test_an_equal_trigger_is_made_in_another_process() -> None:
    trigger = make_trigger("driver-1", kills=False, announced_at="libra", fires_after=7.0)
    path, kwargs = trigger.serialize()
    other = JobTrigger(**kwargs)

    assert path == "libra_provider.triggers.job.JobTrigger"
    assert other.serialize() == trigger.serialize()
