from __future__ import annotations

from tests.server.running import RunningLibra


def test_a_session_begins_with_its_first_statement_and_can_be_closed(api: RunningLibra) -> None:
    before = api.get("/api/v1/sessions/etl")
    api.post("/api/v1/sessions/etl/statements", json={"code": "rows 1"})
    names = [each["sessionId"] for each in api.get("/api/v1/sessions").json()]
    closed = api.delete("/api/v1/sessions/etl")

    assert before.status_code == 404
    assert names == ["default", "etl"]
    assert closed.status_code == 204
    assert api.get("/api/v1/sessions/etl").status_code == 404


def test_a_session_has_the_fields_of_the_old_contract(api: RunningLibra) -> None:
    api.post("/api/v1/sessions/default/statements", json={"code": "rows 1"})
    session = api.get("/api/v1/sessions/default").json()

    assert list(session) == [
        "sessionId",
        "appId",
        "state",
        "master",
        "sparkVersion",
        "createdAt",
        "lastActivity",
    ]
    assert (session["appId"], session["state"]) == ("app-1", "RUNNING")


def test_health_keeps_its_old_shape_and_adds_version_and_epoch(api: RunningLibra) -> None:
    api.post("/api/v1/sessions/default/statements", json={"code": "rows 1"})
    health = api.get("/api/v1/health").json()

    assert (health["status"], health["service"], health["epoch"]) == ("UP", "whereq-libra", 1)
    assert health["spark"] == {
        "version": "4",
        "applicationId": "app-1",
        "master": "fake",
        "status": "CONNECTED",
        "activeSessions": "1",
    }


def test_a_name_that_is_no_session_is_refused(api: RunningLibra) -> None:
    reply = api.post("/api/v1/sessions/a%20b/statements", json={"code": "rows 1"})

    assert reply.status_code == 400
    assert "session='a b'" in reply.json()["detail"]
