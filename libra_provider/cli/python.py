"""``libra python``: run Python code on Libra and print its output and result."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from libra_provider.cli.follow import follow, submit_and_guard
from libra_provider.cli.options import (
    Conf,
    Deploy,
    Isolated,
    Pool,
    Session,
    Timeout,
    key_values,
    mode,
    timeout_seconds,
)
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
from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.paths import read_text
from libra_provider.core.properties import spark_conf


def python(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CODE [ARGS]...",
            show_default=False,
            help="Code, or - to read it from standard input; then its arguments (sys.argv).",
        ),
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Read the code from a file instead.")
    ] = None,
    isolated: Isolated = False,
    deploy_mode: Deploy = None,
    conf: Conf = None,
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
    """Run Python code on Libra; Ctrl-C kills it.

    The code can use the variable `spark`. Prints the output of the code, then the value or rows
    of its last expression. Exits with 1 if the code fails, is killed or is lost.
    """
    code, rest = _code_and_arguments(file, arguments or [])
    form = OutputForm.of(as_json=as_json, as_csv=as_csv, arrow=arrow, result_path=result_path)
    job = SparkJob(
        kind=Kind.PYTHON,
        code=code,
        application_args=rest,
        conf=spark_conf(key_values("--conf", conf or ()), deploy_mode=deploy_mode),
        mode=mode(isolated=isolated),
        deploy_mode=deploy_mode,
        pool_name=pool,
        session=session,
        result_limit=limit,
        result_path=result_path,
        timeout=timeout_seconds(timeout),
    )
    job.check_for_libra()
    servers = ServerClients(libra=libra, token=token, verify=verify)
    with contextlib.closing(servers.statements()) as there, submit_and_guard(there, job) as first:
        print_result(there, follow(there, first, with_log=True).raise_for_state(), form)


def _code_and_arguments(file: Path | None, given: Sequence[str]) -> tuple[str, list[str]]:
    if file is not None:
        return read_text(file, parameter="--file"), list(given)
    if not given:
        raise BadInput("CODE", None, "expected Python code, - for standard input, or --file")
    code, *rest = given
    return sys.stdin.read() if code == "-" else code, rest
