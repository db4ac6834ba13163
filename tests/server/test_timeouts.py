"""``timeoutSeconds``, progress, estimates and queues: what passes between API and driver."""

from __future__ import annotations

import time

from tests.server.api.test_statements import AT_ONCE, WAIT, status, submit
from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra


def test_a_statement_that_runs_too_long_fails_and_says_why(api: RunningLibra) -> None:
    api.ready()
    body = submit(api, "hang", WAIT, timeoutSeconds=0.2)

    assert (body["state"], body["errorClass"]) == ("FAILED", "LIBRA_TIMEOUT")
    assert "timeoutSeconds=0.2" in body["error"]
    assert body["executionTimeMs"] >= 200


def test_its_time_counts_from_its_start(make_libra: MakeLibra) -> None:
    with make_libra(max_running=1) as api:
        gate = api.folder / "gate"
        submit(api, f"nap {gate}", AT_ONCE)
        waiting = submit(api, "rows 1", {"Prefer": "wait=3"}, timeoutSeconds=2.9)
        gate.touch()
        waited = status(api, waiting["jobId"])

    assert waiting["state"] == "PENDING"
    assert (waited["state"], waited["queueTimeMs"] > 2900) == ("SUCCESS", True)


def test_a_kill_that_comes_before_the_timeout_stays_a_kill(api: RunningLibra) -> None:
    api.ready()
    job_id = submit(api, "stubborn 3", AT_ONCE, timeoutSeconds=3)["jobId"]
    api.delete(f"/api/v1/statements/{job_id}")

    assert status(api, job_id)["state"] == "CANCELLED"


def test_a_kill_after_the_timeout_changes_nothing(api: RunningLibra) -> None:
    api.ready()
    job_id = submit(api, "stubborn 1", {"Prefer": "wait=1"}, timeoutSeconds=0.2)["jobId"]
    api.delete(f"/api/v1/statements/{job_id}")

    assert status(api, job_id)["errorClass"] == "LIBRA_TIMEOUT"


def test_progress_is_told_while_it_runs_and_kept_with_the_end(make_libra: MakeLibra) -> None:
    with make_libra() as api:
        job_id = submit(api, "halfway", AT_ONCE)["jobId"]
        deadline = time.monotonic() + 300
        while not status(api, job_id, {})["progress"]:
            assert time.monotonic() < deadline
        asked = {"jobIds": [job_id]}
        many = api.post("/api/v1/statements/status", json=asked).json()["statements"][0]
        listed = api.get("/api/v1/statements").json()["statements"][0]
        api.delete(f"/api/v1/statements/{job_id}")
        ended = status(api, job_id)
    with make_libra() as api:
        reopened = status(api, job_id)

    progress = many["progress"]
    assert (progress["tasksDone"], progress["tasksTotal"], progress["bytesRead"]) == (1, 2, 80)
    assert listed["progress"] == ended["progress"] == reopened["progress"] == progress


def test_an_estimate_is_the_drivers_answer(api: RunningLibra) -> None:
    api.ready()
    reply = api.post("/api/v1/statements/estimate", json={"code": "select 1"})

    assert (reply.status_code, reply.json()["bytes"]) == (200, 8)


def test_a_driver_that_ends_leaves_no_estimate_open(api: RunningLibra) -> None:
    api.ready()
    reply = api.post("/api/v1/statements/estimate", json={"code": "die"})

    assert reply.status_code == 503
    assert "exit code 9" in reply.json()["detail"]


def test_a_driver_that_says_what_is_no_message_is_replaced(api: RunningLibra) -> None:
    lost = submit(api, "babble", WAIT)
    after = submit(api, "rows 1", WAIT)

    assert (lost["state"], "could not handle a message" in lost["error"]) == ("LOST", True)
    assert (after["state"], after["driver"]["epoch"]) == ("SUCCESS", 2)


def test_queues_tell_who_waits_where_and_for_how_long(make_libra: MakeLibra) -> None:
    with make_libra(max_running=1) as api:
        api.ready()
        submit(api, "hang", AT_ONCE, pool="low-priority")
        submit(api, "hang", AT_ONCE, pool="interactive")
        time.sleep(0.1)
        pools = {each["name"]: each for each in api.get("/api/v1/pools").json()}

    assert (pools["low-priority"]["running"], pools["low-priority"]["waiting"]) == (1, 0)
    assert (pools["interactive"]["running"], pools["interactive"]["waiting"]) == (0, 1)
    assert pools["interactive"]["oldestWaitingSeconds"] > 0.09
