"""Python and JARs that LibraOperator runs in every place that can take them, for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from libra_provider.cluster.airflow import LocalAirflow
from tests.spark.jars import compiled

pytestmark = pytest.mark.slow  # a driver for each of most tasks; test_decided has one of each place
DAG = "kinds"
OWN = ("client", "cluster")
PLACES = ("shared", *OWN)
WRITES = """
import org.apache.spark.sql.SparkSession;
public class Writes {
  public static void main(String[] args) {
    SparkSession spark = SparkSession.builder().getOrCreate();
    spark.range(1).selectExpr("'" + args[1] + "' AS said").write().text(args[0]);
    System.out.println("written to " + args[0]);
  }
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the JARs write, and where theirs lies."""
    return tmp_path_factory.mktemp("kinds")


@pytest.fixture(scope="module")
def run_id(airflow: LocalAirflow, folder: Path) -> str:
    jar = folder / "writes.jar"
    compiled(jar, {"Writes.java": WRITES})
    airflow.api.wait_for_dag(DAG)
    airflow.api.unpause(DAG)
    run_id = airflow.api.trigger(DAG, {"jar": str(jar), "folder": str(folder)})
    airflow.api.wait_for_run(DAG, run_id, within=900)
    found = airflow.api.task_instances(DAG, run_id)
    failed = [each["task_id"] for each in found if each["state"] != "success"]
    logs = [airflow.api.log(DAG, run_id, each) for each in failed]

    assert (failed, logs) == ([], [])
    return run_id


@pytest.mark.parametrize("place", PLACES)
def test_the_last_line_of_python_is_the_result(
    airflow: LocalAirflow, run_id: str, place: str
) -> None:
    assert airflow.api.xcom(DAG, run_id, f"value_{place}") == [7, "ein Wort", run_id]


@pytest.mark.parametrize("place", PLACES)
def test_the_text_of_a_file_of_python_is_sent_as_it_is_and_its_output_shown(
    airflow: LocalAirflow, run_id: str, place: str
) -> None:
    rows = airflow.api.xcom(DAG, run_id, f"rows_{place}")

    assert rows == [{"n": n, "said": "{{ none }}"} for n in range(3)]
    assert "there are 3 rows" in airflow.api.log(DAG, run_id, f"rows_{place}")


@pytest.mark.parametrize("place", OWN)
def test_a_program_brings_its_package_and_returns_a_value(
    airflow: LocalAirflow, run_id: str, place: str
) -> None:
    found = airflow.api.xcom(DAG, run_id, f"file_{place}")

    assert found == {"said": "grüß dich", "n": 99, "rest": ["a b", '"ü"']}


@pytest.mark.parametrize("place", PLACES)
def test_a_jar_runs_with_its_arguments_and_its_output_is_shown(
    airflow: LocalAirflow, run_id: str, folder: Path, place: str
) -> None:
    written = [each.read_text() for each in (folder / place).glob("part-*.txt")]

    assert "".join(written) == "zwei Wörter\n"
    assert f"written to {folder / place}" in airflow.api.log(DAG, run_id, f"jar_{place}")


def test_each_ran_where_its_author_chose(airflow: LocalAirflow, run_id: str) -> None:
    found = {
        place: airflow.api.xcom(DAG, run_id, f"value_{place}", "driver_location")["where"]
        for place in PLACES
    }

    assert (found["shared"], found["client"]) == ("on Libra's shared driver", "on Libra's host")
    assert found["cluster"].startswith("on worker ")
