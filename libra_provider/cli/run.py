"""``libra run``: run a Python file or a JAR on Libra."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from libra_provider.cli.follow import follow, submit_and_guard, submit_only
from libra_provider.cli.options import (
    Conf,
    Deploy,
    Isolated,
    Pool,
    Session,
    Timeout,
    key_values,
    timeout_seconds,
)
from libra_provider.cli.result_output import OutputForm, print_result
from libra_provider.cli.servers import DEFAULT_LIBRA, LibraUrl, ServerClients, Token, Verify
from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Mode
from libra_provider.core.paths import at_libra
from libra_provider.core.properties import spark_conf


def run(
    application: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A .py or .jar file: a path in Libra's file_roots, or a URL."
        ),
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="Arguments of the application.")
    ] = None,
    *,
    java_class: Annotated[
        str | None,
        typer.Option("--class", "--main-class", metavar="NAME", help="Main class of a JAR."),
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Run a JAR in the shared driver's JVM.")
    ] = False,
    isolated: Isolated = False,
    deploy_mode: Deploy = None,
    conf: Conf = None,
    name: Annotated[str | None, typer.Option(help="Application name in the Spark UI.")] = None,
    timeout: Timeout = None,
    pool: Pool = None,
    session: Session = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Follow the job to its end, or only submit it.")
    ] = True,
    libra: LibraUrl = DEFAULT_LIBRA,
    token: Token = None,
    verify: Verify = "true",
) -> None:
    """Run a Python file or a JAR on Libra, in a dedicated driver unless --shared.

    Unknown options and everything after -- are passed to the application. Prints the output of
    the application; Ctrl-C kills it. Exits with 1 if it fails, is killed or is lost.
    """
    if application.startswith("-"):
        raise typer.BadParameter(f"No such option: {application}")
    job = SparkJob.from_application(
        at_libra(application, Path.cwd(), parameter="application"),
        application_args=arguments or (),
        java_class=java_class,
        conf=spark_conf(key_values("--conf", conf or ()), deploy_mode=deploy_mode),
        mode=_mode(shared=shared, isolated=isolated),
        deploy_mode=deploy_mode,
        name=name,
        timeout=timeout_seconds(timeout),
        pool_name=pool,
        session=session,
    )
    job.check_for_libra()
    servers = ServerClients(libra=libra, token=token, verify=verify)
    with contextlib.closing(servers.statements()) as there:
        if not wait:
            typer.echo(submit_only(there, job).job_id)
            return
        with submit_and_guard(there, job) as first:
            print_result(there, follow(there, first, with_log=True).raise_for_state(), OutputForm())


def _mode(*, shared: bool, isolated: bool) -> Mode | None:
    if shared and isolated:
        raise BadInput("--isolated", isolated, "expected only one of --shared and --isolated")
    return Mode.SHARED if shared else Mode.ISOLATED if isolated else None
