"""``libra sql``: run a SQL statement on the shared driver and print its rows."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from libra_provider.cli.follow import follow, submit_and_guard
from libra_provider.cli.options import Pool, Session, Timeout, key_values, timeout_seconds
from libra_provider.cli.result_output import (
    Arrow,
    AsCsv,
    AsJson,
    Limit,
    OutputForm,
    ResultPath,
    print_result,
)
from libra_provider.cli.servers import DEFAULT_LIBRA, LibraUrl, ServerClients, Token, Verify
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind


def sql(
    statement: Annotated[str, typer.Argument(metavar="STATEMENT", help="A SQL statement.")],
    *,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "--parameter",
            metavar="NAME=VALUE",
            help="Value of the parameter :NAME, as JSON or a plain string; repeatable.",
        ),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    arrow: Arrow = None,
    limit: Limit = None,
    result_path: ResultPath = None,
    timeout: Timeout = None,
    pool: Pool = None,
    session: Session = None,
    libra: LibraUrl = DEFAULT_LIBRA,
    token: Token = None,
    verify: Verify = "true",
) -> None:
    """Run a SQL statement on Libra and print its rows; Ctrl-C kills it."""
    form = OutputForm.of(as_json=as_json, as_csv=as_csv, arrow=arrow, result_path=result_path)
    job = SparkJob(
        kind=Kind.SQL,
        code=statement,
        parameters=_parameters(param or []) or None,
        pool_name=pool,
        session=session,
        result_limit=limit,
        result_path=result_path,
        timeout=timeout_seconds(timeout),
    )
    servers = ServerClients(libra=libra, token=token, verify=verify)
    with contextlib.closing(servers.statements()) as there, submit_and_guard(there, job) as first:
        print_result(there, follow(there, first).raise_for_state(), form)


def _parameters(given: Sequence[str]) -> dict[str, Any]:
    return {name: _value(text) for name, text in key_values("--param", given).items()}


def _value(text: str) -> Any:
    """*text* parsed as JSON, so that ``n=5`` is a number; if it is no JSON, *text* itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
