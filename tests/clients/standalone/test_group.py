"""Many drivers on one page of a fake master on a real port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import rest
from libra_provider.clients.standalone.group import DriverGroup, ListedDriver, PageTiming
from libra_provider.core.errors import ServerBusy, ServerUnreachable
from libra_provider.core.job import SparkJob
from libra_provider.core.states import JobState
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import WORKER, FakeMaster

JAR = SparkJob.from_application("local:/x.jar", java_class="Main")


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    with FakeMaster(states=["RUNNING"]) as running:
        yield running


@pytest.fixture
def client(master: FakeMaster) -> Iterator[Client]:
    client = Client([ServerAddress(url=master.url)])
    yield client
    client.close()


def viewed(group: DriverGroup, client: Client, count: int) -> list[ListedDriver]:
    """Views of so many new drivers."""
    call = rest.submit(JAR, "tag", master="spark://m:7077")
    return [group.view(client.send(call), with_log=True) for _ in range(count)]


def test_one_page_tells_how_all_living_drivers_stand(master: FakeMaster, client: Client) -> None:
    group = DriverGroup([master.url])
    views = viewed(group, client, 6)
    master.drivers[views[5].job_id].states = ["FINISHED"]
    master.requests.clear()
    told = client.run(group.together(views)) or {}

    assert [each.path for each in master.requests] == ["/json/"]
    assert told.keys() == {each.job_id for each in views[:5]}
    by_rest = client.send(rest.status(views[0].job_id))
    assert told[views[0].job_id] == by_rest


def test_a_driver_of_which_nothing_new_is_told_has_the_same_status(
    master: FakeMaster, client: Client
) -> None:
    """A triggerer that waits for ten thousand drivers must not compare them all."""
    group = DriverGroup([master.url], PageTiming(states=0.0))
    views = viewed(group, client, 6)
    first = client.run(group.together(views)) or {}
    master.drivers[views[0].job_id].states = ["RELAUNCHING"]
    master.drivers[views[0].job_id].worker = "another"
    second = client.run(group.together(views)) or {}

    assert [first[v.job_id] is second[v.job_id] for v in views] == [False] + [True] * 5


def test_drivers_that_wait_are_told_why(master: FakeMaster, client: Client) -> None:
    """From the page that was fetched already: it is not requested again."""
    master.states = ["SUBMITTED"]
    group = DriverGroup([master.url])
    views = viewed(group, client, 6)
    status = (client.run(group.together(views)) or {})[views[0].job_id]

    assert status.state is JobState.WAITING
    assert "requests 1 core and 1 GiB" in status.detail
    assert not views[0].has_details(status)


def test_a_few_drivers_are_not_worth_a_page(master: FakeMaster, client: Client) -> None:
    group = DriverGroup([master.url])
    views = viewed(group, client, 4)
    master.requests.clear()

    assert client.run(group.together(views)) == {}
    assert not master.requests


def test_a_page_that_cannot_be_read_is_left_alone_for_a_while(
    master: FakeMaster, client: Client
) -> None:
    """Behind a firewall each attempt would cost seconds; the REST port is asked if it lives."""
    group = DriverGroup([master.url])
    views = viewed(group, client, 6)
    master.disturb = lambda request: Answer(404, "") if request.path == "/json/" else None
    master.requests.clear()

    assert [client.run(group.together(views)) for _ in range(3)] == [None] * 3
    ready = "/v1/submissions/readyz"
    assert [each.path for each in master.requests] == ["/json/", ready, ready, ready]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(hang_up=True), ServerUnreachable),
        (Answer(503, {"action": "ErrorResponse", "message": "Master is not ready."}), ServerBusy),
    ],
    ids=["away", "recovering"],
)
def test_a_master_that_does_not_answer_is_asked_once_for_all(
    master: FakeMaster, client: Client, answer: Answer, error: type[Exception]
) -> None:
    group = DriverGroup([master.url])
    views = viewed(group, client, 6)
    master.disturb = lambda _: answer
    master.requests.clear()
    with pytest.raises(error):
        client.run(group.together(views))

    assert not [each for each in master.requests if "/status/" in each.path]


def test_a_standby_does_not_say_that_all_drivers_are_gone(
    master: FakeMaster, client: Client
) -> None:
    """Its page lists nothing, and answers."""

    def standby(request: Request) -> Answer | None:
        lists_nothing = {"status": "STANDBY", "workers": [], "activedrivers": [], "activeapps": []}
        body = lists_nothing | {"completeddrivers": []}
        return Answer(body=body) if request.path == "/json/" else None

    group = DriverGroup([master.url])
    views = viewed(group, client, 6)
    master.disturb = standby

    assert client.run(group.together(views)) is None


def test_what_a_look_has_learned_stays_while_only_states_are_asked(
    master: FakeMaster, client: Client
) -> None:
    master.logs = {"stderr": "Connected to Spark cluster with app ID app-1\n"}
    group = DriverGroup([master.url])
    view, *others = viewed(group, client, 6)
    status = (client.run(group.together([view, *others])) or {})[view.job_id]
    client.run(view.details(status))

    location = view.known(status).location
    assert location
    assert (location.worker_id, location.application_id) == (WORKER, "app-1")
