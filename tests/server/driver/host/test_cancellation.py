"""What a kill cancels in a real Spark."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pyspark.sql import SparkSession

from libra_provider.server.driver.host.cancellation import Cancellations

# It has a shuffle, whose stage adaptive execution submits from a separate thread.
ENDLESS = "SELECT count(DISTINCT id) FROM range(1000000000000)"


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = builder.getOrCreate()
    yield session
    session.stop()


def test_a_stage_that_begins_after_its_killed_statement_has_ended_is_cancelled(
    spark: SparkSession,
) -> None:
    kills = Cancellations(spark.sparkContext, late_jobs=60)
    kills.begin("killed")
    kills.kill("killed")
    kills.end("killed")
    with ThreadPoolExecutor(1) as threads:
        late = threads.submit(_run, spark, "killed")
        try:
            problem = late.exception(60)
        finally:
            spark.sparkContext.cancelAllJobs()

    assert "cancelled" in str(problem)


def test_a_kill_after_the_end_of_a_statement_cancels_nothing(spark: SparkSession) -> None:
    kills = Cancellations(spark.sparkContext)
    kills.begin("ended")
    kills.end("ended")
    kills.kill("ended")

    assert not kills.has("ended")


def _run(spark: SparkSession, group: str) -> None:
    spark.sparkContext.setJobGroup(group, group)
    spark.sql(ENDLESS).collect()
