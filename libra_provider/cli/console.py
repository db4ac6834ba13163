"""Output for the terminal: data goes to standard output, messages to standard error."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import typer
from rich import progress as progress_bar
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from libra_provider.clients.libra.results import ResultPage
from libra_provider.clients.observation import LogLine
from libra_provider.core.errors import LibraError
from libra_provider.core.status import JobStatus, Progress
from libra_provider.core.units import readable_duration

if TYPE_CHECKING:
    # Importing what talks to the network takes longer than `libra --help` may take.
    from libra_provider.clients.doctor.checks import CheckStep

# Wide enough that rows are never wrapped in a pipe or a file.
_UNLIMITED = 100_000
_COLORS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}
_NUMBERS = ("byte", "short", "integer", "long", "float", "double", "decimal")
# Escape sequences in data could control the terminal.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), 127)}


def print_message(message: str, *, style: str = "") -> None:
    """Print *message* on standard error."""
    _console(stderr=True).print(_text(message, style), soft_wrap=True)


def print_log_lines(lines: Sequence[LogLine]) -> None:
    """Print a job's output to the same streams that the job used."""
    for line in lines:
        typer.echo(line.text, err=line.stream == "stderr")


def print_error(error: LibraError) -> None:
    """Print *error* in red on standard error."""
    print_message(str(error), style="red")


def print_data(data: RenderableType) -> None:
    """Print a table or a string to standard output."""
    _console(stderr=False).print(data)


@contextlib.contextmanager
def progress_display(title: str) -> Iterator[JobReport]:
    """Print messages about a job; on a terminal, also a progress bar and the elapsed time."""
    console = _console(stderr=True)
    if not console.is_terminal:
        yield JobReport()
        return
    description = TextColumn("{task.description}", markup=False)
    columns = SpinnerColumn(), description, _Bar(), TimeElapsedColumn()
    with progress_bar.Progress(*columns, console=console, transient=True) as bar:
        yield _TerminalReport(bar, bar.add_task(title, total=None))


class JobReport:
    """Prints messages about a running job, one per line."""

    def message(self, text: str) -> None:
        """Print a line about a change."""
        print_message(text)

    def update(self, progress: Progress | None) -> None:
        """Show the progress of the job; without a terminal, messages contain it."""


class _TerminalReport(JobReport):
    """The same with a progress bar, for a terminal."""

    def __init__(self, bar: progress_bar.Progress, task: TaskID) -> None:
        self._bar, self._task = bar, task

    def message(self, text: str) -> None:
        self._bar.console.print(_text(text), soft_wrap=True)

    def update(self, progress: Progress | None) -> None:
        if progress and progress.tasks_total:
            done, total = progress.tasks_done, progress.tasks_total
            self._bar.update(self._task, completed=done, total=total)


class _Bar(ProgressColumn):
    """A progress bar that stays hidden until the total is known."""

    _bar = BarColumn(bar_width=30)

    def render(self, task: Task) -> RenderableType:
        return self._bar.render(task) if task.total else ""


def rows_as_table(page: ResultPage) -> Table:
    """Rows as a table: numbers aligned right, nulls dimmed."""
    table = Table()
    types = {field["name"]: str(field["type"]) for field in page.schema["fields"]}
    for name in page.columns:
        numeric = types.get(name, "").startswith(_NUMBERS)
        table.add_column(_text(name), justify="right" if numeric else "left")
    for row in page.rows:
        table.add_row(*map(_cell, row))
    return table


def rows_as_json(page: ResultPage) -> str:
    """Rows as a JSON list of objects; raises BadInput where two columns share a name."""
    return json.dumps(page.as_dicts(), ensure_ascii=False, indent=2)


def rows_as_csv(page: ResultPage) -> str:
    """Rows as CSV with a header: nulls are empty, nested values are JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(page.columns)
    writer.writerows([_plain(value) for value in row] for row in page.rows)
    return text.getvalue()


def value_as_json(value: object) -> str:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def value_as_text(value: object) -> str:
    """A value as text: a string unquoted, everything else as JSON."""
    return _plain(value)


def status_as_table(status: JobStatus) -> Table:
    """The status of a job as a table, one property per line."""
    location, timings = status.location, status.timings
    spans = {"queued": timings.queued_seconds, "ran": timings.run_seconds}
    return facts_as_table(
        {
            "id": status.job_id,
            "state": str(status.state),
            "kind": status.kind,
            "mode": ", ".join(filter(None, [status.mode, status.deploy_mode])),
            "driver": str(location) if location else None,
            "application": location.application_id if location else None,
            "Spark UI": location.spark_ui if location else None,
            "log": location.log_url if location else None,
            "progress": str(status.progress) if status.progress else None,
            "detail": status.detail,
            "submitted": _moment(timings.submitted_at),
            "started": _moment(timings.started_at),
            "ended": _moment(timings.ended_at),
            **{name: readable_duration(s) for name, s in spans.items() if s is not None},
        }
    )


def facts_as_table(facts: Mapping[str, str | None]) -> Table:
    """The facts that have a value as a table, one per line."""
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, _text(value))
    return table


def steps_as_table(steps: Sequence[CheckStep]) -> Table:
    """The steps of a check as a table, grouped by address, each with advice if it failed."""
    table = Table()
    table.add_column("step", style="bold")
    table.add_column("result")
    table.add_column("details", overflow="fold")
    for address, its_steps in itertools.groupby(steps, key=lambda step: step.about):
        table.add_section()
        table.add_row("", "", _text(address, "bold"))
        for step in its_steps:
            details = f"{step.found}\n→ {step.advice}" if step.advice else step.found
            table.add_row(step.name, _text(step.outcome, _COLORS[step.outcome]), _text(details))
    return table


def _console(*, stderr: bool) -> Console:
    # Created on each use, because tests and callers may have replaced the streams.
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _UNLIMITED
    return Console(file=stream, width=width, highlight=False)


def _text(plain: str, style: str = "") -> Text:
    return Text(plain.translate(_CONTROL), style=style)


def _cell(value: object) -> Text:
    return _text("null", "dim") if value is None else _text(_plain(value))


def _plain(value: object) -> str:
    if value is None:
        return ""
    nested = isinstance(value, list | dict | bool)
    return json.dumps(value, ensure_ascii=False) if nested else str(value)


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone().isoformat(sep=" ", timespec="seconds") if moment else None
