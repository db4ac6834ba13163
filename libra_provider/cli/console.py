"""What people see: data on standard output, everything said about it on standard error."""

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

# A pipe or a file has no width to fold rows into.
_ENDLESS = 100_000
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}
_NUMBERS = ("byte", "short", "integer", "long", "float", "double", "decimal")
# Escape sequences in data would steer the reader's terminal.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), 127)}


def say(sentence: str, *, style: str = "") -> None:
    """One line on standard error."""
    _console(stderr=True).print(_text(sentence, style), soft_wrap=True)


def say_lines(lines: Sequence[LogLine]) -> None:
    """What a job has printed, on the streams to which it printed it."""
    for line in lines:
        typer.echo(line.text, err=line.stream == "stderr")


def say_error(error: LibraError) -> None:
    """What went wrong, in red."""
    say(str(error), style="red")


def show(shown: RenderableType) -> None:
    """A table or a picture on standard output."""
    _console(stderr=False).print(shown)


@contextlib.contextmanager
def elapsing(title: str) -> Iterator[JobReport]:
    """Say what is told meanwhile; on a terminal, a bar and the seconds run beside *title*."""
    console = _console(stderr=True)
    if not console.is_terminal:
        yield JobReport()
        return
    description = TextColumn("{task.description}", markup=False)
    columns = SpinnerColumn(), description, _Bar(), TimeElapsedColumn()
    with progress_bar.Progress(*columns, console=console, transient=True) as bar:
        yield _LiveCourse(bar, bar.add_task(title, total=None))


class JobReport:
    """What is told of a job while it runs, one line after the other."""

    def tell(self, sentence: str) -> None:
        """One line about a change."""
        say(sentence)

    def show(self, progress: Progress | None) -> None:
        """How far the job is; a pipe or a file reads it in the sentences."""


class _LiveCourse(JobReport):
    """The same on a terminal, where a bar shows how far the job is."""

    def __init__(self, bar: progress_bar.Progress, task: TaskID) -> None:
        self._bar, self._task = bar, task

    def tell(self, sentence: str) -> None:
        self._bar.console.print(_text(sentence), soft_wrap=True)

    def show(self, progress: Progress | None) -> None:
        if progress and progress.tasks_total:
            done, total = progress.tasks_done, progress.tasks_total
            self._bar.update(self._task, completed=done, total=total)


class _Bar(ProgressColumn):
    """A bar, once there is something to count."""

    _bar = BarColumn(bar_width=30)

    def render(self, task: Task) -> RenderableType:
        return self._bar.render(task) if task.total else ""


def rows_as_table(page: ResultPage) -> Table:
    """Rows as people read them: numbers to the right, missing values dimmed."""
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
    """Rows as CSV with a header: what is missing is empty, what is nested is JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(page.columns)
    writer.writerows([_plain(value) for value in row] for row in page.rows)
    return text.getvalue()


def value_as_json(value: object) -> str:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def value_as_text(value: object) -> str:
    """A value as people read it: a text as it is, everything else as JSON."""
    return _plain(value)


def status_as_table(status: JobStatus) -> Table:
    """What is known of a job, one fact per line."""
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
    """The facts that are known, one per line."""
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, _text(value))
    return table


def steps_as_table(steps: Sequence[CheckStep]) -> Table:
    """What a check found, under the address that was asked, each with what to do about it."""
    table = Table()
    table.add_column("step", style="bold")
    table.add_column("result")
    table.add_column("found, and what to do", overflow="fold")
    for address, its_steps in itertools.groupby(steps, key=lambda step: step.about):
        table.add_section()
        table.add_row("", "", _text(address, "bold"))
        for step in its_steps:
            said = f"{step.found}\n→ {step.advice}" if step.advice else step.found
            table.add_row(step.name, _text(step.outcome, _COLOURS[step.outcome]), _text(said))
    return table


def _console(*, stderr: bool) -> Console:
    # Made when needed: whoever runs a command may have replaced the streams.
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _ENDLESS
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
