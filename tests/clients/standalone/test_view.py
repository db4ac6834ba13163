"""A driver as users see it, from a fake master and worker on a real port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.observation import LogLine, Observation
from libra_provider.clients.standalone.view import DriverView
from libra_provider.core.states import JobState
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import WORKER, FakeDriver, FakeMaster

ID = "driver-20261120082239-0000"
STDERR = (
    'Launch Command: "java" "hidden"\n' + "=" * 40 + "\n\n"
    "26/11/20 INFO Utils: Successfully started service 'SparkUI' on port 4041.\n"
    "26/11/20 INFO Backend: Connected to Spark cluster with app ID app-20261120-0007\n"
)


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    with FakeMaster() as fake:
        yield fake


@pytest.fixture
def client(master: FakeMaster) -> Iterator[Client]:
    client = Client([ServerAddress(url=master.url)])
    yield client
    client.close()


def looks(client: Client, view: DriverView, times: int) -> list[Observation]:
    return [client.run(view.look()) for _ in range(times)]


def test_lines_of_both_streams_are_shown_once(master: FakeMaster, client: Client) -> None:
    logs = {"stdout": "hello\n", "stderr": STDERR}
    master.drivers[ID] = FakeDriver({}, ["RUNNING", "RUNNING", "FINISHED"], logs)
    first, second, third = looks(client, DriverView(ID, [master.url]), 3)

    assert str(first.lines[0]) == "[stdout] hello"
    assert len(first.lines) == 3
    assert not any("hidden" in str(line) for line in first.lines)
    assert (second.lines, third.lines) == ((), ())


def test_the_end_brings_what_is_left(master: FakeMaster, client: Client) -> None:
    driver = master.drivers[ID] = FakeDriver({}, ["RUNNING", "FINISHED"], {"stdout": "half a li"})
    view = DriverView(ID, [master.url])
    first = client.run(view.look())
    driver.logs["stdout"] += "ne\n" + "x\n" * 100_000 + "last"
    last = client.run(view.look())

    assert first.lines == ()
    assert str(last.lines[0]) == "[stdout] half a line"
    assert len(last.lines) == 100_002
    assert str(last.lines[-1]) == "[stdout] last"


def test_a_look_at_a_running_driver_reads_no_more_than_its_share(
    master: FakeMaster, client: Client
) -> None:
    master.drivers[ID] = FakeDriver({}, ["RUNNING"], {"stdout": "x\n" * 100_000})
    first, second = looks(client, DriverView(ID, [master.url]), 2)

    assert len(first.lines) == len(second.lines) == 2**15


def test_the_log_tells_application_and_spark_ui(master: FakeMaster, client: Client) -> None:
    master.drivers[ID] = FakeDriver({}, ["RUNNING"], {"stderr": STDERR})
    location = client.run(DriverView(ID, [master.url]).look()).status.location

    assert location is not None
    assert location.application_id == "app-20261120-0007"
    assert location.spark_ui == "http://127.0.0.1:4041"
    assert location.log_url == f"{master.url}/logPage/?driverId={ID}&logType=stderr"


def test_without_the_log_the_application_is_learned_all_the_same(
    master: FakeMaster, client: Client
) -> None:
    master.drivers[ID] = FakeDriver({}, ["RUNNING"], {"stderr": STDERR})
    found = client.run(DriverView(ID, [master.url], with_log=False).look())

    assert found.lines == ()
    assert found.status.location is not None
    assert found.status.location.application_id == "app-20261120-0007"


def test_a_running_driver_without_executors_says_so(master: FakeMaster, client: Client) -> None:
    app = {"id": "app-20261120-0007", "name": "etl", "state": "WAITING", "cores": 0, "duration": 1}
    master.drivers[ID] = FakeDriver({}, ["RUNNING"], {"stderr": STDERR})
    master.page = {"activeapps": [app]}
    view = DriverView(ID, [master.url])
    starving = client.run(view.look()).status
    master.page = {"activeapps": [app | {"state": "RUNNING", "cores": 2}]}
    working = client.run(view.look()).status

    assert starving.has_executors is False
    assert "app-20261120-0007 has no executors" in starving.detail
    assert (working.has_executors, working.detail) == (True, "")


def test_a_waiting_driver_says_why(master: FakeMaster, client: Client) -> None:
    master.drivers[ID] = FakeDriver({}, ["SUBMITTED"])
    master.page = {"workers": []}
    found = client.run(DriverView(ID, [master.url]).look()).status

    assert (found.state, found.detail) == (
        JobState.WAITING,
        "requests 1 core and 1 GiB; no worker is alive",
    )


def test_a_lost_driver_says_what_is_known(master: FakeMaster, client: Client) -> None:
    master.drivers[ID] = FakeDriver({}, ["RUNNING"])
    master.drivers["driver-2"] = FakeDriver({}, ["FINISHED"])
    view = DriverView(ID, [master.url])
    client.run(view.look())
    del master.drivers[ID]
    found = client.run(view.look()).status

    assert found.state is JobState.LOST
    assert "its process may still run, so it was not resubmitted" in found.detail
    assert "it was last seen running at" in found.detail
    assert "the master lists 1 ended drivers" in found.detail


def test_pages_out_of_reach_cost_one_warning_and_not_the_state(
    master: FakeMaster, client: Client
) -> None:
    master.drivers[ID] = FakeDriver({}, ["RUNNING"])
    first, second = looks(client, DriverView(ID, ["http://127.0.0.1:1"]), 2)

    assert first.status.state is second.status.state is JobState.RUNNING
    assert (
        f"Could not read the web pages about {ID}: No response from http://127.0.0.1:1"
        in first.warning
    )
    assert second.warning == ""


def test_pages_that_failed_are_left_alone_until_the_end(master: FakeMaster, client: Client) -> None:
    """Behind a firewall each question takes seconds, and the state must not wait for them."""
    master.drivers[ID] = FakeDriver({}, ["RUNNING", "RUNNING", "FINISHED"], {"stdout": "hello\n"})
    with FakeMaster() as pages:
        pages.disturb = lambda _: Answer(502, "Bad Gateway")
        view = DriverView(ID, [pages.url])
        asked = []
        for _ in range(3):
            client.run(view.look())
            asked.append(len(pages.requests))

    assert asked[0] == asked[1] < asked[2]


def test_a_worker_behind_the_masters_proxy_is_found(master: FakeMaster, client: Client) -> None:
    """With spark.ui.reverseProxy its own address is out of reach."""
    worker = {"id": WORKER, "host": "h", "webuiaddress": "http://127.0.0.1:1", "state": "ALIVE"}
    master.page = {"workers": [worker | {"coresfree": 1, "memoryfree": 1}]}
    master.drivers[ID] = FakeDriver({}, ["RUNNING"], {"stdout": "hello\n"})

    def proxied(request: Request) -> Answer | None:
        if not request.path.startswith(f"/proxy/{WORKER}"):
            return None
        path = request.path.removeprefix(f"/proxy/{WORKER}")
        return master.answer(Request(request.method, path, request.headers, request.body))

    master.disturb = proxied
    found = client.run(DriverView(ID, [master.url]).look())

    assert found.lines == (LogLine("stdout", "hello"),)


def test_the_log_of_a_relaunched_driver_is_read_from_its_beginning(
    master: FakeMaster, client: Client
) -> None:
    """A supervised driver restarts on another worker, with another log."""
    driver = master.drivers[ID] = FakeDriver({}, ["RUNNING"], {"stdout": "first life\n"})
    view = DriverView(ID, [master.url])
    first = client.run(view.look())
    worker = {"id": "worker-2", "host": "h", "webuiaddress": master.url, "state": "ALIVE"}
    master.page = {"workers": [worker | {"coresfree": 1, "memoryfree": 1}]}
    driver.worker, driver.logs = "worker-2", {"stdout": "2nd life\n"}
    second = client.run(view.look())

    assert first.lines == (LogLine("stdout", "first life"),)
    assert second.lines == (LogLine("stdout", "2nd life"),)


def test_a_standby_page_is_passed_over(master: FakeMaster, client: Client) -> None:
    with FakeMaster(page={"status": "STANDBY", "workers": []}) as standby:
        master.drivers[ID] = FakeDriver({}, ["RUNNING"], {"stdout": "hello\n"})
        found = client.run(DriverView(ID, [standby.url, master.url]).look())

    assert found.lines == (LogLine("stdout", "hello"),)
