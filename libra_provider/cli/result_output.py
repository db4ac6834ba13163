"""Prints the result of a statement, or writes it to a file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from libra_provider.cli.console import (
    facts_as_table,
    print_data,
    print_message,
    rows_as_csv,
    rows_as_json,
    rows_as_table,
    value_as_json,
    value_as_text,
)
from libra_provider.clients.libra.results import ResultPage, ResultValue, Returned, WrittenResult
from libra_provider.core.errors import BadInput, ResultNotWhole
from libra_provider.core.status import JobStatus
from libra_provider.core.units import readable_size

if TYPE_CHECKING:
    # Importing what talks to the network takes longer than `libra --help` may take.
    from libra_provider.cli.backends import LibraJobs

AsJson = Annotated[bool, typer.Option("--json", help="Print rows as a list of objects.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print rows as CSV with a header.")]
Arrow = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the rows to FILE as an Arrow stream.")
]
Limit = Annotated[int | None, typer.Option(help="Maximum number of rows; more is an error.")]
ResultPath = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Let Spark write the rows to URL as Parquet instead."),
]


@dataclass(frozen=True, slots=True)
class OutputForm:
    """The requested output format: ``option`` is its option, or empty for a table."""

    option: str = ""
    arrow: Path | None = None
    is_written: bool = False

    @classmethod
    def of(
        cls, *, as_json: bool, as_csv: bool, arrow: Path | None, result_path: str | None
    ) -> OutputForm:
        """The format that the options request; raises BadInput for conflicting options."""
        option = _only_one({"--json": as_json, "--csv": as_csv, "--arrow": arrow})
        if result_path is not None and option in ("--csv", "--arrow"):
            expected = "cannot be combined with --result-path, which returns no rows"
            raise BadInput(option, True, expected)
        if arrow is not None:
            _check_file(arrow)
        return cls(option, arrow, result_path is not None)


def print_result(libra: LibraJobs, status: JobStatus, form: OutputForm) -> None:
    """Print or write the result of the successful statement of *status*."""
    if status.text is not None:
        _print_text(status, form)
    elif form.is_written:
        _print_written(libra.written(status.job_id), form)
    elif form.arrow is not None:
        _write_arrow(libra, status, form.arrow)
    else:
        _print_returned(status, libra.returned(status.job_id), form)


def _print_returned(status: JobStatus, found: Returned, form: OutputForm) -> None:
    if isinstance(found, ResultPage):
        _print_rows(found, form)
    elif isinstance(found, ResultValue):
        _print_value(status, found, form)
    else:
        _print_written(found, form)


def _only_one(given: Mapping[str, object]) -> str:
    """The option that is given, or empty; raises BadInput for more than one."""
    found = [option for option, value in given.items() if value]
    if len(found) > 1:
        raise BadInput(found[1], given[found[1]], f"expected only one of {found[0]} and {found[1]}")
    return found[0] if found else ""


def _check_file(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise BadInput("--arrow", str(path), f"directory {folder} does not exist")
    if path.is_dir():
        raise BadInput("--arrow", str(path), "expected a file, not a directory")


def _print_text(status: JobStatus, form: OutputForm) -> None:
    """Print the text result of an old Libra, which returns no rows."""
    from libra_provider.clients.libra.legacy import whole_text  # noqa: PLC0415 - see above

    if form.option:
        why = f"this old Libra returns plain text, not {form.option}; upgrade it"
        raise ResultNotWhole(status.job_id, why)
    typer.echo(whole_text(status))


def _print_written(found: WrittenResult, form: OutputForm) -> None:
    facts = {"uri": found.uri, "rows": found.rows, "bytes": found.bytes}
    if form.option:
        typer.echo(json.dumps({**facts, "schema": found.schema}, ensure_ascii=False, indent=2))
    else:
        print_data(facts_as_table({name: str(value) for name, value in facts.items()}))


def _print_rows(page: ResultPage, form: OutputForm) -> None:
    if form.option == "--json":
        typer.echo(rows_as_json(page))
    elif form.option == "--csv":
        typer.echo(rows_as_csv(page), nl=False)
    elif page.columns:
        print_data(rows_as_table(page))
    print_message(f"{page.row_count} {'row' if page.row_count == 1 else 'rows'}")


def _print_value(status: JobStatus, found: ResultValue, form: OutputForm) -> None:
    if form.option == "--csv":
        raise ResultNotWhole(
            status.job_id, "the result is a single value; use --json instead of --csv"
        )
    if form.option == "--json":
        typer.echo(value_as_json(found.value))
    elif found.value is not None:
        typer.echo(value_as_text(found.value))


def _write_arrow(libra: LibraJobs, status: JobStatus, path: Path) -> None:
    """Write the rows to *path*; the file appears only when it is complete."""
    unfinished = path.with_name(f"{path.name}.part")

    def write(piece: bytes) -> None:
        try:
            file.write(piece)
        except OSError as error:  # otherwise the transport would report a network error
            raise _unwritable(path, error) from error

    try:
        with unfinished.open("wb") as file:
            libra.arrow_into(status.job_id, write)
            size = file.tell()
        unfinished.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    print_message(f"Wrote {readable_size(size)} of Arrow data to {path}")


def _unwritable(path: Path, error: OSError) -> BadInput:
    return BadInput("--arrow", str(path), f"cannot write this file ({error.strerror})")
