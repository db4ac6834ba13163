from __future__ import annotations

import time

from tests.spark.statements import AT_ONCE, ENDLESS, WAIT, Client, SparkPage

# Wide rows, slowly: it is killed while the driver takes them in.
STREAMING = (
    "SELECT id, repeat('x', 2000), reflect('java.lang.Thread', 'sleep', 10L) FROM range(20000)"
)


def test_a_killed_statement_stops_working_on_the_executors(api: Client) -> None:
    for running in (ENDLESS, STREAMING):
        job_id = api.submit(running, AT_ONCE)["jobId"]
        page = SparkPage(api.until(job_id, "RUNNING"))
        _wait_for_work(page, job_id)
        api.kill(job_id)
        ended = api.status(job_id, WAIT)
        _wait_until_idle(page, job_id)

        assert ended["state"] == "CANCELLED"


def test_a_statement_killed_before_its_first_job_has_none_later(api: Client) -> None:
    """Killed while it is planned: its shuffle stage is submitted after the cancellation."""
    killed = [api.submit(ENDLESS, AT_ONCE)["jobId"] for _ in range(5)]
    for job_id in killed:
        api.kill(job_id)
    ended = [api.status(job_id, WAIT) for job_id in killed]
    still = api.submit("SELECT count(*) FROM range(9)", WAIT)
    page = SparkPage(still)
    for job_id in killed:
        _wait_until_idle(page, job_id)

    assert [each["state"] for each in ended] == ["CANCELLED"] * 5
    assert still["state"] == "SUCCESS"


def test_what_is_cancelled_stays_so(api: Client) -> None:
    """Killed at any moment of a short life: it is either over or cancelled, never both."""
    ids = [api.submit("SELECT count(*) FROM range(99)", AT_ONCE)["jobId"] for _ in range(12)]
    for job_id in ids:
        api.kill(job_id)
    first = [api.status(job_id, WAIT)["state"] for job_id in ids]
    api.submit("SELECT 1", WAIT)

    assert set(first) <= {"SUCCESS", "CANCELLED"}
    assert [api.status(job_id)["state"] for job_id in ids] == first


def _wait_for_work(page: SparkPage, group: str) -> None:
    deadline = time.monotonic() + 300
    while not any(each["numActiveTasks"] for each in page.stages(group)):
        assert time.monotonic() < deadline, "it never works"
        time.sleep(0.1)


def _wait_until_idle(page: SparkPage, group: str) -> None:
    deadline = time.monotonic() + 60  # less than what was killed would have taken
    while any(each["numActiveTasks"] for each in page.stages(group)):
        assert time.monotonic() < deadline, "executors work on for a statement that is over"
        time.sleep(0.1)
