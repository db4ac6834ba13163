from __future__ import annotations

import time
from typing import Any

import pytest

from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra

AT_ONCE = {"Prefer": "respond-async"}


def submit(api: RunningLibra, session: str, code: str, prefer: str, **body: Any) -> dict[str, Any]:
    path = f"/api/v1/sessions/{session}/statements"
    reply = api.post(path, json={"code": code, **body}, headers={"Prefer": prefer})
    assert reply.status_code in (200, 202), reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def names(api: RunningLibra) -> list[str]:
    return [each["sessionId"] for each in api.get("/api/v1/sessions").json()]


def wait_until_closed(api: RunningLibra, session: str) -> None:
    deadline = time.monotonic() + 300
    while session in names(api):
        assert time.monotonic() < deadline, f"{session} stays open"
        time.sleep(0.05)


def state(api: RunningLibra, statement: dict[str, Any]) -> str:
    path = f"/api/v1/statements/{statement['jobId']}"
    return str(api.get(path, headers={"Prefer": "wait=300"}).json()["state"])


def test_a_session_begins_with_its_first_statement_and_can_be_closed(api: RunningLibra) -> None:
    before = api.get("/api/v1/sessions/etl")
    submit(api, "etl", "rows 1", "wait=300")
    opened = names(api)
    closed = api.delete("/api/v1/sessions/etl")

    assert before.status_code == 404
    assert opened == ["default", "etl"]
    assert closed.status_code == 204
    assert api.get("/api/v1/sessions/etl").status_code == 404
    assert api.delete("/api/v1/sessions/etl").status_code == 404


def test_closing_a_session_kills_what_waits_and_runs_in_it(make_libra: MakeLibra) -> None:
    with make_libra(max_running=1) as api:
        api.ready()
        running = submit(api, "etl", "hang", "respond-async")
        waiting = submit(api, "etl", "rows 1", "respond-async")
        other = submit(api, "default", "rows 1", "respond-async")
        api.delete("/api/v1/sessions/etl")

        assert (state(api, running), state(api, waiting)) == ("CANCELLED", "CANCELLED")
        assert state(api, other) == "SUCCESS"


def test_the_default_session_cannot_be_closed(api: RunningLibra) -> None:
    reply = api.delete("/api/v1/sessions/default")

    assert reply.status_code == 400
    assert "default session" in reply.json()["detail"]


def test_an_idle_session_closes_by_itself_and_the_default_one_stays(
    make_libra: MakeLibra,
) -> None:
    with make_libra(session_idle_seconds=0.4) as api:
        submit(api, "etl", "rows 1", "wait=300")
        wait_until_closed(api, "etl")

        assert names(api) == ["default"]


def test_a_session_with_work_is_not_idle(make_libra: MakeLibra) -> None:
    with make_libra(session_idle_seconds=0.4) as api:
        api.ready()
        busy = submit(api, "busy", "hang", "respond-async")
        submit(api, "idle", "rows 1", "wait=300")
        wait_until_closed(api, "idle")
        still = names(api)
        api.delete(f"/api/v1/statements/{busy['jobId']}")
        wait_until_closed(api, "busy")

        assert still == ["default", "busy"]
        assert state(api, busy) == "CANCELLED"


def test_one_session_too_many_is_429_until_one_is_closed(make_libra: MakeLibra) -> None:
    with make_libra(max_sessions=2) as api:
        submit(api, "one", "rows 1", "wait=300")
        path = "/api/v1/sessions/two/statements"
        refused = api.post(path, json={"code": "rows 1"}, headers=AT_ONCE)
        submit(api, "one", "rows 1", "wait=300")
        api.delete("/api/v1/sessions/one")
        taken = api.post(path, json={"code": "rows 1"}, headers=AT_ONCE)

        assert (refused.status_code, taken.status_code) == (429, 202)
        assert "max_sessions" in refused.json()["detail"]
        assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize("name", ["a%20b", "%00", "a" * 129, "%0A", "é"])
def test_a_name_that_is_no_session_is_refused(api: RunningLibra, name: str) -> None:
    reply = api.post(f"/api/v1/sessions/{name}/statements", json={"code": "rows 1"})

    assert reply.status_code == 400
    assert reply.json()["detail"].startswith("Invalid session=")
    assert api.delete(f"/api/v1/sessions/{name}").status_code == 400
