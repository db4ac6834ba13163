"""All triggers of one server share its questions, and each has its own log and end."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from libra_provider.core.job import new_tag
from libra_provider.hooks import LibraHook
from libra_provider.hooks.base import ServerHook
from libra_provider.triggers import registry
from libra_provider.triggers.log_reader import READ, LogReader
from libra_provider.triggers.subscription import Subscription
from libra_provider.triggers.timing import PollerTiming
from tests.fakes.connections import connect
from tests.fakes.libra import TOKEN, FakeLibra, problem
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import FakeMaster
from tests.fakes.triggerer import Triggerer, until
from tests.triggers.conftest import SQL, drivers, end, make_trigger

pytestmark = pytest.mark.anyio


def asked(fake: FakeMaster | FakeLibra) -> Counter[str]:
    """How often each path was asked for, without the ids in it."""
    return Counter(urlsplit(each.path).path.partition("driver-")[0] for each in fake.requests)


def reads(master: FakeMaster) -> Counter[str]:
    """How often the standard output of each driver was read."""
    queries = [parse_qs(urlsplit(each.path).query) for each in master.requests]
    return Counter(q["driverId"][0] for q in queries if q.get("logType") == ["stdout"])


async def test_a_driver_is_asked_about_alone_only_when_it_has_left_the_page(
    master: FakeMaster,
) -> None:
    """Thirty drivers cost what five would, until they end: then each costs one question."""
    job_ids = drivers(master, 30)
    async with Triggerer() as triggerer:
        triggers = [triggerer.add(make_trigger(each, with_log=False)) for each in job_ids]
        await until(lambda: all(triggerer.lines[each] for each in triggers))
        master.requests.clear()
        await until(lambda: asked(master)["/json/"] >= 3)
        while_they_run = asked(master)["/v1/submissions/status/"]
        end(master)
        events = [await triggerer.event(each) for each in triggers]

    assert while_they_run == 0
    assert asked(master)["/v1/submissions/status/"] == 30
    assert {each["status"]["state"] for each in events} == {"succeeded"}


async def test_each_line_lands_in_the_log_of_its_own_task(master: FakeMaster) -> None:
    """A poller started in one trigger's task would log for all in that one's name."""
    job_ids = drivers(master, 6)
    async with Triggerer() as triggerer:
        triggers = [triggerer.add(make_trigger(each)) for each in job_ids]
        await until(lambda: len(triggerer.lines) >= 6)
        end(master)
        for each in triggers:
            await triggerer.event(each)
        lines = triggerer.lines

    for number, (trigger_id, job_id) in enumerate(zip(triggers, job_ids, strict=True)):
        text = "\n".join(lines[trigger_id])
        assert f"number {number} works" in text
        assert "the last line" in text
        assert f"{job_id} is running on worker" in text
        assert not [other for other in job_ids if other != job_id and other in text]
    assert not lines[None]


async def test_logs_are_read_by_turns_within_a_budget(master: FakeMaster) -> None:
    """Late under load: with more drivers than the budget allows, none is read twice before all."""
    job_ids = drivers(master, READ + 5)
    async with Triggerer() as triggerer:
        for each in job_ids:
            triggerer.add(make_trigger(each, poll_interval=0.2))
        await until(lambda: len(reads(master)) == len(job_ids))

        assert max(reads(master).values()) <= 2


async def test_a_log_that_nobody_had_time_to_read_comes_whole_at_the_end(
    master: FakeMaster,
) -> None:
    """Never lost: what the budget left out comes before the event."""
    job_ids = drivers(master, READ * 3)
    async with Triggerer() as triggerer:
        triggers = [triggerer.add(make_trigger(each)) for each in job_ids]
        await until(lambda: asked(master)["/json/"])
        end(master)
        for each in triggers:
            await triggerer.event(each)
        logs = [triggerer.lines[each] for each in triggers]

    assert all(f"[stdout] number {n} works" in each for n, each in enumerate(logs))
    assert all("[stdout] the last line" in each for each in logs)


async def test_a_young_job_is_looked_at_sooner_than_its_interval(master: FakeMaster) -> None:
    (job_id,) = drivers(master, 1)
    async with Triggerer() as triggerer:
        young = triggerer.add(make_trigger(job_id, age=0, poll_interval=3600))
        await until(lambda: asked(master)["/v1/submissions/status/"] >= 2)
        end(master)
        event = await triggerer.event(young)

    assert event["status"]["state"] == "succeeded"


async def test_a_poller_stops_with_its_last_trigger_and_closes_its_connections(
    master: FakeMaster,
) -> None:
    first, second = drivers(master, 2)
    async with Triggerer() as triggerer:
        stays = triggerer.add(make_trigger(first))
        leaves = triggerer.add(make_trigger(second))
        triggerer.task_states = {"t": "deferred"}
        await until(lambda: len(triggerer.lines) == 2)
        (poller,) = registry.pollers().pollers.values()
        triggerer.cancel(leaves)
        await until(lambda: leaves in triggerer.finished)
        went_on = not poller.is_over
        triggerer.cancel(stays)
        await until(lambda: stays in triggerer.finished)
        await until(poller._task.done)

    assert went_on
    assert not poller._members
    gc.collect()  # an unclosed session would be a warning, and warnings are errors


async def test_refused_access_reaches_all_who_wait(master: FakeMaster) -> None:
    job_ids = drivers(master, 6)
    page = Answer(403, "<title>Error 403 JWT Validate Fail</title>")
    master.disturb = lambda _: page
    async with Triggerer() as triggerer:
        triggers = [triggerer.add(make_trigger(each, refusal=1.0)) for each in job_ids]
        events = [await triggerer.event(each) for each in triggers]

    assert all("denied access" in each["given_up"] for each in events)
    assert {each["status"]["state"] for each in events} == {"unclear"}


async def test_a_poller_takes_up_a_token_that_was_changed(libra: FakeLibra) -> None:
    """Operators rotate tokens while thousands of tasks wait; none of them must fail for it."""
    hook = LibraHook()
    libra.states = ["RUNNING"]
    job_id = hook.submit(SQL, new_tag()).job_id
    hook.close()

    def only_the_new(request: Request) -> Answer | None:
        if request.headers["authorization"] == "Bearer the-new-token":
            request.headers["authorization"] = f"Bearer {TOKEN}"  # type: ignore[index]  # it is a dict
            return None
        return problem(401, "The token is missing or wrong.")

    async with Triggerer() as triggerer:
        waits = triggerer.add(make_trigger(job_id, at=LibraHook))
        await until(lambda: triggerer.lines[waits])
        connect("libra_default", conn_type="libra", port=libra.port, password="the-new-token")
        libra.disturb = only_the_new
        await until(lambda: libra.requests[-1].headers["authorization"].endswith(TOKEN))
        libra.statements[job_id].states = ["SUCCESS"]
        event = await triggerer.event(waits)

    assert event["status"]["state"] == "succeeded"


async def test_triggers_share_a_poller_while_the_connection_says_the_same(
    libra: FakeLibra,
) -> None:
    registry.pollers(PollerTiming(connection_fresh=0.0))
    hook = LibraHook()
    libra.states = ["RUNNING"]
    job_ids = [hook.submit(SQL, new_tag()).job_id for _ in range(3)]
    hook.close()
    async with Triggerer() as triggerer:
        same = [triggerer.add(make_trigger(each, at=LibraHook)) for each in job_ids[:2]]
        await until(lambda: all(triggerer.lines[each] for each in same))
        extra = {"timeout": 9}
        connect("libra_default", conn_type="libra", port=libra.port, password=TOKEN, extra=extra)
        other = triggerer.add(make_trigger(job_ids[2], at=LibraHook))
        await until(lambda: triggerer.lines[other])
        pollers = registry.pollers().pollers

        assert sorted(len(each._members) for each in pollers.values()) == [1, 2]


async def test_an_error_in_a_round_is_forgiven_like_silence(
    master: FakeMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One unforeseen response must not end a thousand watches."""
    job_ids = drivers(master, 6)
    async with Triggerer() as triggerer:
        triggers = [triggerer.add(make_trigger(each, with_log=False)) for each in job_ids]
        await until(lambda: all(triggerer.lines[each] for each in triggers))
        (poller,) = registry.pollers().pollers.values()
        with monkeypatch.context() as broken:
            broken.setattr(poller._group, "together", lambda _: 1 / 0)
            await until(lambda: all("ZeroDivision" in triggerer.lines[t][-1] for t in triggers))
        end(master)
        events = [await triggerer.event(each) for each in triggers]

    assert {each["status"]["state"] for each in events} == {"succeeded"}


class FailingReader(LogReader):
    def read_some(self, waiting: Iterable[Subscription]) -> None:
        raise ZeroDivisionError(waiting)


async def test_a_poller_that_fails_tells_all_who_wait(master: FakeMaster) -> None:
    """The tasks fail with a reason, and their retries find their jobs again; none hangs."""
    job_ids = drivers(master, 3)
    registry.pollers(reader=FailingReader)
    async with Triggerer() as triggerer:
        triggers = [triggerer.add(make_trigger(each)) for each in job_ids]
        events = [await triggerer.event(each) for each in triggers]

    assert all("failed: ZeroDivisionError" in each["given_up"] for each in events)
    assert {each["status"]["state"] for each in events} == {"unclear"}


async def test_nobody_joins_a_poller_that_has_failed(master: FakeMaster) -> None:
    """Its connections take a moment to close; who came then would wait for ever."""
    first, second = drivers(master, 2)
    closing, closed = asyncio.Event(), asyncio.Event()

    class SlowToClose(FailingReader):
        async def close(self) -> None:
            closing.set()
            await closed.wait()

    readers: Iterator[type[LogReader]] = iter([SlowToClose, LogReader])

    def make(server: ServerHook, timing: PollerTiming) -> LogReader:
        return next(readers)(server, timing)

    registry.pollers(reader=make)
    async with Triggerer() as triggerer:
        triggerer.add(make_trigger(first))
        await closing.wait()
        later = triggerer.add(make_trigger(second))
        end(master)
        event = await triggerer.event(later)
        closed.set()

    assert event["status"]["state"] == "succeeded"


async def test_an_id_that_cannot_be_ends_its_own_watch_only(master: FakeMaster) -> None:
    (job_id,) = drivers(master, 1)
    async with Triggerer() as triggerer:
        good, bad = triggerer.add(make_trigger(job_id)), triggerer.add(make_trigger("../x"))
        given_up = (await triggerer.event(bad))["given_up"]
        end(master)
        event = await triggerer.event(good)

    assert "expected the form driver-" in given_up
    assert event["status"]["state"] == "succeeded"


async def test_a_master_that_is_away_is_waited_for(master: FakeMaster) -> None:
    """Less than the patience costs nothing but waiting, and no storm of questions."""
    job_ids = drivers(master, 30)
    async with Triggerer() as triggerer:
        triggers = [triggerer.add(make_trigger(each, with_log=False)) for each in job_ids]
        await until(lambda: all(triggerer.lines[each] for each in triggers))
        master.requests.clear()
        master.disturb = lambda _: Answer(hang_up=True)
        await until(lambda: all("No response" in triggerer.lines[each][-1] for each in triggers))
        alone = asked(master)["/v1/submissions/status/"]
        end(master)
        master.disturb = lambda _: None
        events = [await triggerer.event(each) for each in triggers]

    assert alone == 0
    assert {each["status"]["state"] for each in events} == {"succeeded"}
