from __future__ import annotations

from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra

PATH = "/api/v1/sessions/default/statements"
WAIT = {"Prefer": "wait=300"}
AT_ONCE = {"Prefer": "respond-async"}
ISOLATED = {"code": "SELECT :x", "mode": "isolated"}
S3 = {"kind": "python-file", "filePath": "s3a://b/a.py"}
JAR = {"kind": "jar", "filePath": "s3a://b/a.jar", "mainClass": "Main"}


def submit(api: RunningLibra, code: str, headers: dict[str, str], **body: Any) -> dict[str, Any]:
    reply = api.post(PATH, json={"code": code, **body}, headers=headers)
    assert reply.status_code in (200, 202), reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def status(api: RunningLibra, job_id: str, headers: dict[str, str] = WAIT) -> dict[str, Any]:
    answer: dict[str, Any] = api.get(f"/api/v1/statements/{job_id}", headers=headers).json()
    return answer


def test_a_request_of_the_old_contract_gets_exactly_its_shape(api: RunningLibra) -> None:
    reply = api.post(PATH, json={"kind": "sql", "code": "rows 3"})

    assert reply.status_code == 200
    body = reply.json()
    assert list(body) == [
        "jobId",
        "sessionId",
        "state",
        "result",
        "error",
        "startedAt",
        "completedAt",
        "executionTimeMs",
    ]
    assert (body["state"], body["result"], body["error"]) == ("SUCCESS", "Total rows: 3", None)
    assert "+" not in body["startedAt"]


def test_a_failure_is_still_200_at_the_old_door(api: RunningLibra) -> None:
    reply = api.post(PATH, json={"code": "fail"})

    assert (reply.status_code, reply.json()["state"]) == (200, "FAILED")
    assert "[FAKE]" in reply.json()["error"]


def test_respond_async_answers_202_with_the_place_to_ask(api: RunningLibra) -> None:
    reply = api.post(PATH, json={"code": "hang"}, headers=AT_ONCE)

    assert reply.status_code == 202
    assert reply.json()["state"] in ("PENDING", "RUNNING")
    assert reply.headers["Location"] == f"/api/v1/statements/{reply.json()['jobId']}"


def test_wait_gives_the_finished_statement_with_driver_and_times(api: RunningLibra) -> None:
    body = submit(api, "rows 2", WAIT, tags={"dag": "etl"}, pool="interactive")

    assert (body["state"], body["rowCount"], body["pool"]) == ("SUCCESS", 2, "interactive")
    assert body["driver"] == {
        "where": "on Libra's shared driver",
        "host": "h",
        "applicationId": "app-1",
        "sparkUi": None,
        "epoch": 1,
        "driverId": None,
        "logUrl": None,
    }
    assert body["submittedAt"].endswith("+00:00")
    assert body["tags"] == {"dag": "etl"}
    assert (body["mode"], body["deployMode"]) == ("SHARED", "client")


def test_rows_come_as_json_pages_and_as_arrow(api: RunningLibra) -> None:
    job_id = submit(api, "rows 5", WAIT)["jobId"]

    page = api.get(f"/api/v1/statements/{job_id}/result?offset=3&limit=10").json()
    arrow = api.get(
        f"/api/v1/statements/{job_id}/result",
        headers={"Accept": "application/vnd.apache.arrow.stream"},
    )

    assert page["rows"] == [[3], [4]]
    assert (page["columns"], page["offset"], page["rowCount"]) == (["n"], 3, 5)
    assert page["schema"]["fields"][0]["type"] == "long"
    assert pa.ipc.open_stream(arrow.content).read_all().num_rows == 5


def test_empty_values_count_as_not_given(api: RunningLibra) -> None:
    body = submit(api, "rows 1", WAIT, parameters={}, args=[], mainClass="", sparkConfig={})

    assert body["state"] == "SUCCESS"


def test_an_error_keeps_class_and_sql_state(api: RunningLibra) -> None:
    body = submit(api, "fail", WAIT)

    assert (body["state"], body["errorClass"], body["sqlState"]) == ("FAILED", "FAKE", "42000")


def test_a_failed_statement_has_no_rows_and_says_why(api: RunningLibra) -> None:
    job_id = submit(api, "fail", WAIT)["jobId"]
    reply = api.get(f"/api/v1/statements/{job_id}/result")

    assert reply.status_code == 409
    assert "[FAKE]" in reply.json()["detail"]


def test_kill_ends_a_running_statement_and_leaves_an_ended_one(api: RunningLibra) -> None:
    api.ready()
    job_id = submit(api, "hang", AT_ONCE)["jobId"]
    killed = api.delete(f"/api/v1/statements/{job_id}")
    after = status(api, job_id)
    again = api.delete(f"/api/v1/statements/{job_id}")

    assert killed.status_code == 202
    assert after["state"] == "CANCELLED"
    assert (again.status_code, again.json()) == (200, after)


def test_a_killed_waiting_statement_never_starts(make_libra: MakeLibra) -> None:
    with make_libra(max_running=1) as api:
        api.ready()
        first = submit(api, "hang", AT_ONCE)["jobId"]
        second = submit(api, "rows 1", AT_ONCE)["jobId"]
        reply = api.delete(f"/api/v1/statements/{second}")
        api.delete(f"/api/v1/statements/{first}")
        third = submit(api, "rows 1", WAIT)

        assert (reply.status_code, reply.json()["state"]) == (200, "CANCELLED")
        assert third["state"] == "SUCCESS"
        assert status(api, second)["startedAt"] is None


def test_the_same_key_and_body_are_one_statement(api: RunningLibra) -> None:
    key = {"Idempotency-Key": "tag-1", **WAIT}
    first, second = submit(api, "rows 1", key), submit(api, "rows 1", key)
    other = api.post(PATH, json={"code": "rows 2"}, headers=key)

    assert first == second
    assert other.status_code == 409
    assert "tag-1" in other.json()["detail"]


def test_many_are_asked_for_at_once_and_unknown_ids_are_named(api: RunningLibra) -> None:
    job_id = submit(api, "rows 1", WAIT)["jobId"]
    reply = api.post("/api/v1/statements/status", json={"jobIds": [job_id, "nope"]})

    assert [each["jobId"] for each in reply.json()["statements"]] == [job_id]
    assert reply.json()["unknown"] == ["nope"]


def test_the_states_of_many_come_without_anything_else(api: RunningLibra) -> None:
    done, failed = submit(api, "rows 1", WAIT)["jobId"], submit(api, "fail", WAIT)["jobId"]
    asked = {"jobIds": [done, failed, "nope", "\0"]}
    states = api.post("/api/v1/statements/states", json=asked).json()

    assert states == {"states": {done: "SUCCESS", failed: "FAILED"}}


def test_the_list_is_newest_first_and_filters_by_state(api: RunningLibra) -> None:
    done = [submit(api, "rows 1", WAIT)["jobId"] for _ in range(3)]
    submit(api, "fail", WAIT)
    listed = api.get("/api/v1/statements?state=SUCCESS&limit=2").json()["statements"]

    assert [each["jobId"] for each in listed] == done[:0:-1]


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (
            {"kind": "cobol", "code": "x"},
            {},
            "Invalid kind='cobol': expected sql, python, python-file, jar or jar-class",
        ),
        ({"kind": "python", "code": " "}, AT_ONCE, "Invalid code=' ': expected non-empty text"),
        ({"kind": "python", "code": "x", "parameters": [1]}, {}, "only SQL takes them; use args"),
        (
            {"kind": "python", "code": "x", "filePath": "/x.py"},
            AT_ONCE,
            "Invalid filePath='/x.py': this kind runs the text in code",
        ),
        ({"code": " "}, AT_ONCE, "expected non-empty text"),
        ({"code": "rows 1", "pool": "nope"}, AT_ONCE, "interactive"),
        ({"code": "rows 1", "resultLimit": 0}, {}, "greater than or equal to 1"),
        ({"code": "rows 1", "sparkConfig": {"spark.a": "1"}}, AT_ONCE, "shared driver"),
        ({"code": "rows 1", "mode": "isolated", "args": ["x"]}, {}, "takes parameters"),
        ({"code": " ", "mode": "isolated"}, {}, "expected non-empty text"),
        ({"code": "rows 1", "deployMode": "cluster"}, {}, "Invalid deployMode='cluster'"),
        ({**ISOLATED, "parameters": {"x": "y" * 70_000}}, {}, "put the values into a table"),
        ({**S3, "resultLimit": 5}, AT_ONCE, "an application at s3a: returns nothing"),
        ({**S3, "resultPath": "/lake"}, AT_ONCE, "an application at s3a: returns nothing"),
        ({**JAR, "resultPath": "/lake"}, AT_ONCE, "a main class returns no rows"),
        ({**JAR, "parameters": [1]}, AT_ONCE, "only SQL takes them"),
        ({"code": "rows 1", "resultPath": "out"}, {}, "Invalid resultPath='out'"),
        ({"code": "rows 1", "resultPath": ""}, {}, "Invalid resultPath"),
        ({"code": "rows 1", "resultPath": "s3a://k:s@b/x"}, {}, "this one holds credentials"),
        ({"code": "rows 1", "timeoutSeconds": 0}, {}, "greater than 0"),
        ({"code": "rows 1", "mode": ""}, {}, "Invalid mode"),
        ({"code": "rows 1", "mainClass": "A"}, AT_ONCE, "only a JAR has a main class"),
        ({"code": 5}, {}, "Invalid code: "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input_is_400_with_a_sentence(
    api: RunningLibra, body: dict[str, Any], headers: dict[str, str], words: str
) -> None:
    reply = api.post(PATH, json=body, headers=headers)

    assert reply.status_code == 400
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert words in reply.json()["detail"]


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
def test_an_unknown_id_is_a_problem_that_names_it(api: RunningLibra, verb: str) -> None:
    reply = api.request(verb, "/api/v1/statements/nope")

    assert reply.status_code == 404
    assert (reply.json()["jobId"], reply.json()["status"]) == ("nope", 404)


def test_a_full_queue_is_429_with_retry_after(make_libra: MakeLibra) -> None:
    with make_libra(max_running=1, max_pending=1) as api:
        api.ready()
        submit(api, "hang", AT_ONCE)
        submit(api, "hang", AT_ONCE)
        reply = api.post(PATH, json={"code": "hang"}, headers=AT_ONCE)

        assert reply.status_code == 429
        assert int(reply.headers["Retry-After"]) > 0
