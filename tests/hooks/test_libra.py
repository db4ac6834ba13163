"""Every verb of LibraHook, blocking and for event loops, against a fake on a real port."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from inspect import signature
from typing import Any

import pytest

from libra_provider.clients.libra.results import WrittenResult
from libra_provider.clients.libra.server import Estimate
from libra_provider.core.errors import (
    BadInput,
    JobLost,
    NotInstalled,
    NotOffered,
    ProtocolError,
    Rejected,
    ServerBusy,
    ServerUnreachable,
)
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.kinds import Kind
from libra_provider.core.states import JobState
from libra_provider.hooks import LibraHook
from tests.fakes.libra import TOKEN, FakeLibra
from tests.fakes.old_libra import OldLibra
from tests.fakes.server import Answer

SQL = SparkJob(kind=Kind.SQL, code="select 1")
Ask = Callable[..., Any]


def connect(port: int, **extra: Any) -> None:
    found = {"conn_type": "libra", "host": "127.0.0.1", "port": port, "password": TOKEN}
    os.environ["AIRFLOW_CONN_LIBRA_DEFAULT"] = json.dumps(found | {"extra": extra})


@pytest.fixture
def libra() -> Iterator[FakeLibra]:
    with FakeLibra(states=["SUCCESS"]) as fake:
        connect(fake.port)
        yield fake


@pytest.fixture
def old() -> Iterator[OldLibra]:
    with OldLibra() as fake:
        connect(fake.port)
        yield fake


def blocking(verb: str, *args: Any, **kwargs: Any) -> Any:
    hook = LibraHook()
    try:
        return getattr(hook, verb)(*args, **kwargs)
    finally:
        hook.close()


def on_a_loop(verb: str, *args: Any, **kwargs: Any) -> Any:
    async def run() -> Any:
        hook = LibraHook()
        try:
            return await getattr(hook, f"a{verb}")(*args, **kwargs)
        finally:
            await hook.aclose()

    return asyncio.run(run())


@pytest.fixture(params=[blocking, on_a_loop], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    asker: Ask = request.param
    return asker


def submitted(ask: Ask, **fields: Any) -> str:
    job_id: str = ask("submit", SQL.replace(**fields), new_tag()).job_id
    return job_id


def test_every_verb_has_a_twin_with_the_same_parameters() -> None:
    public = {name for name in dir(LibraHook) if not name.startswith("_")}
    verbs = {name[1:] for name in public if name.startswith("a") and name[1:] in public}

    assert verbs >= {
        *("submit", "run", "status", "statuses", "kill", "statements", "result", "page", "value"),
        *("arrow", "pandas", "written", "estimate", "sessions", "close_session", "health", "logs"),
    }
    assert {name: parameters(name) for name in verbs} == {v: parameters(f"a{v}") for v in verbs}


def parameters(verb: str) -> list[str]:
    return list(signature(getattr(LibraHook, verb)).parameters)


def test_rows_have_pythons_values(libra: FakeLibra, ask: Ask) -> None:
    libra.columns, libra.types = ["day", "price"], ["date", "decimal(4,2)"]
    libra.rows = [["2013-01-31", "1.50"], [None, None]]
    job_id = submitted(ask)

    assert ask("result", job_id) == [
        {"day": date(2013, 1, 31), "price": Decimal("1.50")},
        {"day": None, "price": None},
    ]
    assert ask("page", job_id).as_dicts()[0] == {"day": "2013-01-31", "price": "1.50"}


def test_one_value_is_the_one_of_one_row(libra: FakeLibra, ask: Ask) -> None:
    libra.types, libra.rows = ["decimal(4,2)"], [["1.50"]]
    one = submitted(ask)
    value = ask("value", one)
    libra.rows = [["1.50"], ["2.50"]]

    assert value == Decimal("1.50")
    with pytest.raises(BadInput, match="2 rows of 1 columns"):
        ask("value", one)


def test_rows_arrive_as_an_arrow_table_and_a_data_frame(libra: FakeLibra, ask: Ask) -> None:
    libra.columns, libra.rows = ["carrier", "n"], [["UA", 42], ["AA", 7]]
    job_id = submitted(ask)

    assert ask("arrow", job_id).to_pylist() == [
        {"carrier": "UA", "n": 42},
        {"carrier": "AA", "n": 7},
    ]
    assert ask("pandas", job_id)["n"].sum() == 49


@pytest.mark.usefixtures("libra")
def test_of_an_arrow_stream_only_so_much_is_read(ask: Ask) -> None:
    job_id = submitted(ask)

    with pytest.raises(ProtocolError, match="larger than the limit of 100 bytes"):
        ask("arrow", job_id, most_bytes=100)


@pytest.mark.parametrize(("verb", "package"), [("arrow", "pyarrow"), ("pandas", "pandas")])
def test_a_package_that_is_missing_is_named_with_the_extra_before_anything_is_sent(
    libra: FakeLibra, ask: Ask, verb: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(NotInstalled, match=rf"pip install 'airflow-provider-libra\[{verb}\]'"):
        ask(verb, "statement-0")
    assert libra.requests == []


@pytest.mark.usefixtures("libra")
def test_a_written_result_says_where_it_is(ask: Ask) -> None:
    job_id = submitted(ask, result_path="s3a://lake/top")
    schema = {"name": "n", "type": "string", "nullable": True, "metadata": {}}

    assert ask("written", job_id) == WrittenResult(
        uri="s3a://lake/top", rows=1, bytes=512, schema={"type": "struct", "fields": [schema]}
    )
    for verb in ("result", "arrow"):
        with pytest.raises(BadInput, match="were written to s3a://lake/top; read them there"):
            ask(verb, job_id)


def test_many_statements_are_asked_for_in_one_request(libra: FakeLibra, ask: Ask) -> None:
    first, second = submitted(ask), submitted(ask)
    before = len(libra.requests)
    found = ask("statuses", [second, "nobody", first])

    assert [(each.job_id, each.state) for each in found] == [
        (second, JobState.SUCCEEDED),
        ("nobody", JobState.LOST),
        (first, JobState.SUCCEEDED),
    ]
    assert len(libra.requests) == before + 1


@pytest.mark.usefixtures("libra")
def test_statements_are_listed_by_what_they_are(ask: Ask) -> None:
    submitted(ask, session="mine", pool_name="interactive", name="top", origin={"dag_id": "d"})
    submitted(ask, session="yours")
    [mine] = ask("statements", session="mine", state=JobState.SUCCEEDED, pool="interactive")
    [tagged] = ask("statements", tag=("dag_id", "d"))

    assert (mine.status.job_id, mine.name, mine.kind) == ("statement-0", "top", "sql")
    assert tagged == mine
    assert [each.session for each in ask("statements")] == ["yours", "mine"]
    assert ask("statements", state=JobState.FAILED) == []


def test_a_query_is_estimated_and_not_run(libra: FakeLibra, ask: Ask) -> None:
    connect(libra.port, session="mine")

    assert ask("estimate", "select 1", {"n": 1}) == Estimate(bytes=16, rows=1, guessed=False)
    assert libra.requests[-1].json() == {
        "session": "mine",
        "code": "select 1",
        "parameters": {"n": 1},
    }
    assert libra.statements == {}
    with pytest.raises(Rejected, match="PARSE_SYNTAX_ERROR"):
        ask("estimate", "selec 1")


@pytest.mark.usefixtures("libra")
def test_sessions_are_listed_and_closed(ask: Ask) -> None:
    submitted(ask, session="a/b")

    assert [each.name for each in ask("sessions")] == ["a/b"]
    assert ask("close_session", "a/b") is None
    with pytest.raises(Rejected, match="There is no session a/b"):
        ask("close_session", "a/b")


@pytest.mark.parametrize(("wait", "told"), [(20, "wait=20"), (0.5, "wait=1")])
def test_a_look_may_wait_for_the_end(libra: FakeLibra, ask: Ask, wait: float, told: str) -> None:
    """In whole seconds, as HTTP has it: Libra would not understand a part of one."""
    ask("status", submitted(ask), wait=wait)

    assert libra.requests[-1].headers["prefer"] == told


def test_an_unknown_statement_has_no_rows(libra: FakeLibra, ask: Ask) -> None:
    with pytest.raises(JobLost, match="nobody is lost: Statement nobody is unknown"):
        ask("result", "nobody")
    assert libra.statements == {}


def test_an_old_libra_says_at_once_how_the_statement_ended(old: OldLibra, ask: Ask) -> None:
    before = datetime.now(UTC)
    status = ask("submit", SQL, new_tag())

    assert (status.state, status.text) == (
        JobState.SUCCEEDED,
        "Schema: struct<n:int>\n[1]\nTotal rows: 1",
    )
    assert status.timings.run_seconds == 2.5
    # Its local times have no zone; taken for UTC, they would be hours wrong.
    assert before <= status.timings.ended_at <= datetime.now(UTC)
    assert old.ran == [{"kind": "sql", "code": "select 1"}]


def test_an_old_libra_that_takes_longer_than_any_timeout_is_waited_for(
    old: OldLibra, ask: Ask
) -> None:
    connect(old.port, timeout=1)
    old.over.clear()
    threading.Timer(2.5, old.over.set).start()

    assert ask("submit", SQL, new_tag()).state is JobState.SUCCEEDED
    assert len(old.ran) == 1


@pytest.mark.parametrize(
    "fields",
    [{"parameters": {"n": 1}}, {"result_limit": 5}, {"result_path": "/x"}, {"timeout": 60.0}],
    ids=lambda fields: next(iter(fields)),
)
def test_what_an_old_libra_would_ignore_is_not_sent(
    old: OldLibra, ask: Ask, fields: dict[str, Any]
) -> None:
    with pytest.raises(NotOffered, match=f"this version ignores {next(iter(fields))}; remove it"):
        ask("submit", SQL.replace(**fields), new_tag())
    assert old.ran == []


def test_success_of_work_that_an_old_libra_cannot_do_is_a_failure(old: OldLibra, ask: Ask) -> None:
    result = "Job type 'jar-class' execution not yet implemented"
    old._text = lambda: result  # type: ignore[method-assign]  # its words for a kind
    status = ask("submit", SQL, new_tag())

    assert (status.state, status.detail) == (JobState.FAILED, result)


def test_a_failure_at_an_old_libra_has_its_reason(old: OldLibra, ask: Ask) -> None:
    old.error = "Table not found: flights"
    status = ask("submit", SQL, new_tag())

    assert (status.state, status.detail) == (JobState.FAILED, "Table not found: flights")


def test_an_answer_lost_by_an_old_libra_is_undecided_and_never_sent_again(
    old: OldLibra, ask: Ask
) -> None:
    old.hangs_up = True

    with pytest.raises(ServerUnreachable, match="may still run, and cannot be found again"):
        ask("submit", SQL, new_tag())
    assert len(old.ran) == 1


def test_an_old_libra_whose_spark_is_down_is_busy(old: OldLibra, ask: Ask) -> None:
    """Its health is 200 all the same, and a statement would fail."""
    old.spark_error = "SparkContext was shut down"

    with pytest.raises(ServerBusy, match="its Spark is down: SparkContext was shut down"):
        ask("submit", SQL, new_tag())
    assert old.ran == []


@pytest.mark.parametrize(
    ("verb", "argument"),
    [
        ("status", "s-1"),
        ("statuses", ["s-1"]),
        ("kill", "s-1"),
        ("result", "s-1"),
        ("written", "s-1"),
        ("arrow", "s-1"),
        ("estimate", "select 1"),
    ],
)
def test_what_an_old_libra_does_not_have_is_said_so(
    old: OldLibra, ask: Ask, verb: str, argument: Any
) -> None:
    with pytest.raises(NotOffered, match="supports only Libra's old API"):
        ask(verb, argument)
    assert old.ran == []


def test_what_an_old_libra_has_works(old: OldLibra, ask: Ask) -> None:
    assert ask("health").is_old
    assert [each.name for each in ask("sessions")] == ["default"]
    assert ask("close_session", "default") is None
    assert old.ran == []


def test_a_proxys_404_is_not_taken_for_an_old_libra(libra: FakeLibra, ask: Ask) -> None:
    libra.disturb = lambda _: Answer(404, "<html>no such app</html>")

    with pytest.raises(ProtocolError, match="no such app"):
        ask("status", "s-1")
