from __future__ import annotations

from typing import Any

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.limits import ResourceLimits


def completed(caps: dict[str, Any], **fields: Any) -> SparkJob:
    job = SparkJob.from_application("etl.py", **fields)
    return ResourceLimits(owner="connection spark_prod", **caps).complete(job)


def test_a_default_is_what_a_job_leaves_open() -> None:
    defaults = {"spark.cores.max": "4", "spark.eventLog.enabled": "true"}
    job = completed({"defaults": defaults}, conf={"spark.cores.max": "8"})

    assert job.conf == {"spark.cores.max": "8", "spark.eventLog.enabled": "true"}


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("spark.app.name", {"name": "etl"}),
        ("spark.jars", {"jars": ["a.jar"]}),
        ("spark.driver.timeout", {"driver_timeout": 60.0}),
    ],
)
def test_a_parameter_of_the_job_beats_a_default(key: str, fields: dict[str, Any]) -> None:
    job = completed({"defaults": {key: "of the connection"}}, **fields)

    assert key not in job.conf


def test_a_job_that_asks_for_no_number_of_cores_gets_the_most_it_may_have() -> None:
    assert completed({"max_cores": 8}).conf == {"spark.cores.max": "8"}


def test_where_less_than_sparks_default_is_allowed_the_job_gets_it() -> None:
    assert completed({"max_memory": "512m"}).conf == {
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
    }


@pytest.mark.parametrize(
    ("caps", "conf"),
    [
        ({"max_cores": 4}, {"spark.cores.max": "5"}),
        ({"max_cores": "4"}, {"spark.driver.cores": "5"}),
        ({"max_memory": "2 GB"}, {"spark.driver.memory": "2049m"}),
        ({"max_memory": "2g"}, {"spark.executor.memory": "1t"}),
        ({"max_cores": 4, "defaults": {"spark.cores.max": "5"}}, {}),
    ],
)
def test_who_asks_for_more_is_told_which_connection_forbids_it(
    caps: dict[str, Any], conf: dict[str, str]
) -> None:
    with pytest.raises(BadInput, match="connection spark_prod allows at most max_"):
        completed(caps, conf=conf)


@pytest.mark.parametrize("conf", [{"spark.cores.max": "4"}, {"spark.executor.memory": "2g"}])
def test_the_limit_itself_is_allowed_and_completing_twice_changes_nothing(
    conf: dict[str, str],
) -> None:
    caps = ResourceLimits(owner="c", max_cores=4, max_memory="2g")
    once = caps.complete(SparkJob.from_application("etl.py", conf=conf))

    assert caps.complete(once) == once


@pytest.mark.parametrize(
    "caps", [{"max_cores": 0}, {"max_cores": "many"}, {"max_memory": "8"}, {"max_cores": True}]
)
def test_a_limit_that_is_none_is_refused(caps: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        ResourceLimits(owner="c", **caps)
