"""The command against a real cluster and a real Libra, as a user starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster

Libra = Callable[..., subprocess.CompletedProcess[str]]
SMALL = ("--conf", "spark.cores.max=1", "--conf", "spark.executor.memory=512m")
SMALL_DRIVER = ("--conf", "spark.driver.memory=512m")
JOB = """
import sys
from pathlib import Path
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
context = spark.sparkContext
Path(sys.argv[2]).write_text(f"{context.master} {context.applicationId} {spark.range(9).count()}")
"""


@pytest.fixture
def command(cluster: StandaloneCluster, libra: LocalLibra) -> Libra:
    """The ``libra`` command, led to the real servers."""
    environment = {
        "LIBRA_URL": libra.url,
        "LIBRA_TOKEN": libra.token,
        "LIBRA_MASTER": cluster.master_url,
        "LIBRA_MASTER_REST": cluster.rest_url,
        "LIBRA_MASTER_UI": cluster.ui_url,
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "libra_provider.cli", *arguments]
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)

    return run


def test_sql_prints_what_spark_counted(command: Libra) -> None:
    query = "SELECT id, CAST(id / 4 AS DECIMAL(4, 2)) AS part FROM range(3) WHERE id < :n"

    result = command("sql", query, "--json", "--param", "n=2")

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == [{"id": 0, "part": "0.00"}, {"id": 1, "part": "0.25"}]


def test_sql_that_does_not_parse_says_where(command: Libra) -> None:
    result = command("sql", "SELEC 1")

    assert result.returncode == 1
    assert "Syntax error at or near 'SELEC'" in result.stderr.splitlines()[-1]


@pytest.mark.slow
def test_submit_runs_on_the_cluster_and_status_says_where(
    command: Libra, cluster: StandaloneCluster, tmp_path: Path
) -> None:
    job, said = tmp_path / "job.py", tmp_path / "said"
    job.write_text(JOB)

    result = command("submit", *SMALL, *SMALL_DRIVER, str(job), "--say-it-in", str(said))
    driver_id = result.stdout.strip()
    status = command("status", driver_id)

    assert result.returncode == 0, result.stderr
    master, application, count = said.read_text().split()
    assert (master, count) == (cluster.master_url, "9")
    assert application.startswith("app-")
    assert "succeeded" in status.stdout
    assert "on worker worker-" in status.stdout


def test_kill_ends_a_driver(command: Libra, tmp_path: Path) -> None:
    job = tmp_path / "sleeps.py"
    job.write_text("import time; time.sleep(600)")
    driver_id = command("submit", "--no-wait", *SMALL_DRIVER, str(job)).stdout.strip()

    result = command("kill", driver_id)

    assert result.returncode == 0, result.stderr
    assert result.stderr == f"{driver_id} ended: killed\n"
