from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from libra_provider.cli.dag_file import preview_dag_file
from libra_provider.core.decision import Facts
from libra_provider.core.errors import BadInput
from tests.cli.conftest import Run

ALL = (
    *("--kind=sql", "--collects=2GB", "--rtt=50ms", "--bandwidth=100Mbit"),
    *("--duration=5m", "--tasks=1000", "--broadcast=20MB"),
)


def decided(run: Run, *options: str) -> dict[str, Any]:
    result = run("decide", *options, "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_every_fact_is_an_option(run: Run) -> None:
    found = decided(run, *ALL)

    assert (found["mode"], found["deploy_mode"]) == ("isolated", "cluster")
    assert found["rule"] == "large-collect"
    assert found["reason"] == "the result is 2 GiB (as given), more than 1 GiB"
    assert found["path"][-1]["rule"] == "large-collect"
    assert found["predicted_seconds"]["client"] > 300 + 160
    assert 300 < found["predicted_seconds"]["cluster"] < 330


@pytest.mark.parametrize(
    ("options", "mode", "deploy_mode", "rule"),
    [
        ("", "shared", "client", "same-site"),
        ("--kind python", "shared", "client", "same-site"),
        ("--kind python-file", "isolated", "client", "same-site"),
        ("--kind jar --must-survive", "isolated", "cluster", "must-survive"),
        ("--kind jar-class --conf spark.driver.memory=4g", "isolated", "client", "same-site"),
        ("--rtt 50ms", "isolated", "cluster", "otherwise"),
        ("--locality remote --duration 11m", "shared", "client", "long-job"),
        (
            "--rtt 50ms --duration 11m --task-duration 200ms",
            "isolated",
            "cluster",
            "network",
        ),
        ("--mode shared --collects 9GB", "shared", "client", "placement-set"),
        ("--deploy-mode cluster", "isolated", "cluster", "placement-set"),
        ("--session mine --collects 9GB", "shared", "client", "only-one-place"),
        (
            "--preset ml --must-survive --worker-cores 4 --worker-memory 8g",
            *("shared", "client", "too-large-for-workers"),
        ),
        ("--collects 3GB --policy large_collect=4GB", "shared", "client", "same-site"),
        ("--broadcast 2GB --iterations 9 --rtt 9ms", "isolated", "cluster", "network"),
    ],
)
def test_what_is_left_out_is_unknown(
    run: Run, options: str, mode: str, deploy_mode: str, rule: str
) -> None:
    found = decided(run, *options.split())

    assert (found["mode"], found["deploy_mode"], found["rule"]) == (mode, deploy_mode, rule)


def test_the_tree_is_a_picture_with_the_branch_that_was_taken(run: Run) -> None:
    result = run("decide", *ALL)
    lines = result.stdout.splitlines()

    assert result.exit_code == 0
    assert [each for each in lines if each.startswith("┗━━▶")] == [
        "┗━━▶ yes → ISOLATED cluster, on a worker: the result is 2 GiB (as given), more than 1 GiB"
    ]
    assert "● Must it outlive Libra and Airflow?" in lines
    assert "○ Is it a long job?" in lines
    assert any("long-job" in each and "does not apply" in each for each in lines)
    assert any("total" in each for each in lines)
    assert "Driver placement: ISOLATED cluster" in result.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--collects 2", "Invalid --collects='2': expected a size with a unit"),
        ("--collects=-2GB", "Invalid --collects='-2GB': expected a size"),
        ("--duration soon", "Invalid --duration='soon': expected a duration such as"),
        ("--rtt=-1ms", "Invalid --rtt='-1ms': expected a duration such as"),
        ("--bandwidth fast", "Invalid --bandwidth='fast': expected a bandwidth such as"),
        ("--tasks=-1", "Invalid --tasks=-1: expected a whole number of at least 1"),
        ("--mode shared --deploy-mode cluster", "Invalid --deploy-mode='cluster'"),
        ("--mode shared --kind jar", "Invalid --mode='shared': a JAR requires a dedicated driver"),
        ("--mode alone", "Invalid --mode='alone': expected shared or isolated"),
        ("--preset huge", "Invalid --preset='huge': expected one of etl, analytics, ml"),
        ("--worker-cores 4", "expected both --worker-cores and --worker-memory, or neither"),
        ("--policy large=1GB", "Invalid --policy large='1GB': expected one of"),
    ],
)
def test_bad_input_is_a_2_and_one_sentence(run: Run, options: str, sentence: str) -> None:
    result = run("decide", *options.split())

    assert result.exit_code == 2
    assert sentence in result.stderr


DAG = """
from airflow.sdk import DAG
from libra_provider.operators import LibraOperator, LibraStatementOperator

with DAG("nightly", schedule=None):
    LibraStatementOperator(task_id="left_alone", sql="SELECT 1")
    LibraOperator(task_id="small", sql="SELECT '{{ ds }}'", workload={"collects": "1 MB"})
    LibraOperator(task_id="file", application="jobs/etl.py", preset="ml")
    LibraOperator(task_id="unclear", application="{{ params.file }}")
"""


def test_each_task_of_a_dag_file_is_decided_about(run: Run, tmp_path: Path) -> None:
    """Airflow is imported by another process, and no connection is needed."""
    file = tmp_path / "nightly.py"
    file.write_text(DAG)
    workers = ("--worker-cores", "4", "--worker-memory", "8g")
    result = run("decide", "--dag", str(file), "--locality=remote", "--duration=1h", *workers)
    lines = result.stdout.splitlines()

    assert result.exit_code == 1, result.stderr
    assert any("nightly.small" in each and "SHARED, client" in each for each in lines)
    assert any("nightly.file" in each and "too-large-for-workers" in each for each in lines)
    assert any("nightly.unclear" in each and "that ends in .py or .jar" in each for each in lines)
    assert "left_alone" not in result.stdout


def test_a_file_that_takes_too_long_to_load_is_bad_input(tmp_path: Path) -> None:
    file = tmp_path / "slow.py"
    file.write_text(DAG)
    with pytest.raises(BadInput, match="loading this file took longer than") as raised:
        preview_dag_file(file, Facts(), {}, within=0.1)

    assert raised.value.parameter == "--dag"


def test_a_file_that_is_no_dag_is_bad_input(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "empty.py"
    file.write_text("")
    result = run("decide", "--dag", str(file))

    assert result.exit_code == 2
    assert "expected a Dag with a LibraOperator" in result.stderr
