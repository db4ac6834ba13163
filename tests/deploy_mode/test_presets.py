from __future__ import annotations

import pytest

from libra_provider.core.decision import Fact, Facts
from libra_provider.core.job import SparkJob
from libra_provider.deploy_mode.decide import decide
from libra_provider.deploy_mode.presets import PRESETS, placed, sized

SQL = SparkJob(kind="sql", code="SELECT 1", pool_name="interactive")
FILE = SparkJob(kind="python-file", application="etl.py")
NEAR = Facts(round_trip=Fact(0.001, "as given"))
FAR = Facts(round_trip=Fact(0.05, "as given"), duration=Fact(3600.0, "as given"))


def sent(job: SparkJob, facts: Facts, preset: str | None = None) -> SparkJob:
    return placed(job, decide(job, facts, preset=preset), preset=preset)


@pytest.mark.parametrize(
    ("preset", "memory", "cores"), [("etl", 2, 2), ("analytics", 4, 4), ("ml", 8, 8)]
)
def test_a_preset_is_the_driver_of_the_documents(preset: str, memory: int, cores: int) -> None:
    assert PRESETS[preset] == {
        "spark.driver.memory": f"{memory}g",
        "spark.driver.cores": str(cores),
    }


def test_a_preset_fills_only_what_the_author_left_open() -> None:
    job = FILE.replace(conf={"spark.driver.memory": "3g"})

    assert sized(job, "ml").conf == {"spark.driver.memory": "3g", "spark.driver.cores": "8"}
    assert sized(job, None) == job


def test_a_shared_driver_has_its_size_and_keeps_the_pool() -> None:
    job = sent(SQL, NEAR, "etl")

    assert (job.mode, job.deploy_mode, job.conf) == ("shared", None, {})
    assert job.pool_name == "interactive"


def test_a_driver_of_its_own_gets_its_size_and_has_no_pool() -> None:
    job = sent(SQL.replace(mode="isolated"), NEAR, "etl")

    assert (job.mode, job.deploy_mode, job.conf) == ("isolated", "client", PRESETS["etl"])
    assert job.pool_name is None


def test_a_driver_beside_a_remote_libra_gets_the_longer_timeouts_unless_its_author_said() -> None:
    said = FILE.replace(conf={"spark.rpc.askTimeout": "30s"})

    assert sent(FILE, FAR).conf == {
        "spark.network.timeout": "600s",
        "spark.rpc.askTimeout": "600s",
    }
    assert sent(said, FAR).conf["spark.rpc.askTimeout"] == "30s"


@pytest.mark.parametrize(
    ("job", "facts"),
    [(FILE, NEAR), (SQL, FAR), (FILE.replace(deploy_mode="cluster"), FAR)],
)
def test_where_no_driver_is_far_away_spark_keeps_its_timeouts(job: SparkJob, facts: Facts) -> None:
    assert sent(job, facts).conf == {}
