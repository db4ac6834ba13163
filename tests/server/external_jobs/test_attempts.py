"""Of several starts, uploads and ends of one job at Libra, one counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.server.announcing import ARROW, FIRST, SECOND, THIRD, AnnouncedJob, stream
from tests.server.running import RunningLibra
from tests.server.test_retention import in_the_end


def test_a_supervised_driver_begins_anew_and_its_failures_are_no_end(api: RunningLibra) -> None:
    job = AnnouncedJob(api, supervised=True)
    job.started(FIRST)
    job.rows(1, attempt=FIRST)
    failed = job.ended(FIRST, "FAILED", error="OSError: gone")
    job.started(SECOND)
    stale = [job.rows(9, attempt=FIRST), job.ended(FIRST), job.started(FIRST, host="w9")]
    job.rows(2, attempt=SECOND)
    job.ended(SECOND)

    assert (failed.status_code, failed.json()["state"]) == (200, "RUNNING")
    assert [each.status_code for each in stale] == [409] * 3
    assert "was restarted; this start is over" in stale[0].json()["detail"]
    assert job.result().json()["rows"] == [[2]]


def test_a_result_of_an_earlier_start_is_none_of_the_last(api: RunningLibra) -> None:
    job = AnnouncedJob(api, supervised=True, returns=True)
    job.rows(1, attempt=FIRST)
    job.ended(SECOND)

    assert job.status()["state"] == "FAILED"


def test_a_start_during_the_upload_of_an_earlier_one_wins(api: RunningLibra) -> None:
    """The hand-in does not say whose it is: it is of the start that was the present one."""
    job = AnnouncedJob(api, supervised=True)
    job.started(FIRST)
    body, has_begun, may_end = stream([1]), threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield body[:40]
        has_begun.set()
        may_end.wait(300)
        yield body[40:]

    with ThreadPoolExecutor(1) as threads:
        old = threads.submit(
            requests.put, job.result_url, data=slowly(), headers={"Content-Type": ARROW}
        )
        has_begun.wait(300)
        # The head has arrived with the first piece; who is the present one is asked at once.
        assert in_the_end(lambda: bool(list(api.folder.glob("incoming/*/body"))))
        job.started(SECOND)
        may_end.set()
        reply = old.result()

    assert reply.status_code == 409
    assert job.rows(2, attempt=SECOND).status_code == 201


def test_of_two_drivers_with_one_tag_the_older_one_counts(api: RunningLibra) -> None:
    """As for the submitter, who ends the other."""
    job = AnnouncedJob(api)
    job.started(FIRST, driverId="driver-20261120120000-0002")
    younger = job.started(SECOND, driverId="driver-20261120120000-0003")
    older = job.started(THIRD, driverId="driver-20261120120000-0001")
    killed = job.ended(FIRST, "FAILED")

    assert (younger.status_code, older.status_code, killed.status_code) == (409, 200, 409)
    assert "runs on driver-20261120120000-0002 already" in younger.json()["detail"]
    assert job.status()["driver"]["driverId"] == "driver-20261120120000-0001"


@pytest.mark.parametrize("_round", range(5))
def test_of_many_uploads_at_once_one_counts(api: RunningLibra, _round: int) -> None:
    job = AnnouncedJob(api)
    job.started()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: (n, _apart(job, n).status_code), range(8)))
    job.ended()
    (winner,) = [n for n, status in answers if status == 201]

    assert sorted(status for _, status in answers) == [201] + [409] * 7
    assert job.result().json()["rows"] == [[winner]]


def _apart(job: AnnouncedJob, number: int) -> requests.Response:
    """An upload over a separate connection."""
    headers = {"Content-Type": ARROW}
    return requests.put(job.result_url, data=stream([number]), headers=headers, timeout=60)


@pytest.mark.parametrize("_round", range(5))
def test_of_a_receipt_and_a_kill_at_once_one_counts(api: RunningLibra, _round: int) -> None:
    job = AnnouncedJob(api)
    job.started()
    receipt = {"version": 1, "event": "ended", "attempt": FIRST, "state": "SUCCESS"}
    both: list[Callable[[], requests.Response]] = [
        lambda: requests.post(job.given["reportUrl"], json=receipt, timeout=60),
        lambda: requests.delete(f"{api.url}/api/v1/statements/{job.tag}", timeout=60),
    ]
    with ThreadPoolExecutor(2) as threads:
        reported, killed = threads.map(lambda act: act(), both)
    state = job.status()["state"]

    assert killed.json()["state"] == state
    assert (reported.status_code, state) in ((200, "SUCCESS"), (410, "CANCELLED"))
