from __future__ import annotations

from tests.spark.statements import AT_ONCE, ENDLESS, WAIT, Client, SparkPage

COUNT = "SELECT count(*) FROM range(9)"
# A hundred tasks and more: two cores are busy with it for long.
LONG = (
    "SELECT /*+ REPARTITION(400) */ count(sqrt(id)) AS n FROM range(0, 4000000000, 1, 400)"
    " WHERE sqrt(id) > 5"
)


def test_neither_pool_nor_group_reaches_the_next_statement(api: Client) -> None:
    """A thread is used again; a killed group would cancel whatever inherits it."""
    killed = api.submit(ENDLESS, AT_ONCE, pool="low-priority")["jobId"]
    SparkPage(api.until(killed, "RUNNING")).wait_for_work()
    api.kill(killed)
    ended = api.status(killed, WAIT)
    before = {each["jobId"] for each in SparkPage(ended).jobs(killed)}
    later = [api.submit(COUNT, WAIT, pool=pool) for pool in ("interactive", None, "high-priority")]
    page = SparkPage(later[0])

    assert [each["state"] for each in later] == ["SUCCESS"] * 3
    assert [page.pools(each["jobId"]) for each in later] == [
        {"interactive"},
        {"default"},
        {"high-priority"},
    ]
    assert {each["jobId"] for each in page.jobs(killed)} == before


def test_a_short_interactive_statement_overtakes_a_long_one(api: Client) -> None:
    long = api.submit(LONG, AT_ONCE, pool="low-priority")["jobId"]
    api.until(long, "RUNNING")
    short = api.submit(COUNT, WAIT, pool="interactive")
    state = api.status(long)["state"]
    api.kill(long)

    assert short["state"] == "SUCCESS"
    assert state == "RUNNING"
