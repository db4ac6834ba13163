from __future__ import annotations

from pathlib import Path

import pytest

from libra_provider.server.driver import spark_properties
from libra_provider.server.settings import Settings


def test_the_file_is_for_this_user_only(tmp_path: Path) -> None:
    path = spark_properties.write(Settings(data_dir=tmp_path), tmp_path / "run")

    assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "run").stat().st_mode & 0o077 == 0


def test_settings_win_over_defaults_but_not_over_the_master(tmp_path: Path) -> None:
    spark = {"spark.cores.max": "7", "spark.driver.memory": "2g", "spark.master": "local[9]"}
    settings = Settings(data_dir=tmp_path, master="local[1]", spark=spark)
    values = spark_properties.properties(settings, tmp_path)

    assert (values["spark.cores.max"], values["spark.master"]) == ("7", "local[1]")
    assert values["spark.driver.maxResultSize"] == "512m"
    assert values["spark.scheduler.mode"] == "FAIR"


def test_a_driver_is_on_loopback_only_while_the_api_is(tmp_path: Path) -> None:
    here = spark_properties.properties(Settings(data_dir=tmp_path), tmp_path)
    there = spark_properties.properties(Settings(data_dir=tmp_path, host="::", token="t"), tmp_path)

    assert here["spark.driver.bindAddress"] == "127.0.0.1"
    assert "spark.driver.bindAddress" not in there


def test_a_driver_ends_when_out_of_memory_whatever_java_is_told_besides(tmp_path: Path) -> None:
    spark = {"spark.driver.extraJavaOptions": "-Dmine=1"}
    values = spark_properties.properties(Settings(data_dir=tmp_path, spark=spark), tmp_path)

    assert values["spark.driver.extraJavaOptions"] == "-Dmine=1"
    assert "-XX:+ExitOnOutOfMemoryError" in values["spark.driver.defaultJavaOptions"]


@pytest.mark.parametrize(("most", "each"), [("1", "1"), ("2", "1"), ("16", "4"), ("64", "5")])
def test_an_idle_driver_gives_back_all_but_one_of_several_executors(
    tmp_path: Path, most: str, each: str
) -> None:
    settings = Settings(data_dir=tmp_path, master="spark://m:7077", spark={"spark.cores.max": most})
    values = spark_properties.properties(settings, tmp_path)

    assert values["spark.dynamicAllocation.minExecutors"] == "1"
    assert values["spark.executor.cores"] == each


def test_executors_are_kept_where_settings_say_so_or_none_can_be_given_back(tmp_path: Path) -> None:
    kept = {"spark.dynamicAllocation.enabled": "false"}
    fixed = Settings(data_dir=tmp_path, master="spark://m:7077", spark=kept)
    local = Settings(data_dir=tmp_path, master="local[2]")

    assert "spark.executor.cores" not in spark_properties.properties(fixed, tmp_path)
    assert "spark.dynamicAllocation.enabled" not in spark_properties.properties(local, tmp_path)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a=b", "spark.k=a=b\n"),
        (" x\\y\n", "spark.k=\\ x\\\\y\\n\n"),
        ("é😀", "spark.k=\\u00e9\\ud83d\\ude00\n"),
    ],
)
def test_java_reads_back_what_was_meant(value: str, line: str) -> None:
    assert spark_properties.as_java_properties({"spark.k": value}) == line
