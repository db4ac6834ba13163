from __future__ import annotations

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.core.kinds import DeployMode
from libra_provider.core.properties import spark_conf


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        ({"driver.memory": "1g"}, "properties that start with 'spark.'"),
        ({"spark.driver.memory": "lots"}, "expected a size with a unit"),
        ({"spark.executor.memory": 1024}, "expected a size with a unit"),
        ({"spark.jars": ["a.jar"]}, "a string, a number or a boolean"),
        ({"spark.x": None}, "a string, a number or a boolean"),
        ({"spark.submit.deployMode": "client"}, "this job runs in cluster mode"),
        ({"spark.master": "mesos://m:5050"}, "Mesos was removed in Spark 4"),
        ({"spark.master": "k8s://https://m"}, "Kubernetes is not supported yet"),
        ({"spark.master": "yarn"}, "YARN is not supported yet"),
        ({"spark.master": "local[*]"}, "remove it; the connection defines the master"),
        ({"spark.driver.supervise": True}, "remove it; use the parameter supervise"),
        ({"spark.libra.tag": "mine"}, "it is reserved for Libra"),
        ({"spark.executor.memoryOverhead": 384}, "expected a size with a unit"),
        ({"spark.driver.maxResultSize": "1 bit"}, "expected a size with a unit"),
        ({"spark.driver.cores": 0}, "a whole number of at least 1"),
        ({"spark.executor.cores": "1.5"}, "a whole number of at least 1"),
        ({"spark.cores.max": -1}, "a whole number of at least 1"),
        ({"spark.cores.max": True}, "a whole number of at least 1"),
        ({"spark.x": "a\0b"}, "NUL character"),
    ],
)
def test_a_property_that_cannot_work_is_refused(conf: dict[str, object], sentence: str) -> None:
    (key, value) = next(iter(conf.items()))

    with pytest.raises(BadInput) as caught:
        spark_conf(conf, deploy_mode=DeployMode.CLUSTER)

    assert sentence in str(caught.value)
    assert key in str(caught.value)
    assert caught.value.value is value
    assert ("Missing" if value is None else repr(value)) in str(caught.value)


def test_properties_are_written_as_spark_reads_them() -> None:
    conf = spark_conf(
        {
            "spark.driver.memory": "1.5 GB",
            "spark.driver.maxResultSize": 0,
            "spark.cores.max": 4,
            "spark.eventLog.enabled": True,
            "spark.submit.deployMode": "cluster",
        },
        deploy_mode=DeployMode.CLUSTER,
    )

    assert conf == {
        "spark.driver.memory": "1536m",
        "spark.driver.maxResultSize": "0",
        "spark.cores.max": "4",
        "spark.eventLog.enabled": "true",
        "spark.submit.deployMode": "cluster",
    }


def test_a_repository_with_a_password_is_refused_before_the_drivers_log_shows_it() -> None:
    with pytest.raises(BadInput, match=r"spark\.jars\.ivySettings") as caught:
        spark_conf({"spark.jars.repositories": "https://me:hidden@example.org/m2"})

    assert "hidden" not in str(caught.value)


def test_an_error_names_the_place_where_the_property_stands() -> None:
    with pytest.raises(BadInput, match=r"spark_defaults\['spark.driver.cores'\]='many'"):
        spark_conf({"spark.driver.cores": "many"}, parameter="spark_defaults")


@pytest.mark.parametrize("value", [["hidden"], "hidden\0"])
def test_an_error_does_not_tell_a_secret(value: object) -> None:
    with pytest.raises(BadInput) as caught:
        spark_conf({"spark.hadoop.fs.s3a.secret.key": value})

    assert "hidden" not in str(caught.value)
