from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.spark.statements import AT_ONCE, WAIT, Client

# Each task takes its time, whatever the machine.
SLOW = "SELECT count(nap) FROM (SELECT reflect('java.lang.Thread', 'sleep', {}L) AS nap FROM {})"


def test_a_statement_that_takes_longer_tells_how_far_it_is(api: Client) -> None:
    job_id = api.submit(SLOW.format(500, "range(0, 16, 1, 16)"), AT_ONCE)["jobId"]
    seen = _progress_until_the_end(api, job_id)
    ended = api.status(job_id)

    assert ended["state"] == "SUCCESS"
    assert any(0 < each["tasksDone"] < 16 for each in seen)
    assert [each["tasksDone"] for each in seen] == sorted(each["tasksDone"] for each in seen)
    assert ended["progress"]["tasksDone"] == ended["progress"]["tasksTotal"] >= 16
    assert ended["progress"]["stagesDone"] == ended["progress"]["stagesTotal"]


def test_what_is_read_is_told_in_rows_and_bytes(api: Client, tmp_path: Path) -> None:
    api.submit("SELECT id FROM range(5000)", WAIT, resultPath=str(tmp_path / "in"))
    slow = SLOW.format(1, f"parquet.`{tmp_path}/in`")
    ended = api.submit(slow, WAIT)

    assert ended["progress"]["rowsRead"] == 5000
    assert ended["progress"]["bytesRead"] > 0


def test_an_estimate_runs_nothing(api: Client) -> None:
    api.submit("CREATE TABLE estimated USING parquet AS SELECT id FROM range(1000)", WAIT)
    guessed = api.estimate("SELECT * FROM estimated WHERE id > 5")
    refused = api.estimate("INSERT INTO estimated SELECT 1")
    ranged = api.estimate("SELECT id FROM range(1000)")
    api.submit("ANALYZE TABLE estimated COMPUTE STATISTICS", WAIT)
    known = api.estimate("SELECT * FROM estimated")
    count = api.submit("SELECT count(*) AS n FROM estimated", WAIT)

    assert api.rows(count["jobId"])["rows"] == [[1000]]
    assert (ranged["bytes"], ranged["rows"]) == (8000, 1000)
    assert (guessed["guessed"], known["guessed"]) == (True, False)
    assert guessed["bytes"] > 0
    assert refused["detail"].count(": only a query can be estimated") == 1


def _progress_until_the_end(api: Client, job_id: str) -> list[dict[str, Any]]:
    seen = []
    deadline = time.monotonic() + 300
    while (body := api.status(job_id))["state"] in ("PENDING", "RUNNING"):
        assert time.monotonic() < deadline, body
        if body["progress"]:
            seen.append(body["progress"])
        time.sleep(0.2)
    return seen
