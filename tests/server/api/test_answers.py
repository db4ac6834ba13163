"""What the new door answers, beside states and kills: rows, estimates, filters, queues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra

PATH = "/api/v1/sessions/default/statements"
ARROW = "application/vnd.apache.arrow.stream"
WRITTEN = "s3a://bucket/flights"


@pytest.fixture(scope="module")
def api(shared_api: RunningLibra) -> RunningLibra:
    return shared_api


def submit(api: RunningLibra, code: str, prefer: str = "wait=300", **body: Any) -> dict[str, Any]:
    reply = api.post(PATH, json={"code": code, **body}, headers={"Prefer": prefer})
    assert reply.status_code in (200, 202), reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def listed(api: RunningLibra, query: str) -> list[str]:
    reply = api.get(f"/api/v1/statements?{query}")
    assert reply.status_code == 200, reply.text
    return [each["jobId"] for each in reply.json()["statements"]]


def test_a_small_result_comes_with_the_answer_where_it_is_asked_for(api: RunningLibra) -> None:
    prefer = {"Prefer": "wait=300, return=representation"}
    reply = api.post(PATH, json={"code": "rows 2"}, headers=prefer)
    again = api.get(reply.headers["Location"], headers=prefer)

    assert reply.headers["Preference-Applied"] == "wait=300, return=representation"
    assert reply.json()["result"]["rows"] == [[0], [1]]
    assert reply.json()["result"] == api.get(reply.headers["Location"] + "/result").json()
    assert again.json() == reply.json()


@pytest.mark.parametrize(
    ("code", "body"), [("rows 1001", {}), ("fail", {}), ("rows 2", {"resultPath": WRITTEN})]
)
def test_what_is_large_elsewhere_or_not_there_does_not(
    api: RunningLibra, code: str, body: dict[str, Any]
) -> None:
    assert submit(api, code, "wait=300, return=representation", **body)["result"] is None


def test_libra_says_which_wait_it_follows(api: RunningLibra) -> None:
    job_id = submit(api, "rows 1")["jobId"]
    reply = api.get(f"/api/v1/statements/{job_id}", headers={"Prefer": "wait=86400"})

    assert reply.headers["Preference-Applied"] == "wait=600"


def test_written_rows_are_named_not_sent(api: RunningLibra) -> None:
    statement = submit(api, "rows 5", resultPath=WRITTEN)
    result = api.get(f"/api/v1/statements/{statement['jobId']}/result")
    as_arrow = api.get(f"/api/v1/statements/{statement['jobId']}/result", headers={"Accept": ARROW})

    assert statement["resultUri"] == WRITTEN
    assert result.json() == {
        "jobId": statement["jobId"],
        "uri": WRITTEN,
        "rowCount": 5,
        "bytes": 40,
        "schema": result.json()["schema"],
    }
    assert result.json()["schema"]["fields"][0]["name"] == "n"
    assert as_arrow.status_code == 406
    assert WRITTEN in as_arrow.json()["detail"]


def test_arrow_is_the_whole_file_whatever_range_is_asked_for(api: RunningLibra) -> None:
    job_id = submit(api, "rows 5")["jobId"]
    reply = api.get(
        f"/api/v1/statements/{job_id}/result", headers={"Accept": ARROW, "Range": "bytes=0-3"}
    )

    assert (reply.status_code, reply.headers["Content-Type"]) == (200, ARROW)
    assert pa.ipc.open_stream(reply.content).read_all().num_rows == 5


def test_a_form_that_is_not_offered_is_406(api: RunningLibra) -> None:
    job_id = submit(api, "rows 5")["jobId"]
    reply = api.get(f"/api/v1/statements/{job_id}/result", headers={"Accept": "text/csv"})

    assert reply.status_code == 406
    assert ARROW in reply.json()["detail"]


def test_rows_that_are_gone_from_the_disk_are_409(make_libra: MakeLibra, tmp_path: Path) -> None:
    with make_libra() as api:
        job_id = submit(api, "rows 5")["jobId"]
        (tmp_path / "results" / f"{job_id}.arrow").unlink()

        for accept in ("application/json", ARROW):
            reply = api.get(f"/api/v1/statements/{job_id}/result", headers={"Accept": accept})

            assert (reply.status_code, reply.json()["jobId"]) == (409, job_id)
            assert "run it again" in reply.json()["detail"]


@pytest.mark.parametrize("query", ["limit=0", "limit=10001", "offset=-1", f"offset={2**64}"])
def test_a_page_has_its_limits(api: RunningLibra, query: str) -> None:
    job_id = submit(api, "rows 5")["jobId"]

    assert api.get(f"/api/v1/statements/{job_id}/result?{query}").status_code == 400


def test_the_list_filters_by_all_that_is_asked_for(api: RunningLibra) -> None:
    one = submit(api, "rows 1", tags={"dag": "a:b", "task": "x"}, pool="interactive")["jobId"]
    two = submit(api, "rows 1", tags={"dag": "a:b", "task": "y"})["jobId"]
    submit(api, "rows 1")

    assert listed(api, "tag=dag:a:b") == [two, one]
    assert listed(api, "tag=dag:a:b&tag=task:x") == [one]
    assert listed(api, "pool=interactive&state=SUCCESS&kind=sql&session=default") == [one]
    assert listed(api, "tag=dag:a:b&limit=1&offset=1") == [one]
    assert listed(api, "tag=dag:other") == []


def test_a_statement_is_found_by_its_key(api: RunningLibra) -> None:
    headers = {"Idempotency-Key": "tag-1", "Prefer": "wait=300"}
    job_id = api.post(PATH, json={"code": "rows 1"}, headers=headers).json()["jobId"]

    assert listed(api, "key=tag-1") == [job_id]


@pytest.mark.parametrize(
    "query",
    [
        *("state=OVER", "kind=cobol", "pool=nope", "session=a%20b", "tag=dag", "limit=1001"),
        *("tag=%00:a", "key=%00", "pool=%00", f"offset={2**64}", "session=%00"),
    ],
)
def test_a_filter_that_cannot_match_is_named(api: RunningLibra, query: str) -> None:
    reply = api.get(f"/api/v1/statements?{query}")

    assert reply.status_code == 400
    assert query.partition("=")[0] in reply.json()["detail"]


@pytest.mark.parametrize("job_id", ["%00", "a%20b", "%ED%A0%80", "x" * 65, "..", "status"])
def test_an_id_that_cannot_be_is_unknown(api: RunningLibra, job_id: str) -> None:
    assert api.get(f"/api/v1/statements/{job_id}").status_code == 404


def test_ids_that_cannot_be_are_unknown_beside_others(api: RunningLibra) -> None:
    job_id = submit(api, "rows 1")["jobId"]
    reply = api.post("/api/v1/statements/status", json={"jobIds": ["\0", job_id, "nope"]})

    assert [each["jobId"] for each in reply.json()["statements"]] == [job_id]
    assert reply.json()["unknown"] == ["\0", "nope"]


def test_an_estimate_is_in_bytes_and_in_words(api: RunningLibra) -> None:
    code = "x" * 2048
    reply = api.post("/api/v1/statements/estimate", json={"code": code})

    assert reply.json() == {"bytes": 2048, "rows": None, "guessed": False, "readable": "2 KiB"}


def test_an_estimate_needs_a_query(api: RunningLibra) -> None:
    assert api.post("/api/v1/statements/estimate", json={"code": ""}).status_code == 400


def test_pools_say_who_waits_and_runs(make_libra: MakeLibra) -> None:
    with make_libra(max_running=1) as api:
        api.ready()
        submit(api, "hang", "respond-async")
        for _ in range(2):
            submit(api, "hang", "respond-async", pool="interactive")
        pools = {each["name"]: each for each in api.get("/api/v1/pools").json()}
        metrics = api.get("/metrics")

        assert (pools["default"]["running"], pools["default"]["waiting"]) == (1, 0)
        assert (pools["interactive"]["running"], pools["interactive"]["waiting"]) == (0, 2)
        assert pools["interactive"]["oldestWaitingSeconds"] > 0
        assert (pools["high-priority"]["weight"], pools["high-priority"]["minShare"]) == (3, 4)
        assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert 'libra_statements_waiting{pool="interactive"} 2\n' in metrics.text
        assert "libra_driver_up 1\n" in metrics.text
