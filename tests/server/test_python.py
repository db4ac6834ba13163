from __future__ import annotations

from typing import Any

import pytest

from tests.server.running import RunningLibra

PATH = "/api/v1/sessions/default/statements"
WAIT = {"Prefer": "wait=300"}
ARROW = {"Accept": "application/vnd.apache.arrow.stream"}


def result(api: RunningLibra, code: str, headers: dict[str, str] | None = None) -> Any:
    body = {"kind": "python", "code": code, "args": ["--day"]}
    job_id = api.post(PATH, json=body, headers=WAIT).json()["jobId"]
    return api.get(f"/api/v1/statements/{job_id}/result", headers=headers)


@pytest.mark.parametrize(
    ("code", "value"), [('value {"a": [1, null]}', {"a": [1, None]}), ("value", None)]
)
def test_a_value_that_is_no_table_is_json(api: RunningLibra, code: str, value: Any) -> None:
    reply = result(api, code)

    assert reply.status_code == 200
    assert reply.json()["value"] == value


def test_a_value_comes_with_the_answer_where_it_is_asked_for(api: RunningLibra) -> None:
    body = {"kind": "python", "code": "value 41"}
    reply = api.post(PATH, json=body, headers={"Prefer": "wait=300, return=representation"}).json()

    assert reply["result"] == {"jobId": reply["jobId"], "value": 41}


def test_a_value_is_no_arrow_stream(api: RunningLibra) -> None:
    reply = result(api, "value 1", ARROW)

    assert reply.status_code == 406
    assert "is a value; set Accept to application/json" in reply.json()["detail"]


def test_the_rows_of_python_are_rows(api: RunningLibra) -> None:
    reply = result(api, "rows 2")

    assert reply.json()["rows"] == [[0], [1]]
