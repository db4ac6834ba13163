"""``python -m demo [--ui]``."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from demo.follow import follow
from demo.stack import Stack, running_stack
from demo.summary import print_failures, print_summary
from libra_provider.core.errors import LibraError
from libra_provider.core.units import readable_duration

DAG_ID = "flights_etl"
RUN_AT_MOST = 600.0  # seconds; two slow cores need about 100


def main() -> int:
    """Return 0 if the run succeeded, 1 if it failed, 130 after Ctrl-C, 143 after SIGTERM."""
    parser = argparse.ArgumentParser(prog="demo", description="Run flights_etl on real servers.")
    parser.add_argument("--ui", action="store_true", help="leave everything running until Ctrl-C")
    leave_running = parser.parse_args().ui
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    # In a file or a pipe, rich would wrap everything at 80 columns.
    console = Console() if sys.stdout.isatty() else Console(width=160)
    try:
        return run(console, leave_running=leave_running)
    except KeyboardInterrupt:
        return 130
    except LibraError as error:
        console.print(str(error), style="red", highlight=False, markup=False)
        return 1


def run(console: Console, *, leave_running: bool) -> int:
    """Start everything, run the Dag once and print the outcome; return 0 if it succeeded."""
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="libra-demo-") as folder,
        running_stack(Path(folder), console) as stack,
    ):
        api = stack.airflow.api
        api.wait_for_dag(DAG_ID)
        run_id = api.trigger(DAG_ID)
        succeeded = follow(api, DAG_ID, run_id, console, within=RUN_AT_MOST) == "success"
        (print_summary if succeeded else print_failures)(api, DAG_ID, run_id, console)
        console.print(f"[dim]Total time: {readable_duration(time.monotonic() - began)}.[/]")
        if leave_running:
            _wait_for_the_user(stack, console)
    return 0 if succeeded else 1


def _wait_for_the_user(stack: Stack, console: Console) -> None:
    airflow, libra, cluster = stack.airflow, stack.libra, stack.cluster
    table = Table(title="Everything is running; press Ctrl-C to stop it", title_justify="left")
    for column in ("what", "where", "how to get in"):
        table.add_column(column, overflow="fold")
    login = f"user {airflow.user}, password {airflow.password}"
    table.add_row("Airflow", f"{airflow.url}/dags/{DAG_ID}", login)
    table.add_row("Libra", f"{libra.url}/docs", f"token {libra.token}")
    table.add_row("Spark master", cluster.ui_url, "")
    for worker in cluster.workers:
        table.add_row(worker.name, worker.url, "")
    console.print(table)
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print()


def _leave(number: int, _frame: FrameType | None) -> None:
    """End like an error: every ``with`` block is left in order."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
