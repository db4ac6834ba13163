"""What Libra accepts as the announcement of a job that others start, and returns for it."""

from __future__ import annotations

import hashlib

import pytest
import requests

from tests.server.announcing import AnnouncedJob
from tests.server.api.test_statements import WAIT, submit
from tests.server.running import RunningLibra


def test_the_tag_of_a_statement_announces_no_job(api: RunningLibra) -> None:
    job_id = submit(api, "rows 1", WAIT)["jobId"]
    reply = api.request("PUT", f"/api/v1/jobs/{job_id}", json={"kind": "sql"})

    assert reply.status_code == 409


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "cobol"}, "Invalid kind: "),
        ({"resultLimit": 0}, "resultLimit"),
        ({"resultPath": "out"}, "resultPath='out'"),
        ({"resultPath": "s3a://me:secret@b/t"}, "credentials"),
        ({"artifacts": [{"sha256": "x", "name": "a.py"}]}, "sha256"),
        ({"retries": 3}, "retries"),
    ],
    ids=str,
)
def test_an_announcement_that_cannot_work_is_refused(
    api: RunningLibra, body: dict[str, object], words: str
) -> None:
    reply = AnnouncedJob(api, **body).reply

    assert reply.status_code == 400
    assert words in reply.json()["detail"]
    assert "secret" not in reply.text


@pytest.mark.parametrize("tag", ["x", "A" * 32, "0" * 31, "0" * 33])
def test_a_tag_is_what_is_minted_for_one(api: RunningLibra, tag: str) -> None:
    assert api.request("PUT", f"/api/v1/jobs/{tag}", json={"kind": "sql"}).status_code == 400


def test_no_other_job_is_reached_by_a_signed_path(api: RunningLibra) -> None:
    one, other = AnnouncedJob(api), AnnouncedJob(api)
    for name in ("resultUrl", "reportUrl"):
        one.given[name] = one.given[name].replace(one.tag, other.tag)
    answers = [one.started(), one.rows(1)]

    assert [each.status_code for each in answers] == [403, 403]
    assert other.status()["state"] == "PENDING"


def test_an_artifact_that_is_not_there_is_named_and_one_that_is_gets_its_url(
    api: RunningLibra,
) -> None:
    content = b"print(1)"
    sha256 = hashlib.sha256(content).hexdigest()
    file = {"sha256": sha256, "name": "a b.py"}
    absent = AnnouncedJob(api, artifacts=[file]).reply
    api.request("PUT", f"/api/v1/artifacts/{sha256}/a b.py", data=content)
    job = AnnouncedJob(api, artifacts=[file])

    assert absent.status_code == 409
    assert f"artifact:{sha256}/a b.py" in absent.json()["detail"]
    assert [(each["sha256"], each["name"]) for each in job.given["artifacts"]] == [
        (sha256, "a b.py")
    ]
    assert requests.get(job.given["artifacts"][0]["url"], timeout=60).content == content
