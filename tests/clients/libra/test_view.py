"""A statement as users see it, from a fake Libra on a real port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra import statements
from libra_provider.clients.libra.contract import Contract
from libra_provider.clients.libra.view import StatementView
from libra_provider.clients.observation import LogLine
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.kinds import Kind
from libra_provider.core.states import JobState
from tests.fakes.libra import TOKEN, FakeLibra, problem
from tests.fakes.server import Answer, Request

PYTHON = SparkJob(kind=Kind.PYTHON, code="print(1)")


@pytest.fixture
def fake() -> Iterator[FakeLibra]:
    with FakeLibra(states=["RUNNING", "RUNNING", "SUCCESS"]) as running:
        yield running


@pytest.fixture
def client(fake: FakeLibra) -> Iterator[Client]:
    client = Client([ServerAddress(url=fake.url, authorization=BearerToken(TOKEN))])
    yield client
    client.close()


def submitted(client: Client, job: SparkJob = PYTHON) -> StatementView:
    job_id = client.send(statements.submit(job, new_tag())).job_id
    return StatementView(job_id, Contract(), with_log=True)


def log_questions(fake: FakeLibra) -> int:
    return sum("/log?" in request.path for request in fake.requests)


def no_log(request: Request) -> Answer | None:
    return problem(503, "Its worker is away.") if "/log?" in request.path else None


def test_each_line_is_shown_once_and_the_last_at_the_end(fake: FakeLibra, client: Client) -> None:
    view = submitted(client)
    fake.logs = {"stdout": "one\nhalf a l", "stderr": "password=hunter2\n"}
    first = client.run(view.look())
    fake.logs["stdout"] += "ine\nthree"
    second, third = client.run(view.look()), client.run(view.look())

    assert first.lines == (LogLine("stdout", "one"), LogLine("stderr", "password=***"))
    assert second.lines == (LogLine("stdout", "half a line"),)
    assert third.lines == (LogLine("stdout", "three"),)
    assert third.status.state is JobState.SUCCEEDED


def test_a_look_reads_its_share_and_the_end_reads_the_rest(fake: FakeLibra, client: Client) -> None:
    view = submitted(client)
    fake.logs = {"stdout": "".join(f"{n:09}\n" for n in range(100))}
    looks = [client.run(view.look()) for _ in range(3)]

    assert [len(look.lines) for look in looks] == [10, 10, 80]
    assert looks[-1].lines[-1].text == "000000099"


def test_of_a_log_without_end_the_rest_is_named(fake: FakeLibra, client: Client) -> None:
    fake.states, fake.piece = ["SUCCESS"], 10
    view = submitted(client)
    fake.logs = {"stderr": "123456789\n" * 100}
    found = client.run(view.look())

    assert len(found.lines) == 81
    assert str(found.lines[-1]) == "[stderr] ... Libra has 200 more bytes, from offset 800"


def test_a_log_that_cannot_be_read_costs_one_warning_and_no_line(
    fake: FakeLibra, client: Client
) -> None:
    view = submitted(client)
    fake.logs = {"stdout": "one\n"}
    fake.disturb = no_log
    first, second = client.run(view.look()), client.run(view.look())
    fake.disturb = lambda _: None
    third = client.run(view.look())

    assert "Could not read the log of statement-0" in first.warning
    assert "Its worker is away." in first.warning
    assert (second.warning, first.status.state) == ("", JobState.RUNNING)
    assert third.lines == (LogLine("stdout", "one"),)


def test_an_end_whose_log_cannot_be_read_says_so_again(fake: FakeLibra, client: Client) -> None:
    view = submitted(client)
    fake.disturb = no_log
    *_, last = [client.run(view.look()) for _ in range(3)]

    assert (last.status.state, bool(last.warning)) == (JobState.SUCCEEDED, True)


def test_what_was_read_before_a_failure_is_shown(fake: FakeLibra, client: Client) -> None:
    view = submitted(client)
    fake.logs = {"stdout": "one\n"}
    fake.disturb = lambda request: no_log(request) if "stderr" in request.path else None
    found = client.run(view.look())

    assert found.lines == (LogLine("stdout", "one"),)
    assert found.warning


def test_sql_and_what_waits_cost_no_question_for_a_log(fake: FakeLibra, client: Client) -> None:
    sql = submitted(client, SparkJob(kind=Kind.SQL, code="select 1"))
    client.run(sql.look())
    fake.states = ["PENDING"]
    client.run(submitted(client).look())
    unknown = client.run(StatementView("nobody", Contract(), with_log=True).look())

    assert log_questions(fake) == 0
    assert (unknown.status.state, unknown.warning) == (JobState.LOST, "")
