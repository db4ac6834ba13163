from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.libra import legacy, logs, results, server, statements
from libra_provider.core.errors import (
    AccessDenied,
    BadInput,
    JobLost,
    LibraError,
    ProtocolError,
    Rejected,
    ServerBusy,
    ServerUnreachable,
)
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import DeployMode, Kind, Mode
from libra_provider.core.states import JobState

OLD_SQL = SparkJob(kind=Kind.SQL, code="select 1")
SQL = SparkJob(kind=Kind.SQL, code="select 1", parameters={"day": "2026-11-20"}, session="a/b")
PROBLEM = "application/problem+json"


def reply(body: object, status: int = 200, kind: str = "application/json", **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply("http://l:8990", status, {"content-type": kind, **headers}, content)


def statement(**body: Any) -> Reply:
    return reply({"jobId": "s-1", "state": "RUNNING", **body})


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("PENDING", JobState.WAITING),
        ("RUNNING", JobState.RUNNING),
        ("SUCCESS", JobState.SUCCEEDED),
        ("FAILED", JobState.FAILED),
        ("CANCELLED", JobState.KILLED),
        ("LOST", JobState.LOST),
    ],
)
def test_every_word_of_libra_has_one_meaning(word: str, state: JobState) -> None:
    assert statements.status("s-1").parse(statement(state=word)).state is state


def test_a_submission_carries_its_tag_as_the_idempotency_key() -> None:
    call = statements.submit(SQL, "ab" * 16)

    assert call.path == "/api/v1/sessions/a%2Fb/statements"
    assert call.headers == {"Prefer": "respond-async", "Idempotency-Key": "ab" * 16}
    assert call.json == {"kind": "sql", "code": "select 1", "parameters": {"day": "2026-11-20"}}


def test_a_job_of_any_kind_travels_with_all_that_libra_takes() -> None:
    job = SparkJob.from_application(
        "/jobs/etl.jar",
        java_class="org.example.Etl",
        application_args=["--day", "2026-11-20"],
        conf={"spark.executor.memory": "2g"},
        mode="isolated",
        deploy_mode="cluster",
        timeout=60.0,
    )

    assert statements.submit(job, "ab" * 16).json == {
        "kind": "jar",
        "filePath": "/jobs/etl.jar",
        "mainClass": "org.example.Etl",
        "args": ["--day", "2026-11-20"],
        "sparkConfig": {"spark.executor.memory": "2g"},
        "mode": "isolated",
        "deployMode": "cluster",
        "timeoutSeconds": 60.0,
    }


def test_a_statement_says_whose_driver_runs_it() -> None:
    def said(**body: str) -> list[object]:
        found = statements.status("s-1").parse(statement(**body))
        return [found.kind, found.mode, found.deploy_mode]

    own = said(kind="python-file", mode="ISOLATED", deployMode="cluster")
    shared = said(kind="python", mode="SHARED", deployMode="client")
    later = said(kind="scala", mode="ORBITAL", deployMode="moon")

    assert own == [Kind.PYTHON_FILE, Mode.ISOLATED, DeployMode.CLUSTER]
    assert shared == [Kind.PYTHON, Mode.SHARED, None]
    assert later == [None, None, None]


def test_a_value_is_told_from_rows() -> None:
    answer = reply({"jobId": "s-1", "value": {"rows": 3}})

    assert results.result("s-1").parse(answer) == results.ResultValue({"rows": 3})


def test_a_piece_of_a_log_is_whole_lines_without_secrets() -> None:
    text = "begun\npassword=hunter2\n\nüber\n"
    answer = reply({"text": text, "nextOffset": 40, "size": 99, "complete": False})
    piece = logs.log("s-1", stream="stderr", offset=7).parse(answer)

    assert piece.lines == ("begun", "password=***", "", "über")
    assert (piece.next_offset, piece.complete) == (40, False)
    with pytest.raises(BadInput, match="Invalid stream='stdin': expected stdout or stderr"):
        logs.log("s-1", stream="stdin")


def test_an_unknown_statement_is_lost() -> None:
    gone = reply({"title": "Not found", "detail": "Statement s-1 is unknown."}, 404, PROBLEM)

    found = statements.status("s-1").parse(gone)
    with pytest.raises(JobLost, match="s-1 is unknown"):
        results.result("s-1").parse(gone)

    assert (found.state, found.detail) == (JobState.LOST, "Statement s-1 is unknown.")


def test_a_404_of_somebody_else_is_not_an_answer_about_the_statement() -> None:
    """A proxy before a restarting server must not make a running statement lost."""
    with pytest.raises(ProtocolError):
        statements.status("s-1").parse(reply(b"<html>not found</html>", 404, "text/html"))


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (reply({"detail": "No token."}, 401, PROBLEM), AccessDenied, "No token. Set the conn"),
        (reply({"detail": "Unknown kind."}, 400, PROBLEM), Rejected, "Unknown kind"),
        (reply({"detail": "The queue is full."}, 429, PROBLEM), ServerBusy, "queue is full"),
        (reply({"detail": "Starting."}, 503, PROBLEM), ServerBusy, "Starting"),
        (reply(b"Bad Gateway", 502, "text/html"), ServerUnreachable, "HTTP 502"),
        (reply(b"<html>log in</html>", 200, "text/html"), ProtocolError, "log in"),
        (reply(b"", 302, "text/html"), ProtocolError, "not a response from Libra"),
        (reply({"state": "DANCING", "jobId": "s-1"}), ProtocolError, "a statement with jobId"),
    ],
)
def test_what_is_no_answer_becomes_the_right_error(
    answer: Reply, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        statements.status("s-1").parse(answer)


def test_a_busy_server_says_when_to_come_back() -> None:
    answer = reply({"detail": "The queue is full."}, 429, PROBLEM, **{"retry-after": "7"})

    with pytest.raises(ServerBusy) as caught:
        statements.status("s-1").parse(answer)

    assert caught.value.retry_after == 7


def test_another_servers_health_page_is_not_libras() -> None:
    with pytest.raises(ProtocolError, match="not Libra's health page; check the port"):
        server.health().parse(reply({"metadatabase": {"status": "healthy"}}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = [
    *("jobId", "state", "driver", "error", "progress", "tags", "statements", "executionTimeMs"),
    *("schema", "columns", "rows", "offset", "rowCount", "uri", "bytes", "guessed", "result"),
    *("text", "nextOffset", "size", "complete", "value", "kind", "mode"),
]


@given(
    body=st.dictionaries(st.sampled_from([*fields, "spark", "detail"]), json_values)
    | json_values
    | st.binary(max_size=30),
    status=st.sampled_from([200, 202, 204, 301, 400, 401, 404, 409, 429, 500, 503]),
    kind=st.sampled_from(["application/json", PROBLEM, "text/html", ""]),
)
def test_any_reply_is_read_or_becomes_an_error_of_ours(
    body: object, status: int, kind: str
) -> None:
    calls: list[Call[object]] = [
        statements.submit(SQL, "ab" * 16),
        statements.status("s-1"),
        statements.kill("s-1"),
        results.result("s-1"),
        statements.statuses(["s-1", "s-2"]),
        statements.statements(),
        results.written("s-1"),
        logs.log("s-1"),
        results.arrow("s-1"),
        server.health(),
        server.sessions(),
        server.close_session("mine"),
        server.estimate("select 1"),
        legacy.submit(OLD_SQL, "http://l:8990"),
    ]
    for call in calls:
        with contextlib.suppress(LibraError):
            call.parse(reply(body, status, kind))
