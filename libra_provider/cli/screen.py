"""What people see: data on standard output, everything said about it on standard error."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from libra_provider.clients.libra import ResultPage
from libra_provider.core.errors import LibraError
from libra_provider.core.status import JobStatus
from libra_provider.core.units import readable_duration

if TYPE_CHECKING:
    # Importing what talks to the network takes longer than `libra --help` may take.
    from libra_provider.clients.doctor import Step

# A pipe or a file has no width to fold rows into.
_ENDLESS = 100_000
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}
_NUMBERS = ("byte", "short", "integer", "long", "float", "double", "decimal")
# Escape sequences in data would steer the reader's terminal.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), 127)}


def say(sentence: str, *, style: str = "") -> None:
    """One line on standard error."""
    _console(stderr=True).print(_text(sentence, style), soft_wrap=True)


def say_error(error: LibraError) -> None:
    """What went wrong, in red."""
    say(str(error), style="red")


def show(table: Table) -> None:
    """*table* on standard output."""
    _console(stderr=False).print(table)


@contextlib.contextmanager
def elapsing(title: str) -> Iterator[Callable[[str], None]]:
    """Say what is called with meanwhile; on a terminal, the seconds run beside *title*."""
    console = _console(stderr=True)
    if not console.is_terminal:
        yield say
        return
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(title, total=None)

        def tell(sentence: str) -> None:
            progress.console.print(_text(sentence), soft_wrap=True)

        yield tell


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


def status_as_table(status: JobStatus) -> Table:
    """What is known of a job, one fact per line."""
    location, timings = status.location, status.timings
    spans = {"queued": timings.queued_seconds, "ran": timings.run_seconds}
    return facts_as_table(
        {
            "id": status.job_id,
            "state": str(status.state),
            "driver": str(location) if location else None,
            "application": location.application_id if location else None,
            "Spark UI": location.spark_ui if location else None,
            "log": location.log_url if location else None,
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


def steps_as_table(steps: Sequence[Step]) -> Table:
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
    if value is None:
        return _text("null", "dim")
    nested = isinstance(value, list | dict | bool)
    return _text(json.dumps(value, ensure_ascii=False) if nested else str(value))


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone().isoformat(sep=" ", timespec="seconds") if moment else None
