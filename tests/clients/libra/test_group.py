"""Many statements in few requests to a fake Libra on a real port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra.contract import Contract
from libra_provider.clients.libra.group import GroupedStatement, StatementGroup
from libra_provider.core.errors import ProtocolError
from libra_provider.core.states import JobState
from tests.fakes.libra import TOKEN, FakeLibra, FakeStatement
from tests.fakes.server import Answer

COUNT = 2500


@pytest.fixture
def fake() -> Iterator[FakeLibra]:
    with FakeLibra() as running:
        for number in range(COUNT):
            running.statements[f"s-{number}"] = FakeStatement(None, {}, ["RUNNING"])
        yield running


@pytest.fixture
def client(fake: FakeLibra) -> Iterator[Client]:
    client = Client([ServerAddress(url=fake.url, authorization=BearerToken(TOKEN))])
    yield client
    client.close()


def views_of(group: StatementGroup, count: int) -> list[GroupedStatement]:
    return [group.view(f"s-{number}", with_log=False) for number in range(count)]


def questions(fake: FakeLibra) -> list[tuple[str, int]]:
    """Each question since the last time: its last word, and about how many it was."""
    found = [(r.path.rsplit("/", 1)[1], len(r.json()["jobIds"])) for r in fake.requests]
    fake.requests.clear()
    return found


def test_a_thousand_are_asked_about_in_full_by_one_question(
    fake: FakeLibra, client: Client
) -> None:
    group = StatementGroup(Contract())
    told = client.run(group.together(views_of(group, 1000))) or {}

    assert questions(fake) == [("status", 1000)]
    assert {each.state for each in told.values()} == {JobState.RUNNING}


def test_of_more_only_the_states_are_asked_and_what_has_changed(
    fake: FakeLibra, client: Client
) -> None:
    group = StatementGroup(Contract())
    views = views_of(group, COUNT)
    first = client.run(group.together(views)) or {}
    at_first = questions(fake)
    fake.statements["s-7"].states = ["SUCCESS"]
    del fake.statements["s-8"]
    second = client.run(group.together(views)) or {}

    assert at_first == [("states", COUNT), ("status", 1000), ("status", 1000), ("status", 500)]
    assert questions(fake) == [("states", COUNT), ("status", 202)]
    assert second["s-7"].state is JobState.SUCCEEDED
    assert second["s-8"].state is JobState.LOST
    same = {job_id for job_id in first if first[job_id] is second[job_id]}
    assert len(same) == COUNT - 2


@pytest.mark.parametrize("states", [None, [], {"s-1": None}, {"s-1": []}, {"s-1": "NAPPING"}])
def test_states_that_are_none_are_an_error_of_ours(
    fake: FakeLibra, client: Client, states: object
) -> None:
    group = StatementGroup(Contract())
    fake.disturb = lambda _: Answer(body={"states": states})

    with pytest.raises(ProtocolError, match="the states of statements were expected"):
        client.run(group.together(views_of(group, COUNT)))


def test_all_that_run_have_their_progress_asked_for_by_turns(
    fake: FakeLibra, client: Client
) -> None:
    group = StatementGroup(Contract())
    views = views_of(group, COUNT)
    client.run(group.together(views))
    fake.progress = {"tasksDone": 5, "tasksTotal": 10}
    for _ in range(13):
        told = client.run(group.together(views)) or {}

    assert all(each.progress and each.progress.tasks_done == 5 for each in told.values())
