"""``libra sql``: a statement on Libra's shared driver, and its rows."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from libra_provider.cli.following import followed, running
from libra_provider.cli.pairs import pairs
from libra_provider.cli.screen import rows_as_json, rows_as_table, say, show
from libra_provider.cli.servers import DEFAULT_LIBRA, LibraUrl, Servers, Token, Verify
from libra_provider.clients.libra import ResultPage
from libra_provider.core.job import Kind, SparkJob


def sql(
    statement: Annotated[str, typer.Argument(metavar="STATEMENT", help="One SQL statement.")],
    *,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A value for :NAME; JSON, or else a text."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
    limit: Annotated[
        int | None, typer.Option(help="How many rows may come; more is an error.")
    ] = None,
    pool: Annotated[str | None, typer.Option(help="Libra's scheduler pool.")] = None,
    session: Annotated[str | None, typer.Option(help="Whose temporary views it sees.")] = None,
    libra: LibraUrl = DEFAULT_LIBRA,
    token: Token = None,
    verify: Verify = "true",
) -> None:
    """Run a SQL statement on Libra and print its rows; Ctrl-C kills it."""
    job = SparkJob(
        kind=Kind.SQL,
        code=statement,
        parameters=_parameters(param or []) or None,
        pool_name=pool,
        session=session,
        result_limit=limit,
    )
    page = _result(job, Servers(libra=libra, token=token, verify=verify))
    if as_json:
        typer.echo(rows_as_json(page))
    elif page.columns:
        show(rows_as_table(page))
    say(f"{page.row_count} {'row' if page.row_count == 1 else 'rows'}")


def _result(job: SparkJob, servers: Servers) -> ResultPage:
    with contextlib.closing(servers.statements()) as libra, running(libra, job) as first:
        status = followed(libra, first).raise_for_state()
        return libra.result(status.job_id)


def _parameters(given: Sequence[str]) -> dict[str, Any]:
    return {name: _value(text) for name, text in pairs("--param", given).items()}


def _value(text: str) -> Any:
    """*text* as JSON has it, so that ``n=5`` is a number; anything else is a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
