"""LibraHook.run: a statement and what it gives by as few requests as it takes, exactly once."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from libra_provider.clients.libra.results import WrittenResult
from libra_provider.core.errors import (
    BadInput,
    JobFailed,
    JobLost,
    ProtocolError,
    ResultNotWhole,
    ServerBusy,
    ServerUnreachable,
)
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.hooks import LibraHook
from tests.fakes.libra import FakeLibra
from tests.fakes.libra import problem as problem_of
from tests.fakes.old_libra import OldLibra
from tests.fakes.proxy import LOST_ANSWER, LOST_REQUEST, PASSES, Fate, Proxy
from tests.fakes.server import Answer, Request
from tests.hooks.test_libra import Ask, ask, connect, libra, old

__all__ = ["ask", "libra", "old"]  # fixtures
PYTHON = SparkJob(kind=Kind.PYTHON, code="1 + 1")


def asked(libra: FakeLibra) -> list[str]:
    """The requests, without the question which contract it knows."""
    paths = [f"{each.method} {urlsplit(each.path).path}" for each in libra.requests]
    return [path.replace("/api/v1/", "") for path in paths if not path.endswith("/health")]


def test_a_short_statement_costs_one_request(libra: FakeLibra, ask: Ask) -> None:
    libra.types, libra.rows = ["decimal(4,2)"], [["1.50"]]

    assert ask("run", "select :n AS n", {"n": 1}) == [{"n": Decimal("1.50")}]
    assert asked(libra) == ["POST sessions/default/statements"]
    assert libra.requests[-1].headers["prefer"] == "wait=20, return=representation"
    assert libra.statements["statement-0"].body["parameters"] == {"n": 1}


def test_a_hook_asks_only_once_what_its_libra_is(libra: FakeLibra) -> None:
    hook = LibraHook()
    answers = [hook.run("select 1"), hook.run("select 1")]
    hook.close()

    assert answers == [[{"n": 1}]] * 2
    assert [each.path for each in libra.requests].count("/api/v1/health") == 1
    assert len(libra.statements) == 2


def test_a_long_statement_is_waited_for_and_brings_its_rows_with_its_end(
    libra: FakeLibra, ask: Ask
) -> None:
    libra.states = ["PENDING", "RUNNING", "SUCCESS"]

    assert ask("run", "select 1") == [{"n": 1}]
    assert asked(libra)[1:] == ["GET statements/statement-0"] * 2
    assert libra.requests[-1].headers["prefer"] == "wait=20, return=representation"


def test_a_result_that_is_not_small_is_fetched_page_by_page(libra: FakeLibra, ask: Ask) -> None:
    def two_rows_a_page(request: Request) -> Answer | None:
        parts = urlsplit(request.path)
        if not parts.path.endswith("/result"):
            return None
        offset = int(parse_qs(parts.query)["offset"][0])
        page = {"schema": {"fields": [{"type": "long"}]}, "columns": ["n"], "rowCount": 3}
        rows = [[n] for n in range(3)][offset : offset + 2]
        return Answer(body=page | {"rows": rows, "offset": offset})

    libra.small, libra.disturb = 0, two_rows_a_page

    assert ask("run", "select 1") == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert asked(libra)[1:] == ["GET statements/statement-0/result"] * 2


@pytest.mark.usefixtures("libra")
def test_rows_that_were_written_are_said_where(ask: Ask) -> None:
    job = SparkJob(kind=Kind.SQL, code="select 1", result_path="s3a://lake/top")
    found = ask("run", job)

    assert isinstance(found, WrittenResult)
    assert (found.uri, found.rows) == ("s3a://lake/top", 1)


@pytest.mark.parametrize("value", [2, [1], {"a": None}, "text", None])
def test_python_gives_the_value_of_its_last_expression(
    libra: FakeLibra, ask: Ask, value: object
) -> None:
    libra.value = value

    assert ask("run", PYTHON) == value
    assert asked(libra) == ["POST sessions/own/statements"]


def test_session_and_pool_are_the_connections(libra: FakeLibra, ask: Ask) -> None:
    connect(libra.port, session="mine", pool="interactive")
    ask("run", "select 1")

    assert libra.statements["statement-0"].session == "mine"
    assert libra.statements["statement-0"].body["pool"] == "interactive"


def test_a_statement_that_fails_is_an_error_with_its_sentence(libra: FakeLibra, ask: Ask) -> None:
    libra.states, libra.error = ["FAILED"], "[DIVIDE_BY_ZERO] by zero."

    with pytest.raises(JobFailed, match=r"statement-0 failed: \[DIVIDE_BY_ZERO\] by zero"):
        ask("run", "select 1 / 0")


def test_a_statement_that_libra_forgets_is_lost_and_not_run_again(
    libra: FakeLibra, ask: Ask
) -> None:
    def forget(request: Request) -> Answer | None:
        is_poll = request.method == "GET" and "/statements/" in request.path
        return problem_of(404, "It is unknown here.") if is_poll else None

    libra.states, libra.disturb = ["RUNNING"], forget

    with pytest.raises(JobLost, match="statement-0 is lost: It is unknown here"):
        ask("run", "select 1")
    assert len(libra.statements) == 1


def test_where_nobody_waits_it_is_not_asked_without_end(libra: FakeLibra, ask: Ask) -> None:
    def without_prefer(request: Request) -> Answer | None:
        is_poll = request.path.endswith("/statement-0")
        return Answer(body=libra._shape("statement-0", "RUNNING")) if is_poll else None

    libra.states, libra.disturb = ["RUNNING"], without_prefer

    with pytest.raises(ProtocolError, match="check that no proxy removes this header"):
        ask("run", "select 1")
    assert len(asked(libra)) == 2


@pytest.mark.parametrize("fate", [LOST_REQUEST, LOST_ANSWER], ids=["request", "answer"])
@pytest.mark.parametrize("lost", [1, 2], ids=["submission", "poll"])
def test_what_is_lost_on_the_way_is_asked_again_and_the_statement_runs_once(
    libra: FakeLibra, ask: Ask, fate: Fate, lost: int
) -> None:
    libra.states = ["RUNNING", "SUCCESS"]
    with Proxy(libra.port, lambda passing: fate if passing.number == lost else PASSES) as proxy:
        connect(proxy.port)

        assert ask("run", "select 1") == [{"n": 1}]
    assert len(libra.statements) == 1


def test_a_statement_that_may_run_is_found_again_by_its_tag(libra: FakeLibra, ask: Ask) -> None:
    with Proxy(libra.port, lambda each: LOST_ANSWER if each.creates else PASSES) as proxy:
        connect(proxy.port)
        with pytest.raises(ServerUnreachable, match="may still run, with the tag nightly"):
            ask("run", "select 1", tag="nightly")
    connect(libra.port)

    assert ask("run", "select 1", tag="nightly") == [{"n": 1}]
    assert len(libra.statements) == 1


def test_what_was_not_accepted_is_not_asked_again(libra: FakeLibra, ask: Ask) -> None:
    busy = problem_of(429, "1000 statements wait already; submit again later.")
    libra.disturb = lambda request: busy if request.method == "POST" else None

    with pytest.raises(ServerBusy, match="1000 statements wait already"):
        ask("run", "select 1")
    assert len(asked(libra)) == 1


def test_a_job_has_parameters_of_its_own(libra: FakeLibra, ask: Ask) -> None:
    with pytest.raises(BadInput, match="cannot be combined with a job"):
        ask("run", PYTHON, {"n": 1})
    assert libra.requests == []


def test_an_old_libra_gives_its_text_and_is_asked_once(old: OldLibra, ask: Ask) -> None:
    text = "Schema: struct<n:int>\n[1]\nTotal rows: 1"

    assert ask("run", "select 1") == text
    assert old.ran == [{"kind": "sql", "code": "select 1"}]
    old.rows = ["[1]"] * 21
    with pytest.raises(ResultNotWhole, match="returned only 20 of 21 rows"):
        ask("run", "select 1")


def test_a_statement_of_an_old_libra_is_never_sent_again(old: OldLibra, ask: Ask) -> None:
    old.hangs_up = True

    with pytest.raises(ServerUnreachable, match="may still run, and cannot be found again"):
        ask("run", "select 1")
    assert len(old.ran) == 1
