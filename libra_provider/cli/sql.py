"""``libra sql``: a statement on Libra's shared driver, and its rows."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libra_provider.cli.following import followed, running
from libra_provider.cli.pairs import pairs
from libra_provider.cli.screen import (
    facts_as_table,
    rows_as_csv,
    rows_as_json,
    rows_as_table,
    say,
    show,
)
from libra_provider.cli.servers import DEFAULT_LIBRA, LibraUrl, Servers, Token, Verify
from libra_provider.core.errors import BadInput, ResultNotWhole
from libra_provider.core.job import Kind, SparkJob
from libra_provider.core.status import JobStatus
from libra_provider.core.units import duration_in_seconds, readable_size

if TYPE_CHECKING:
    # Importing what talks to the network takes longer than `libra --help` may take.
    from libra_provider.cli.backends import Statements


def sql(
    statement: Annotated[str, typer.Argument(metavar="STATEMENT", help="One SQL statement.")],
    *,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "--parameter",
            metavar="NAME=VALUE",
            help="A value for :NAME; JSON, or else a text.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    arrow: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the rows there as an Arrow stream.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="How many rows may come; more is an error.")
    ] = None,
    result_path: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Let Spark write the rows there as Parquet instead."),
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(help='How long it may run, such as "10 min"; then Libra ends it.')
    ] = None,
    pool: Annotated[str | None, typer.Option(help="Libra's scheduler pool.")] = None,
    session: Annotated[str | None, typer.Option(help="Whose temporary views it sees.")] = None,
    libra: LibraUrl = DEFAULT_LIBRA,
    token: Token = None,
    verify: Verify = "true",
) -> None:
    """Run a SQL statement on Libra and print its rows; Ctrl-C kills it."""
    form = _form({"--json": as_json, "--csv": as_csv, "--arrow": arrow})
    job = SparkJob(
        kind=Kind.SQL,
        code=statement,
        parameters=_parameters(param or []) or None,
        pool_name=pool,
        session=session,
        result_limit=limit,
        result_path=result_path,
        timeout=None if timeout is None else duration_in_seconds(timeout, parameter="--timeout"),
    )
    if result_path is not None and form in ("--csv", "--arrow"):
        raise BadInput(form, result_path, "--result-path is given too, and no rows come back")
    if arrow is not None:
        _check_file(arrow)
    servers = Servers(libra=libra, token=token, verify=verify)
    with contextlib.closing(servers.statements()) as there, running(there, job) as first:
        status = followed(there, first).raise_for_state()
        if status.text is not None:
            _tell_text(status, form)
        elif result_path is not None:
            _tell_written(there, status, form)
        elif arrow is not None:
            _write_arrow(there, status, arrow)
        else:
            _tell_rows(there, status, form)


def _form(given: dict[str, Any]) -> str:
    """Which of the options that exclude each other is given; empty for none."""
    found = [option for option, value in given.items() if value]
    if len(found) > 1:
        raise BadInput(found[1], given[found[1]], f"{found[0]} is given too; choose one")
    return found[0] if found else ""


def _check_file(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise BadInput("--arrow", str(path), f"there is no folder {folder}")
    if path.is_dir():
        raise BadInput("--arrow", str(path), "it is a folder; name a file")


def _tell_text(status: JobStatus, form: str) -> None:
    """The text of a Libra of the old contract, which has no rows."""
    from libra_provider.clients.old_libra import whole_text  # noqa: PLC0415 - see above

    if form:
        why = f"this Libra gives one text, which cannot be {form}; upgrade it"
        raise ResultNotWhole(status.job_id, why)
    typer.echo(whole_text(status))


def _tell_written(libra: Statements, status: JobStatus, form: str) -> None:
    found = libra.written(status.job_id)
    facts = {"uri": found.uri, "rows": found.rows, "bytes": found.bytes}
    if form:
        typer.echo(json.dumps({**facts, "schema": found.schema}, ensure_ascii=False, indent=2))
    else:
        show(facts_as_table({name: str(value) for name, value in facts.items()}))


def _tell_rows(libra: Statements, status: JobStatus, form: str) -> None:
    page = libra.result(status.job_id)
    if form == "--json":
        typer.echo(rows_as_json(page))
    elif form == "--csv":
        typer.echo(rows_as_csv(page), nl=False)
    elif page.columns:
        show(rows_as_table(page))
    say(f"{page.row_count} {'row' if page.row_count == 1 else 'rows'}")


def _write_arrow(libra: Statements, status: JobStatus, path: Path) -> None:
    """The rows in *path*; nobody ever sees half of them there."""
    unfinished = path.with_name(f"{path.name}.part")

    def write(piece: bytes) -> None:
        try:
            file.write(piece)
        except OSError as error:  # the transport would take it for the network's
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
    say(f"{readable_size(size)} of Arrow in {path}")


def _unwritable(path: Path, error: OSError) -> BadInput:
    return BadInput("--arrow", str(path), f"it cannot be written ({error.strerror})")


def _parameters(given: Sequence[str]) -> dict[str, Any]:
    return {name: _value(text) for name, text in pairs("--param", given).items()}


def _value(text: str) -> Any:
    """*text* as JSON has it, so that ``n=5`` is a number; anything else is a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
