"""Jobs that others start: Libra records each outcome once, also during concurrent requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.server.announcing import ARROW, FIRST, AnnouncedJob, stream
from tests.server.api.test_statements import WAIT, submit
from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra
from tests.server.test_retention import in_the_end

WRITTEN = {"uri": "s3a://b/t", "rowCount": 7, "bytes": 70, "schema": {"type": "struct"}}


def test_it_waits_runs_and_succeeds_as_its_driver_says_with_the_rows_it_handed_in(
    api: RunningLibra,
) -> None:
    job = AnnouncedJob(api, kind="sql", description="nightly", tags={"dag": "etl"})
    announced = job.status()
    job.started(driverId="driver-1", host="w1")
    job.started(applicationId="app-1", sparkUi="http://w1:4040")
    running = job.status()
    taken = job.rows(1, 2, 3)
    early = job.result()
    job.ended()
    done = job.status()
    page = job.result().json()

    assert (job.reply.status_code, job.given["jobId"]) == (201, job.tag)
    assert (announced["state"], announced["kind"], announced["tags"]) == (
        "PENDING",
        "sql",
        {"dag": "etl"},
    )
    assert (announced["mode"], announced["deployMode"]) == ("ISOLATED", "cluster")
    assert running["state"] == "RUNNING"
    assert running["driver"]["driverId"] == "driver-1"
    assert (running["driver"]["host"], running["driver"]["applicationId"]) == ("w1", "app-1")
    assert (taken.status_code, early.status_code) == (201, 409)
    assert (done["state"], done["rowCount"], done["error"]) == ("SUCCESS", 3, None)
    assert page["rows"] == [[1], [2], [3]]
    assert job.result(headers={"Accept": ARROW}).content == stream([1, 2, 3])


def test_a_value_and_rows_that_were_written_are_results_too(api: RunningLibra) -> None:
    value, written, nothing = (AnnouncedJob(api) for _ in range(3))
    value.json({"value": {"best": [1.5, None, "ü"]}})
    value.ended()
    written.ended(written=WRITTEN)
    nothing.ended()

    assert value.result().json()["value"] == {"best": [1.5, None, "ü"]}
    assert written.result().json() == {"jobId": written.tag, **WRITTEN}
    assert (nothing.status()["state"], nothing.result().json()["value"]) == ("SUCCESS", None)


def test_a_failure_keeps_its_words_without_secrets(api: RunningLibra) -> None:
    job = AnnouncedJob(api)
    error = "ValueError: no such day by password=hunter2"
    job.ended(state="FAILED", error=error, errorClass="ValueError", sqlState="42000")
    found = job.status()

    assert (found["state"], found["errorClass"], found["sqlState"]) == (
        "FAILED",
        "ValueError",
        "42000",
    )
    assert found["error"] == "ValueError: no such day by password=***"


def test_a_success_without_the_promised_result_is_a_failure_that_says_so(api: RunningLibra) -> None:
    job = AnnouncedJob(api, returns=True)
    job.started()
    job.ended()

    assert job.status()["state"] == "FAILED"
    assert "without uploading the expected result" in job.status()["error"]


def test_a_submitter_who_saw_it_end_well_makes_what_was_handed_in_the_result(
    api: RunningLibra,
) -> None:
    """A driver that leaves by os._exit, or while Libra is away, brings no receipt."""
    rows, written, nothing, broken = (AnnouncedJob(api, returns=n == 3) for n in range(4))
    rows.rows(1, 2, attempt=FIRST)
    told = rows.succeeded()
    written.succeeded(WRITTEN)
    nothing.succeeded()
    broken.started()
    broken.succeeded()
    again = [rows.succeeded(WRITTEN), rows.kill()]
    late = rows.ended(state="FAILED", error="too late")

    assert (told.status_code, told.json()["state"]) == (200, "SUCCESS")
    assert rows.result().json()["rows"] == [[1], [2]]
    assert written.result().json() == {"jobId": written.tag, **WRITTEN}
    assert (nothing.status()["state"], nothing.result().json()["value"]) == ("SUCCESS", None)
    assert "without uploading the expected result" in broken.status()["error"]
    assert [each.json()["state"] for each in again] == ["SUCCESS", "SUCCESS"]
    assert late.status_code == 410


def test_of_a_job_that_nobody_announced_nobody_tells_its_end(api: RunningLibra) -> None:
    unknown = api.request("POST", f"/api/v1/jobs/{'0' * 32}/succeeded", json={})

    assert (unknown.status_code, unknown.json()["jobId"]) == (404, "0" * 32)


def test_the_same_again_is_answered_again_and_something_else_is_refused(api: RunningLibra) -> None:
    job = AnnouncedJob(api, returns=True)
    same, other = job.announce(returns=True), job.announce()
    taken = [job.rows(1).status_code, job.rows(1).status_code, job.rows(2).status_code]
    over = [job.ended(), job.ended()]
    late = [job.ended(state="FAILED"), job.started(), job.rows(1), job.rows(2)]

    assert (same.status_code, same.json()) == (200, job.given)
    assert other.status_code == 409
    assert "use a new tag" in other.json()["detail"]
    assert taken == [201, 200, 409]
    assert [(each.status_code, each.json()["state"]) for each in over] == [(200, "SUCCESS")] * 2
    assert [each.status_code for each in late] == [410] * 4
    assert job.result().json()["rows"] == [[1]]


def test_its_submitter_ends_it_and_what_comes_then_comes_too_late(api: RunningLibra) -> None:
    job = AnnouncedJob(api)
    job.started()
    killed, again = job.kill(), job.kill()
    late = job.ended()

    assert (killed.status_code, killed.json()["state"]) == (200, "CANCELLED")
    assert again.json() == killed.json()
    assert (late.status_code, late.headers["Content-Type"]) == (410, "application/problem+json")
    assert job.status()["state"] == "CANCELLED"


def test_who_waits_for_its_end_hears_of_it(api: RunningLibra) -> None:
    job = AnnouncedJob(api)
    headers = {"Prefer": "wait=300"}
    where = f"{api.url}/api/v1/statements/{job.tag}"
    with ThreadPoolExecutor(2) as threads:
        waits = [threads.submit(requests.get, where, headers=headers, timeout=360) for _ in "ab"]
        job.started()
        unfinished = job.status(wait=1)
        job.ended()

    assert unfinished["state"] == "RUNNING"
    assert [each.result().json()["state"] for each in waits] == ["SUCCESS"] * 2


def test_it_is_listed_and_asked_for_as_statements_are(api: RunningLibra) -> None:
    job = AnnouncedJob(api, tags={"run": "r 7"}, session="lab")
    listed = api.get("/api/v1/statements", params={"tag": "run:r 7"}).json()["statements"]
    many = api.post("/api/v1/statements/status", json={"jobIds": [job.tag]}).json()
    log = api.get(f"/api/v1/statements/{job.tag}/log").json()

    assert [each["jobId"] for each in listed] == [job.tag]
    assert many["statements"] == listed
    assert (log["text"], log["complete"]) == ("", False)


def test_the_end_of_a_session_is_none_of_a_job_that_others_run(api: RunningLibra) -> None:
    job = AnnouncedJob(api, session="passing")
    submit(api, "rows 1", WAIT)
    api.post("/api/v1/sessions/passing/statements", json={"code": "rows 1"}, headers=WAIT)
    closed = api.delete("/api/v1/sessions/passing")

    assert closed.status_code == 204
    assert job.status()["state"] == "PENDING"


def test_a_restart_leaves_it_as_it_is_and_its_urls_good(make_libra: MakeLibra) -> None:
    with make_libra() as api:
        job, waiting = AnnouncedJob(api, returns=True), AnnouncedJob(api)
        job.started(driverId="driver-1")
        job.rows(5)
    with make_libra() as api:
        job.moved_to(api)
        waiting.moved_to(api)
        before, still = job.status(), waiting.status()
        again = job.rows(5)
        job.ended()
        waiting.started()
        after = job.status()

        assert (before["state"], still["state"]) == ("RUNNING", "PENDING")
        assert (again.status_code, after["state"]) == (200, "SUCCESS")
        assert job.result().json()["rows"] == [[5]]
        assert waiting.status()["state"] == "RUNNING"


def test_without_a_sign_for_too_long_it_is_lost_and_says_what_to_do(make_libra: MakeLibra) -> None:
    with make_libra() as api:
        silent = AnnouncedJob(api)
        silent.started()
    with make_libra(announced_seconds=0.001) as api:
        silent.moved_to(api)

        assert in_the_end(lambda: silent.status()["state"] == "LOST")
        assert "check the driver at its master" in silent.status()["error"]
        assert silent.ended().status_code == 410


def test_what_is_kept_of_it_goes_with_it(make_libra: MakeLibra, tmp_path: Path) -> None:
    with make_libra() as api:
        job, open_one = AnnouncedJob(api), AnnouncedJob(api)
        for each in (job, open_one):
            each.rows(1)
        job.ended()
    (tmp_path / "incoming" / "left").mkdir()
    with make_libra(retention_seconds=0.001) as api:
        job.moved_to(api)
        open_one.moved_to(api)
        gone = in_the_end(lambda: "state" not in job.status())
        # The row goes first, then the file.
        results = tmp_path / "results"
        kept = in_the_end(lambda: [file.stem for file in results.iterdir()] == [open_one.tag])
        open_one.ended()

        assert gone
        assert kept
        assert not list((tmp_path / "incoming").iterdir())
