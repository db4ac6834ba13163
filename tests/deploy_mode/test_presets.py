from __future__ import annotations

import pytest

from libra_provider.core.decision import Fact, Facts
from libra_provider.core.job import SparkJob
from libra_provider.deploy_mode.decide import decide
from libra_provider.deploy_mode.presets import PRESETS, defaults_of, sized

SQL = SparkJob(kind="sql", code="SELECT 1")
FILE = SparkJob(kind="python-file", application="etl.py")
NEAR = Facts(round_trip=Fact(0.001, "as given"))
FAR = Facts(round_trip=Fact(0.05, "as given"), duration=Fact(3600.0, "as given"))


def added(job: SparkJob, facts: Facts, preset: str | None = None) -> dict[str, str]:
    return defaults_of(decide(job, facts, preset=preset), preset)


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


def test_the_shared_driver_has_its_size_already() -> None:
    assert added(SQL, NEAR, "etl") == {}


def test_a_driver_of_its_own_gets_the_size_of_its_preset() -> None:
    assert added(SQL.replace(mode="isolated"), NEAR, "etl") == PRESETS["etl"]
    assert added(SQL, FAR, "etl") == {}
    assert added(SQL.replace(deploy_mode="cluster"), FAR, "etl") == PRESETS["etl"]


def test_a_driver_beside_a_remote_libra_gets_the_longer_timeouts() -> None:
    assert added(FILE, FAR) == {
        "spark.network.timeout": "600s",
        "spark.rpc.askTimeout": "600s",
    }


@pytest.mark.parametrize(
    ("job", "facts"),
    [(FILE, NEAR), (SQL, FAR), (FILE.replace(deploy_mode="cluster"), FAR)],
)
def test_where_no_driver_is_far_away_spark_keeps_its_timeouts(job: SparkJob, facts: Facts) -> None:
    assert added(job, facts) == {}
