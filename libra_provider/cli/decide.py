"""``libra decide``: where the driver of a job should run, and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from libra_provider.cli.console import print_data, print_message
from libra_provider.cli.dag_file import preview_dag_file, print_previews
from libra_provider.cli.decision_view import answers_as_table, prediction_as_table, tree_as_text
from libra_provider.cli.options import key_values
from libra_provider.core.decision import Fact, Facts, Locality, WorkerShare
from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.properties import spark_conf, whole_number
from libra_provider.core.units import bandwidth_in_bits, duration_in_seconds, size_in_bytes
from libra_provider.core.workload import Workload
from libra_provider.deploy_mode.decide import decide as decided
from libra_provider.deploy_mode.decide import explain
from libra_provider.deploy_mode.explanation import summary
from libra_provider.deploy_mode.policy import Policy

T = TypeVar("T")
_SOURCE = "as given"
_SIZE, _DURATION = "SIZE", "DURATION"
# Placeholders for required fields that no rule uses.
_PLACEHOLDERS: Mapping[Kind, Mapping[str, Any]] = {
    Kind.SQL: {"code": "SELECT 1"},
    Kind.PYTHON: {"code": "pass"},
    Kind.PYTHON_FILE: {"application": "job.py"},
    Kind.JAR: {"application": "job.jar", "java_class": "Main"},
    Kind.JAR_CLASS: {"application": "job.jar", "java_class": "Main"},
}


def decide(
    *,
    kind: Annotated[Kind, typer.Option(help="Kind of job.")] = Kind.SQL,
    collects: Annotated[
        str | None,
        typer.Option(metavar=_SIZE, help="Size of the result returned to the driver, such as 3GB."),
    ] = None,
    duration: Annotated[
        str | None, typer.Option(metavar=_DURATION, help="Processing time of the job, such as 5m.")
    ] = None,
    must_survive: Annotated[
        bool, typer.Option("--must-survive", help="The job must outlive Libra and Airflow.")
    ] = False,
    tasks: Annotated[int | None, typer.Option(help="Number of tasks in all stages.")] = None,
    task_duration: Annotated[
        str | None, typer.Option(metavar=_DURATION, help="Duration of a task, such as 200ms.")
    ] = None,
    broadcast: Annotated[
        str | None, typer.Option(metavar=_SIZE, help="Size of each broadcast, such as 20MB.")
    ] = None,
    iterations: Annotated[int | None, typer.Option(help="Number of broadcasts.")] = None,
    rtt: Annotated[
        str | None,
        typer.Option(metavar=_DURATION, help="Round trip from Libra to the cluster, such as 50ms."),
    ] = None,
    bandwidth: Annotated[
        str | None, typer.Option(metavar="BITS/S", help="Bandwidth between them, such as 100Mbit.")
    ] = None,
    locality: Annotated[
        Locality | None, typer.Option(help="Where Libra is; overrides --rtt.")
    ] = None,
    worker_cores: Annotated[
        str | None, typer.Option(metavar="CORES", help="Cores of the largest worker.")
    ] = None,
    worker_memory: Annotated[
        str | None, typer.Option(metavar=_SIZE, help="Memory of the largest worker, such as 8g.")
    ] = None,
    mode: Annotated[str | None, typer.Option(help="Requested mode: shared or isolated.")] = None,
    deploy_mode: Annotated[
        str | None, typer.Option(help="Requested deploy mode: client or cluster.")
    ] = None,
    conf: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Spark property; repeatable.")
    ] = None,
    session: Annotated[str | None, typer.Option(help="Libra session that the job uses.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="Size of a dedicated driver: etl, analytics or ml.")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Threshold, such as large_collect=2GB; repeatable."
        ),
    ] = None,
    dag: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Decide for each LibraOperator in this Dag file."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the decision as JSON.")] = False,
) -> None:
    """Show where a job's driver should run, without running anything.

    Omitted values are unknown. Libra then assumes a small result, a short job and the same data
    center. With --dag, the options supplement what the tasks declare.
    """
    workload = Workload(
        collects=collects,
        expected_duration=duration,
        must_survive=must_survive or None,
        tasks=tasks,
        task_seconds=task_duration,
        broadcast=broadcast,
        iterations=iterations,
    )
    facts = Facts.of(workload, _SOURCE).or_else(
        Facts(
            locality=_given(locality, Locality),
            round_trip=_given(rtt, partial(duration_in_seconds, parameter="rtt")),
            bandwidth=_given(bandwidth, bandwidth_in_bits),
            largest_worker=_worker(worker_cores, worker_memory),
        )
    )
    thresholds = key_values("--policy", policy or ())
    if dag is not None:
        print_previews(preview_dag_file(dag, facts, thresholds), as_json=as_json)
        return
    job = SparkJob(
        kind=kind,
        mode=mode,
        deploy_mode=deploy_mode,
        session=session,
        conf=spark_conf(key_values("--conf", conf or ())),
        **_PLACEHOLDERS[kind],
    )
    _print(job, facts, Policy.of(thresholds), preset, as_json=as_json)


def _given(text: str | None, read: Callable[[str], T]) -> Fact[T] | None:
    return None if text is None else Fact(read(text), _SOURCE)


def _worker(cores: str | None, memory: str | None) -> Fact[WorkerShare] | None:
    if cores is None and memory is None:
        return None
    if cores is None or memory is None:
        raise BadInput(
            "--worker-cores", cores, "expected both --worker-cores and --worker-memory, or neither"
        )
    size = size_in_bytes(memory, parameter="--worker-memory")
    return Fact(WorkerShare(int(whole_number("--worker-cores", cores)), size), _SOURCE)


def _print(
    job: SparkJob, facts: Facts, policy: Policy, preset: str | None, *, as_json: bool
) -> None:
    decision = decided(job, facts, policy, preset=preset)
    if as_json:
        typer.echo(json.dumps(decision.to_json(), ensure_ascii=False, indent=2))
        return
    print_data(tree_as_text(decision))
    print_data(answers_as_table(explain(job, facts, policy, preset=preset), decision))
    print_data(prediction_as_table(decision))
    for line in summary(decision):
        print_message(line)
