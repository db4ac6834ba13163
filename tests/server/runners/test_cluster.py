"""Drivers at a master that answers as the reference says, on a real port."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from libra_provider.clients.submit_once import SubmitTiming
from libra_provider.core.errors import ProtocolError, Rejected, ServerUnreachable
from libra_provider.core.polling import utc_now
from libra_provider.server.artifacts.store import ArtifactStore
from libra_provider.server.driver.messages import StatementEnded
from libra_provider.server.isolated_settings import IsolatedSettings
from libra_provider.server.model.receipt import Receipt
from libra_provider.server.runners.cluster import ClusterRunner
from libra_provider.server.settings import Settings
from libra_provider.server.timing import ClusterTiming
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import FakeDriver, FakeMaster
from tests.server.runners.isolated_runs import Noting, make_run


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    with FakeMaster() as running:
        yield running


@pytest.fixture
def settings(master: FakeMaster, tmp_path: Path) -> Settings:
    (tmp_path / "a.jar").touch()
    master.states = ["RUNNING", "FINISHED"]
    isolated = IsolatedSettings(deploy_mode="cluster", rest_urls=[master.url], ui_urls=[master.url])
    return Settings(
        master="spark://h:7077",
        data_dir=tmp_path,
        file_roots=[tmp_path],
        isolated=isolated,
    )


@pytest.fixture
def make(settings: Settings) -> Callable[..., Noting]:
    def made(**given: Any) -> Noting:
        jar = str(settings.file_roots[0] / "a.jar")
        return make_run(settings, file_path=jar, main_class="Main", **given)

    return made


# Searches that tests do not wait for.
EVERY = 0.1  # seconds
SOON = SubmitTiming(grace=0.3, look_every=0.05)


def with_patience(seconds: float) -> SubmitTiming:
    return replace(SOON, patience=seconds)


async def watched(
    settings: Settings, *runs: Noting, timing: SubmitTiming = SOON
) -> list[StatementEnded]:
    artifacts = ArtifactStore(settings, set)
    await artifacts.open()
    runner = ClusterRunner(
        settings, artifacts, ClusterTiming(submit=timing, every=EVERY, new=EVERY)
    )
    try:
        return await asyncio.gather(*map(runner.run, runs))
    finally:
        await runner.close()


def run(settings: Settings, *runs: Noting, timing: SubmitTiming = SOON) -> list[StatementEnded]:
    return asyncio.run(asyncio.wait_for(watched(settings, *runs, timing=timing), 300))


def creations(master: FakeMaster) -> list[Request]:
    return [each for each in master.requests if each.path.endswith("/create")]


def carrying(master: FakeMaster, tag: str, driver_id: str, **more: Any) -> FakeDriver:
    """A driver that was submitted before, with *tag*."""
    log = f'Launch Command: "java" "-Dspark.libra.tag={tag}" "Main"\n' + "=" * 40 + "\n"
    request = {"mainClass": "Main", "sparkProperties": {}}
    driver = FakeDriver(request, **{"states": ["RUNNING", "FINISHED"], **more})
    driver.logs = {"stderr": log}
    master.drivers[driver_id] = driver
    return driver


def test_a_statement_is_one_driver_with_its_id_as_tag(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    one = make(args=("--day", "1"), spark_config={"spark.executor.memory": "2g"})
    [ended] = run(settings, one)
    [created] = creations(master)
    properties = created.json()["sparkProperties"]

    assert ended.state == "SUCCESS"
    assert properties["spark.libra.tag"] == one.job_id
    assert (properties["spark.executor.memory"], properties["spark.cores.max"]) == ("2g", "2")
    assert created.json()["appArgs"] == ["--day", "1"]
    assert one.notes[0] == {"driver_id": "driver-20261120082239-0000"}
    assert one.notes[-1]["location"].where.startswith("on worker worker-")


@pytest.mark.parametrize(
    "case",
    [
        (["RUNNING", "FAILED"], "FAILED", "java.lang.IllegalStateException: as asked"),
        (["RUNNING", "ERROR"], "FAILED", "the master lost contact with its worker"),
        (["RUNNING", "KILLED"], "CANCELLED", "was killed elsewhere"),
    ],
)
def test_how_a_driver_ends_is_said_in_libras_words(
    case: tuple[list[str], str, str],
    master: FakeMaster,
    settings: Settings,
    make: Callable[..., Noting],
) -> None:
    master.states, state, says = case
    master.logs = {"stderr": "java.lang.IllegalStateException: as asked\n"}
    [ended] = run(settings, make())

    assert ended.state == state
    assert says in str(ended.error)


def test_a_driver_that_the_master_has_forgotten_is_lost(
    settings: Settings, make: Callable[..., Noting]
) -> None:
    [ended] = run(settings, make(driver_id="driver-20261120082239-0007", resumed=True))

    assert ended.state == "LOST"
    assert "the master no longer lists this driver" in str(ended.error)
    assert "it may have written" in str(ended.error)


UPLOADED = {"digest": "d", "outcome": {"row_count": 2, "result_bytes": 16}}
REPORTED = {"last_words": {"state": "SUCCESS"}}
FAILED = {"state": "FAILED", "error": "KeyError: 'x'", "error_class": "KeyError"}


@pytest.mark.parametrize(
    ("states", "receipt", "end"),
    [
        (["FINISHED"], UPLOADED, ("SUCCESS", 2, None)),
        (["FINISHED"], REPORTED, ("FAILED", None, "without uploading the expected result")),
        ([], UPLOADED | REPORTED, ("SUCCESS", 2, None)),
        ([], {"last_words": FAILED}, ("FAILED", None, "KeyError: 'x'")),
        ([], UPLOADED, ("LOST", None, "no longer lists this driver")),
        (["ERROR"], UPLOADED | REPORTED, ("SUCCESS", 2, None)),
        (["ERROR"], UPLOADED, ("FAILED", None, "the master lost contact with its worker")),
        (["FAILED"], UPLOADED | REPORTED, ("FAILED", None, "failed; see its log")),
        (["FAILED"], {"last_words": FAILED}, ("FAILED", None, "KeyError: 'x'")),
        (["KILLED"], UPLOADED | REPORTED, ("CANCELLED", None, "killed elsewhere")),
    ],
)
def test_what_a_driver_has_said_counts_where_the_master_does_not_know_better(
    states: list[str],
    receipt: dict[str, Any],
    end: tuple[str, int | None, str | None],
    master: FakeMaster,
    settings: Settings,
) -> None:
    driver_id = "driver-20261120082239-0007"
    one = make_run(settings, "sql", code="SELECT 1", driver_id=driver_id, resumed=True)
    one.reported = Receipt(job_id=one.job_id, seen_at=utc_now(), **receipt)
    if states:
        carrying(master, one.job_id, driver_id, states=states).logs = {}
    [ended] = run(settings, one)

    assert (ended.state, ended.row_count) == end[:2]
    assert (end[2] or "") in (ended.error or "")


def test_sql_travels_with_what_hands_in_its_result(master: FakeMaster, settings: Settings) -> None:
    code = "SELECT :n"
    one = make_run(settings, "sql", code=code, parameters={"n": 1})
    master.states = ["FINISHED"]
    run(settings, one)
    [created] = creations(master)
    order = json.loads(created.json()["environmentVariables"]["LIBRA_JOB"])
    stored = {each.name for each in settings.artifacts_dir.iterdir()}

    assert created.json()["appResource"].endswith("/bootstrap.py")
    assert {created.json()["appResource"].split("/")[-2], order["runtime"].split("/")[-2]} <= stored
    assert (order["sql"], order["parameters"], order["returns"]) == (code, {"n": 1}, True)
    assert order["result_url"].startswith(settings.public_address)
    assert order["report_url"].endswith(f"/{one.job_id}")
    assert code not in str(created.json()["sparkProperties"])


def test_a_file_is_run_where_it_lies_beside_what_it_imports(
    master: FakeMaster, settings: Settings
) -> None:
    file = settings.file_roots[0] / "a b.py"
    file.touch()
    one = make_run(settings, "python-file", file_path=str(file))
    master.states = ["FINISHED"]
    run(settings, one)
    [created] = creations(master)
    order = json.loads(created.json()["environmentVariables"]["LIBRA_JOB"])
    kept = [each for each in settings.artifacts_dir.iterdir() if each.is_file()]

    assert order["application"] == file.as_uri()
    assert len(kept) == len(["runtime", "bootstrap"])


def test_a_kill_is_over_when_the_master_says_so(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    master.states = ["RUNNING"]
    one = make()

    async def killed() -> StatementEnded:
        running = asyncio.create_task(watched(settings, one))
        while not one.notes:  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.02)
        one.killed.set()
        return (await running)[0]

    ended = asyncio.run(asyncio.wait_for(killed(), 300))

    assert (ended.state, ended.error) == ("CANCELLED", "It was killed.")
    assert [each.shown() for each in master.drivers.values()] == ["KILLED"]


def test_a_statement_that_an_earlier_libra_submitted_is_watched_and_not_repeated(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    carrying(master, "whatever", "driver-20261120082239-0007")
    [ended] = run(settings, make(driver_id="driver-20261120082239-0007", resumed=True))

    assert ended.state == "SUCCESS"
    assert creations(master) == []


def test_a_submission_whose_answer_was_lost_in_a_crash_is_found_by_its_tag(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    one = make(resumed=True)
    carrying(master, "f" * 32, "driver-20261120082239-0000")
    carrying(master, one.job_id, "driver-20261120082239-0001")
    [ended] = run(settings, one)

    assert ended.state == "SUCCESS"
    assert one.notes[0] == {"driver_id": "driver-20261120082239-0001"}
    assert creations(master) == []


def test_of_two_drivers_of_one_statement_the_second_is_ended(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    one = make(resumed=True)
    carrying(master, one.job_id, "driver-20261120082239-0001")
    second = carrying(master, one.job_id, "driver-20261120082239-0002", states=["RUNNING"])
    run(settings, one)

    assert one.notes[0] == {"driver_id": "driver-20261120082239-0001"}
    assert second.killed


def test_an_answer_that_is_lost_on_its_way_makes_no_second_driver(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    """The request arrived: the connection breaks after the driver was made."""
    one = make()

    def broken(request: Request) -> Answer | None:
        if request.path.endswith("/create") and not master.drivers:
            carrying(master, one.job_id, "driver-20261120082239-0000")
            return Answer(hang_up=True)
        return None

    master.disturb = broken
    [ended] = run(settings, one)

    assert ended.state == "SUCCESS"
    assert len(creations(master)) == 1


def test_what_carries_no_tag_after_a_while_is_submitted(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    carrying(master, "f" * 32, "driver-20261120082239-0000", states=["FINISHED"])
    [ended] = run(settings, make(resumed=True))

    assert ended.state == "SUCCESS"
    assert len(creations(master)) == 1


def test_what_cannot_be_decided_is_lost_and_names_the_drivers(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    one = make(resumed=True)
    carrying(master, one.job_id, "driver-20261120082239-0003", worker="worker-gone")
    [ended] = run(settings, one, timing=with_patience(0.5))

    assert ended.state == "LOST"
    assert "driver-20261120082239-0003" in str(ended.error)
    assert f"spark.libra.tag={one.job_id}" in str(ended.error)
    assert creations(master) == []


def test_a_candidate_that_only_waits_is_not_waited_for_without_end(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    """On a full cluster it may wait for days, and the statement with it."""
    one = make(resumed=True)
    carrying(master, "f" * 32, "driver-20261120082239-0003", states=["SUBMITTED"])
    [ended] = run(settings, one, timing=with_patience(0.5))

    assert ended.state == "LOST"
    assert "driver-20261120082239-0003 (it has not started)" in str(ended.error)
    assert creations(master) == []


def killed_meanwhile(settings: Settings, master: FakeMaster, one: Noting) -> StatementEnded:
    """Kill *one*, which would be looked for for minutes, once it was looked for."""

    async def killed() -> StatementEnded:
        patient = SubmitTiming(grace=1.0, look_every=0.05)
        running = asyncio.create_task(watched(settings, one, timing=patient))
        while not any(each.path == "/json/" for each in master.requests):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        one.killed.set()
        return (await running)[0]

    return asyncio.run(asyncio.wait_for(killed(), 120))


def test_a_kill_while_a_driver_is_looked_for_submits_nothing(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    ended = killed_meanwhile(settings, master, make(resumed=True))

    assert (ended.state, ended.error) == ("CANCELLED", "It was killed before it was submitted.")
    assert creations(master) == []


def test_a_kill_while_a_candidate_waits_ends_the_search_with_its_name(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    """The master, which cannot say whose driver it is, may not be able to for hours."""
    carrying(master, "f" * 32, "driver-20261120082239-0003", states=["SUBMITTED"])
    ended = killed_meanwhile(settings, master, make(resumed=True))

    assert ended.state == "LOST"
    assert "driver-20261120082239-0003 (it has not started)" in str(ended.error)
    assert creations(master) == []


def test_a_driver_that_is_found_after_the_kill_is_stopped(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    one = make(resumed=True)

    def arrives_late(_: Request) -> None:
        if one.killed.is_set() and not master.drivers:
            carrying(master, one.job_id, "driver-20261120082239-0001", states=["RUNNING"])

    master.disturb = arrives_late
    ended = killed_meanwhile(settings, master, one)

    assert (ended.state, ended.error) == ("CANCELLED", "It was killed.")
    assert [each.killed for each in master.drivers.values()] == [True]


def test_a_kill_while_the_master_is_away_is_not_kept_waiting(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    """Until the next attempt it could take a minute."""
    one = make()

    def busy(request: Request) -> Answer | None:
        if not request.path.endswith("/create"):
            return None
        one.killed.set()
        return Answer(503, {"action": "ErrorResponse", "message": "Master is not ready."})

    master.disturb = busy
    [ended] = run(settings, one)

    assert (ended.state, ended.error) == ("CANCELLED", "It was killed before it was submitted.")
    assert len(creations(master)) == 1


def test_a_proxys_page_instead_of_an_answer_fails_once_it_is_certain_that_nothing_arrived(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    page = Answer(404, "<html>no such page</html>")
    master.disturb = lambda request: page if request.path.endswith("/create") else None

    with pytest.raises(ProtocolError):
        run(settings, make())

    assert "/json/" in {each.path for each in master.requests}
    assert len(creations(master)) == 1


def test_a_refused_submission_fails_with_the_masters_words(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    said = {"action": "ErrorResponse", "message": "no such thing\nat a.b.C"}
    master.disturb = lambda request: Answer(400, said) if "create" in request.path else None

    with pytest.raises(Rejected, match="no such thing"):
        run(settings, make())


def test_a_master_without_a_rest_port_is_told_with_what_to_do(
    settings: Settings, make: Callable[..., Noting], closed_port: int
) -> None:
    nobody = f"http://127.0.0.1:{closed_port}"
    closed = replace(settings, isolated=replace(settings.isolated, rest_urls=[nobody]))

    with pytest.raises(ServerUnreachable) as caught:
        run(closed, make(), timing=with_patience(0.1))

    assert caught.value.server == nobody
    assert "isolated.rest_urls" in str(caught.value)
    assert "spark.master.rest.enabled=true" in str(caught.value)


def test_many_drivers_cost_the_master_one_page_per_round(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    master.states = ["RUNNING"]
    master.logs = {"stderr": "Connected to Spark cluster with app ID app-1\n"}
    runs = [make() for _ in range(30)]

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(300):
            while not condition():  # noqa: ASYNC110 - the master is in another thread
                await asyncio.sleep(0.05)

    async def several_rounds() -> tuple[list[str], float]:
        running = asyncio.create_task(watched(settings, *runs))
        await until(lambda: all(_has_application(each) for each in runs))
        before, began = len(master.requests), time.monotonic()
        await until(lambda: len(master.requests) >= before + 4)
        took = time.monotonic() - began
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return [each.path for each in master.requests[before:]], took

    paths, took = asyncio.run(several_rounds())

    assert set(paths) == {"/json/"}
    assert took > 2.5 * EVERY  # three rounds and a part of one


def _has_application(one: Noting) -> bool:
    places = [note.get("location") for note in one.notes]
    return any(place and place.application_id for place in places)


def test_without_the_masters_page_each_driver_is_asked_for(
    master: FakeMaster, settings: Settings, make: Callable[..., Noting]
) -> None:
    nowhere = replace(settings.isolated, ui_urls=["http://127.0.0.1:1"])
    blind = replace(settings, isolated=nowhere)
    master.states = ["FINISHED"]
    [ended] = run(blind, make())

    assert ended.state == "SUCCESS"
