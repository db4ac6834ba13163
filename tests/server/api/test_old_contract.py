"""The answers of the public Java implementation, byte by byte where nothing in them varies."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.server.running import RunningLibra

PATH = "/api/v1/sessions/default/statements"
LOCAL = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?"
SUCCESS = (
    r'\{"jobId":"[0-9a-f]{32}","sessionId":"default","state":"SUCCESS","result":"Total rows: 3",'
    rf'"error":null,"startedAt":"{LOCAL}","completedAt":"{LOCAL}","executionTimeMs":\d+\}}'
)
FAILED = (
    r'\{"jobId":"[0-9a-f]{32}","sessionId":"default","state":"FAILED","result":null,'
    rf'"error":"(?P<error>[^"]+)","startedAt":"{LOCAL}","completedAt":"{LOCAL}",'
    r'"executionTimeMs":\d+\}'
)


@pytest.fixture(scope="module")
def api(shared_api: RunningLibra) -> RunningLibra:
    return shared_api


def answer(api: RunningLibra, body: dict[str, Any], shape: str) -> dict[str, str]:
    reply = api.post(PATH, json=body)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    found = re.fullmatch(shape, reply.text)
    assert found, reply.text
    return found.groupdict()


def test_a_success_has_text_and_local_times(api: RunningLibra) -> None:
    answer(api, {"kind": "sql", "code": "rows 3"}, SUCCESS)


def test_the_kind_is_sql_unless_it_is_given(api: RunningLibra) -> None:
    answer(api, {"code": "rows 3"}, SUCCESS)


def test_a_failure_is_200_too(api: RunningLibra) -> None:
    assert "[FAKE]" in answer(api, {"code": "fail"}, FAILED)["error"]


@pytest.mark.parametrize("body", [{}, {"code": None}, {"code": " "}, {"kind": "sql", "code": ""}])
def test_a_missing_text_is_a_failure_with_the_reason(
    api: RunningLibra, body: dict[str, Any]
) -> None:
    code = body.get("code")
    problem = "Missing code" if code is None else f"Invalid code={code!r}"

    assert answer(api, body, FAILED)["error"] == f"{problem}: expected non-empty text."


def test_fields_that_say_nothing_new_keep_the_old_door_open(api: RunningLibra) -> None:
    body = {"code": "rows 3", "pool": "nope", "sparkConfig": {"a": "b"}, "colour": "red"}

    answer(api, body | {"tags": None, "resultLimit": None}, SUCCESS)


def test_an_unknown_kind_is_400_where_the_old_one_claimed_success(api: RunningLibra) -> None:
    reply = api.post(PATH, json={"kind": "cobol", "code": "x"})

    assert reply.status_code == 400
    assert "cobol" in reply.json()["detail"]


def test_what_was_asked_at_the_old_door_has_no_rows_at_the_new_one(api: RunningLibra) -> None:
    job_id = api.post(PATH, json={"code": "rows 3"}).json()["jobId"]
    reply = api.get(f"/api/v1/statements/{job_id}/result")

    assert reply.status_code == 409
    assert "Prefer" in reply.json()["detail"]


def test_health_is_the_old_one_with_four_facts_more(api: RunningLibra) -> None:
    api.post(PATH, json={"code": "rows 1"})
    reply = api.get("/api/v1/health")

    assert re.fullmatch(
        r'\{"status":"UP","service":"whereq-libra","version":"[^"]+","epoch":1,"catalog":null,'
        r'"spark":\{"version":"4","applicationId":"app-1","master":"fake","status":"CONNECTED",'
        r'"activeSessions":"1"\},"network":(null|\{[^}]*\})\}',
        reply.text,
    )


def test_a_session_is_the_old_one(api: RunningLibra) -> None:
    api.post(PATH, json={"code": "rows 1"})

    assert re.fullmatch(
        r'\[\{"sessionId":"default","appId":"app-1","state":"RUNNING","master":"[^"]+",'
        rf'"sparkVersion":"4","createdAt":"{LOCAL}","lastActivity":"{LOCAL}"\}}\]',
        api.get("/api/v1/sessions").text,
    )
