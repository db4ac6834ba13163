"""``libra submit``: run an application in cluster mode on a standalone cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from libra_provider.cli.console import print_message
from libra_provider.cli.follow import follow, submit_and_guard, submit_only
from libra_provider.cli.options import key_values
from libra_provider.cli.servers import Master, Rest, Secret, ServerClients, Token, Ui, Verify
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import DeployMode
from libra_provider.core.paths import located
from libra_provider.core.properties import spark_conf

_PATHS = "PATH,..."


def submit(
    application: Annotated[
        str,
        typer.Argument(
            metavar="APPLICATION",
            help="A .py or .jar file: a URL, a path on all workers, or with --libra a local path.",
        ),
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="Arguments of the application.")
    ] = None,
    *,
    conf: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Spark property; repeatable.")
    ] = None,
    java_class: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Main class of a JAR.")
    ] = None,
    py_files: Annotated[
        list[str] | None,
        typer.Option(metavar=_PATHS, help="Python files, .zip or .egg, to import from."),
    ] = None,
    jars: Annotated[list[str] | None, typer.Option(metavar=_PATHS, help="Additional JARs.")] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(metavar=_PATHS, help="Files for the working directory of each executor."),
    ] = None,
    archives: Annotated[
        list[str] | None, typer.Option(metavar=_PATHS, help="Archives to unpack there.")
    ] = None,
    packages: Annotated[
        list[str] | None,
        typer.Option(metavar="MAVEN,...", help="Maven packages: group:artifact:version."),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Environment variable of the driver; repeatable."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Application name in the Spark UI.")] = None,
    supervise: Annotated[
        bool, typer.Option("--supervise", help="The master restarts a failed driver.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Follow the job to its end, or only submit it.")
    ] = True,
    libra: Annotated[
        str | None,
        typer.Option(metavar="URL", help="URL of the Libra that ships local files."),
    ] = None,
    token: Token = None,
    master: Master = None,
    rest: Rest = None,
    ui: Ui = None,
    secret: Secret = None,
    verify: Verify = "true",
) -> None:
    """Submit an application to a Spark master, in cluster mode.

    Unknown options and everything after -- are passed to the application. Prints the driver's id,
    then follows it; Ctrl-C kills it. With --libra, Libra ships the job's local files, and
    `libra result` prints what the job returns. Exits with 1 if it fails, is killed or is lost.
    """
    if application.startswith("-"):
        raise typer.BadParameter(f"No such option: {application}")
    here = Path.cwd()
    lists = {"py_files": py_files, "jars": jars, "files": files, "archives": archives}
    job = SparkJob.from_application(
        located(application, here, parameter="application"),
        application_args=arguments or (),
        java_class=java_class,
        conf=spark_conf(key_values("--conf", conf or ()), deploy_mode=DeployMode.CLUSTER),
        packages=_listed(packages),
        env_vars=key_values("--env", env or ()),
        name=name,
        supervise=supervise,
        **{
            key: [located(each, here, parameter=key) for each in _listed(value)]
            for key, value in lists.items()
        },
    )
    servers = ServerClients(
        libra=libra or "",
        token=token,
        master=master,
        rest=rest,
        ui=ui,
        secret=secret,
        verify=verify,
    )
    _run(job, servers, wait=wait)


def _run(job: SparkJob, servers: ServerClients, *, wait: bool) -> None:
    with contextlib.closing(servers.drivers(ships=bool(servers.libra))) as drivers:
        if not wait:
            typer.echo(submit_only(drivers, job).job_id)
            return
        with submit_and_guard(drivers, job) as first:
            typer.echo(first.job_id)
            outcome = follow(drivers, first)
        drivers.settle(outcome.status)
        print_message(f"Log: libra logs {first.job_id}")
        if drivers.shipped_as:
            print_message(f"Result: libra result {drivers.shipped_as}")
        outcome.raise_for_state()


def _listed(given: Sequence[str] | None) -> list[str]:
    """The items of a repeatable option; each value may hold several, separated by commas."""
    return [each for text in given or () for item in text.split(",") if (each := item.strip())]
