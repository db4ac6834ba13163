"""Prints the outcome of a run: the report and where each driver ran, or why a task failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from libra_provider.cluster.airflow_api import AirflowApi
from libra_provider.core.job import Backend
from libra_provider.core.status import DriverLocation
from libra_provider.core.units import readable_duration

MODES = {Backend.LIBRA: "SHARED", Backend.SPARK_MASTER: "ISOLATED cluster"}
NOTHING = "-"
_AIRFLOWS_OWN = ("Worker startup parse complete", "Task failed with exception")


def print_summary(api: AirflowApi, dag_id: str, run_id: str, console: Console) -> None:
    """Print the report, then one row per task."""
    console.print()
    console.print(str(api.xcom(dag_id, run_id, "report")), highlight=False, markup=False)
    table = Table(title="Where each driver ran", title_justify="left", box=box.SIMPLE)
    table.add_column("task", no_wrap=True)
    table.add_column("mode", no_wrap=True)
    table.add_column("where the driver ran", overflow="fold")
    table.add_column("driver or statement", overflow="fold")
    table.add_column("queued", justify="right", no_wrap=True)
    table.add_column("ran", justify="right", no_wrap=True)
    tasks = sorted(api.task_instances(dag_id, run_id), key=lambda each: each["start_date"] or "")
    for task in tasks:
        table.add_row(*_row(api, dag_id, run_id, task))
    console.print()
    console.print(table)


def _row(api: AirflowApi, dag_id: str, run_id: str, task: dict[str, Any]) -> tuple[str, ...]:
    task_id = task["task_id"]
    job, location, timings = (
        api.xcom(dag_id, run_id, task_id, key) for key in ("job", "driver_location", "timings")
    )
    if not job:
        return task_id, "no driver", NOTHING, NOTHING, NOTHING, _seconds(task["duration"])
    timings = timings or {}
    return (
        task_id,
        MODES[Backend(job["backend"])],
        str(DriverLocation(**location)) if location else NOTHING,
        job["job_id"],
        _seconds(timings.get("queued_seconds")),
        _seconds(timings.get("run_seconds")),
    )


def _seconds(value: float | None) -> str:
    return NOTHING if value is None else readable_duration(value)


def print_failures(api: AirflowApi, dag_id: str, run_id: str, console: Console) -> None:
    """Print each failed task with the end of its log, which contains the error."""
    for task in api.task_instances(dag_id, run_id):
        if task["state"] != "failed":
            continue
        text = api.log(dag_id, run_id, task["task_id"], try_number=task["try_number"])
        console.print(f"\n[bold red]{task['task_id']} failed.[/] The end of its log:")
        console.print("\n".join(list(_lines(text))[-3:]), highlight=False, markup=False)


def _lines(text: str) -> Iterator[str]:
    """Yield the lines without Airflow's folding marks."""
    return (
        line
        for line in text.splitlines()
        if line.strip() and not line.startswith(("::", *_AIRFLOWS_OWN))
    )
