"""LibraHook and LibraStatementOperator at a real Libra: what goes in comes out as it was."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.serde import deserialize

from libra_provider.cluster.libra import LocalLibra
from libra_provider.core.errors import BadInput, JobFailed
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.kinds import Kind
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks import LibraHook
from libra_provider.operators import LibraStatementOperator
from tests.fakes.task_runner import TaskRunner

VALUES: dict[str, Any] = {
    "price": Decimal("1.50"),
    "whole": Decimal("-12E3"),
    "day": date(2013, 1, 31),
    "moment": datetime(2013, 1, 31, 8, 30, 0, 5, tzinfo=UTC),
    "local": datetime.fromisoformat("2013-01-31T08:30:00"),
    "span": -timedelta(days=1, seconds=7, microseconds=5),
    "key": b"\x00\xff",
    "days": [date(2013, 1, 31), None],
    "both": {"n": 1, "price": Decimal("0.001")},
    "name": "Zürich",
    "n": 2**40,
    "none": None,
}
TYPES = """
SELECT CAST('0.100000000000000001' AS DECIMAL(38,18)) AS exact,
  map(DATE'2013-01-31', X'01') AS keyed, INTERVAL '1-2' YEAR TO MONTH AS months,
  DOUBLE('-Infinity') AS low, DATE'12013-01-31' AS far, parse_json('{"a": 1}') AS loose
"""


@pytest.fixture
def hook(libra: LocalLibra) -> Iterator[LibraHook]:
    os.environ["AIRFLOW_CONN_LIBRA_DEFAULT"] = json.dumps(libra.connection())
    found = LibraHook()
    yield found
    found.close()


def ended(hook: LibraHook, sql: str, **fields: Any) -> JobStatus:
    """How the statement ended."""
    status = hook.submit(SparkJob(kind=Kind.SQL, code=sql, **fields), new_tag())
    while not status.state.is_terminal:
        status = hook.status(status.job_id, wait=30)
    return status


def test_parameters_come_back_as_they_were(hook: LibraHook) -> None:
    sql = "SELECT " + ", ".join(f":{name} AS {name}" for name in VALUES)
    status = ended(hook, sql, parameters=VALUES)

    assert status.detail == ""
    assert hook.result(status.job_id) == [VALUES]


def test_a_statement_is_run_to_its_rows_however_many(hook: LibraHook) -> None:
    sql = "SELECT id, CAST(id AS DECIMAL(9, 2)) AS price FROM range(:rows)"
    many = SparkJob(kind=Kind.SQL, code=sql, parameters={"rows": 2500}, result_limit=2500)

    assert hook.run(sql, {"rows": 1}) == [{"id": 0, "price": Decimal("0.00")}]
    assert sorted(row["id"] for row in hook.run(many)) == list(range(2500))
    with pytest.raises(JobFailed, match="DIVIDE_BY_ZERO"):
        hook.run("SELECT 1 / 0")


def test_types_that_json_does_not_have_arrive_exactly(hook: LibraHook) -> None:
    assert hook.result(ended(hook, TYPES).job_id) == [
        {
            "exact": Decimal("0.100000000000000001"),
            "keyed": {date(2013, 1, 31): b"\x01"},
            "months": "P1Y2M",
            "low": float("-inf"),
            "far": "+12013-01-31",  # Python has no such year
            "loose": '{"a":1}',
        }
    ]


def test_a_table_and_a_frame_hold_every_row(hook: LibraHook) -> None:
    job_id = ended(hook, "SELECT id, id / 2 AS half FROM range(5000)", result_limit=5000).job_id

    async def of_a_loop() -> int:
        other = LibraHook()
        try:
            rows: int = (await other.aarrow(job_id)).num_rows
            return rows
        finally:
            await other.aclose()

    assert hook.arrow(job_id).num_rows == len(hook.pandas(job_id)) == asyncio.run(of_a_loop())
    assert len(hook.result(job_id)) == 5000


def test_what_pandas_cannot_hold_is_said(hook: LibraHook) -> None:
    job_id = ended(hook, TYPES).job_id

    with pytest.raises(BadInput, match="read them as Arrow"):
        hook.pandas(job_id)


def test_what_was_written_wrong_is_known_from_sparks_sqlstate(hook: LibraHook) -> None:
    wrong = [ended(hook, sql) for sql in ("SELEC 1", "SELECT none_such FROM range(1)")]
    too_many = ended(hook, "SELECT * FROM range(2000)")
    missing = ended(hook, "SELECT * FROM none_such")

    assert all(each.would_fail_again for each in [*wrong, too_many])
    assert (missing.state, missing.would_fail_again) == (JobState.FAILED, False)


def test_a_statement_is_found_by_its_tag_and_its_query_estimated(hook: LibraHook) -> None:
    name = new_tag()
    job_id = ended(hook, "SELECT 1", origin={"dag_id": name}).job_id

    assert [each.status.job_id for each in hook.statements(tag=("dag_id", name))] == [job_id]
    assert hook.estimate("SELECT * FROM range(100)").bytes == 800
    states = [each.state for each in hook.statuses(["nobody", job_id])]
    assert states == [JobState.LOST, JobState.SUCCEEDED]


def test_a_running_statement_says_how_far_it_is_and_can_be_stopped(hook: LibraHook) -> None:
    sql = "SELECT sum(hash(a.id, b.id)) FROM range(0, 1000000, 1, 40) a, range(100000) b"
    status = hook.submit(SparkJob(kind=Kind.SQL, code=sql, timeout=60.0), new_tag())
    while not (status.progress and status.progress.tasks_total >= 40):
        assert not status.state.is_terminal
        status = hook.status(status.job_id, wait=1)
    hook.kill(status.job_id)

    assert status.progress.tasks_done <= status.progress.tasks_total
    assert hook.status(status.job_id, wait=300).state is JobState.KILLED


def returned(**fields: Any) -> Any:
    """What a task with these *fields* leaves in XCom."""
    runner = TaskRunner()
    ended = runner.run(LibraStatementOperator(task_id="top", poll_interval=0.2, **fields))

    assert ended.state == "success"
    return runner.xcoms["return_value"]


@pytest.mark.usefixtures("hook")
def test_a_task_returns_what_it_was_asked_for() -> None:
    sql = "-- {{ 40 + 2 }}\nSELECT CAST(:least AS STRING) AS least; -- with a semicolon\n"
    asked = {"sql": sql, "parameters": {"least": Decimal("1.50")}}

    assert returned(**asked) == [{"least": "1.50"}]
    assert returned(**asked, fetch="one") == {"least": "1.50"}
    assert returned(**asked, fetch="value") == "1.50"
    frame: Any = deserialize(returned(**asked, fetch="pandas"))
    assert frame.to_dict("list") == {"least": ["1.50"]}


@pytest.mark.usefixtures("hook")
def test_a_task_says_where_its_rows_were_written(tmp_path: Path) -> None:
    folder = tmp_path / "written"
    written = returned(sql="SELECT * FROM range(9)", result_path=str(folder))

    assert (written["uri"], written["rows"]) == (f"file:{folder}", 9)
    assert written["bytes"] == sum(each.stat().st_size for each in folder.glob("*.parquet"))
    assert written["schema"]["fields"][0]["type"] == "long"
