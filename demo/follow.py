"""Follows a Dag run to its end: a live table on a terminal, otherwise a line per change."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.table import Table

from libra_provider.cluster.airflow_api import ENDED, AirflowApi
from libra_provider.core.errors import JobGivenUp
from libra_provider.core.units import readable_duration

# Airflow's state of a task → ours, with a color.
WORDS: dict[str | None, tuple[str, str]] = {
    None: ("waiting", "dim"),
    "scheduled": ("waiting", "dim"),
    "queued": ("waiting", "dim"),
    "running": ("running", "yellow"),
    "deferred": ("running, no worker held", "yellow"),
    "up_for_reschedule": ("running, no worker held", "yellow"),
    "up_for_retry": ("failed, will be tried again", "red"),
    "awaiting_input": ("waiting for a person", "yellow"),
    "restarting": ("failed, will be tried again", "red"),
    "success": ("done", "green"),
    "failed": ("failed", "bold red"),
    "upstream_failed": ("not run: a task before it failed", "red"),
    "skipped": ("skipped", "dim"),
    "removed": ("no longer in the Dag", "dim"),
}
States = dict[str, str | None]


def follow(api: AirflowApi, dag_id: str, run_id: str, console: Console, *, within: float) -> str:
    """Follow the run and return its last state; raises JobGivenUp after *within* seconds."""
    shown = live_progress if console.is_terminal else plain_progress
    return shown(api, dag_id, run_id, console, within)


def live_progress(
    api: AirflowApi, dag_id: str, run_id: str, console: Console, within: float
) -> str:
    """Show a table that is updated in place."""
    with Live(console=console, refresh_per_second=4) as live:
        return _watch(
            api, dag_id, run_id, within, lambda states, now: live.update(_table(states, now))
        )


def plain_progress(
    api: AirflowApi, dag_id: str, run_id: str, console: Console, within: float
) -> str:
    """Print one line for each change of a task's state."""
    known: States = {}

    def tell(states: States, now: float) -> None:
        for task_id, state in states.items():
            word = WORDS.get(state, (state or "", ""))[0]
            if known.get(task_id, "waiting") != word:
                known[task_id] = word
                console.print(f"{readable_duration(now):>12}  {task_id:<16} {word}")

    return _watch(api, dag_id, run_id, within, tell)


def _watch(
    api: AirflowApi,
    dag_id: str,
    run_id: str,
    within: float,
    tell: Callable[[States, float], None],
) -> str:
    began = time.monotonic()
    while True:
        state = api.run_state(dag_id, run_id)
        tasks = api.task_instances(dag_id, run_id)
        now = time.monotonic() - began
        tell({each["task_id"]: each["state"] for each in tasks}, now)
        if state in ENDED:
            return state
        if now > within:
            raise JobGivenUp(run_id, f"it was {state} after {readable_duration(within)}")
        time.sleep(0.5)


def _table(states: States, now: float) -> Table:
    table = Table(title=f"flights_etl after {readable_duration(now)}", title_justify="left")
    table.add_column("task")
    table.add_column("state", min_width=32)
    for task_id, state in states.items():
        word, style = WORDS.get(state, (state or "", ""))
        table.add_row(task_id, f"[{style}]{word}[/]" if style else word)
    return table
