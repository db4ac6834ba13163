"""Results above the size at which Libra stops to gather them in one task."""

from __future__ import annotations

from tests.spark.statements import WAIT, Client, SparkPage

MANY = 200_000


def test_rows_of_many_tasks_keep_their_order(api: Client) -> None:
    """They end in any order: the first one has the most to do."""
    work = f"sha2(repeat('x', IF(id < {MANY} / 8, 500, 1)), 256)"
    sql = f"SELECT id FROM range(0, {MANY}, 1, 8) WHERE {work} <> ''"
    body = api.submit(sql, WAIT, resultLimit=MANY)
    ids = api.arrow(body["jobId"]).read_all()["id"].to_pylist()

    assert body["rowCount"] == MANY
    assert ids == list(range(MANY))


def test_no_row_of_many_tasks_is_as_good_as_none_of_one(api: Client) -> None:
    body = api.submit(
        f"SELECT id FROM range(0, {MANY}, 1, 8) WHERE id < 0", WAIT, resultLimit=MANY - 1
    )

    assert (body["state"], body["rowCount"]) == ("SUCCESS", 0)
    assert api.arrow(body["jobId"]).read_all().schema.names == ["id"]


def test_more_rows_than_wanted_end_the_job_before_its_last_task(api: Client) -> None:
    """A result that is too large must not keep the executors busy with rows that are dropped."""
    body = api.submit("SELECT id FROM range(0, 100000000, 1, 400)", WAIT, resultLimit=MANY)
    stages = SparkPage(body).stages(body["jobId"])

    assert body["errorClass"] == "LIBRA_RESULT_TOO_LARGE"
    assert f"more than resultLimit={MANY} rows" in body["error"]
    assert body["rowCount"] > MANY
    assert body["resultBytes"] is None
    assert sum(each["numCompleteTasks"] for each in stages) < 100


def test_bytes_of_many_tasks_are_counted_together(api: Client) -> None:
    """Each of them would fit alone."""
    wide = f"SELECT id, repeat('x', 500) AS x FROM range(0, {MANY}, 1, 8)"
    body = api.submit(wide, WAIT, resultLimit=MANY)

    assert body["errorClass"] == "LIBRA_RESULT_TOO_LARGE"
    assert "64 MiB" in body["error"]
    assert 64 * 2**20 < body["resultBytes"] < 200 * 2**20


def test_an_error_of_one_of_many_tasks_is_told(api: Client) -> None:
    failing = f"SELECT id, 1 / IF(id = {MANY - 1}, 0, 1) AS x FROM range(0, {MANY}, 1, 8)"
    body = api.submit(failing, WAIT, resultLimit=MANY)

    assert (body["state"], body["errorClass"]) == ("FAILED", "DIVIDE_BY_ZERO")


def test_no_column_is_computed_twice_for_the_sake_of_its_size(api: Client) -> None:
    """What is slow in a query is what the query calls in its columns."""
    code = f"SELECT concat('once-and-only-once-', id) AS name FROM range(0, {MANY}, 1, 8)"
    body = api.submit(code, WAIT, resultLimit=MANY)
    plan = SparkPage(body).plan(body["jobId"])

    assert body["state"] == "SUCCESS"
    assert plan.count("once-and-only-once-") == 1, plan
