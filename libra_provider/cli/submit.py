"""``libra submit``: a driver of its own on a worker of a standalone cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from libra_provider.cli.console import say
from libra_provider.cli.follow import follow, submit_and_guard, submit_only
from libra_provider.cli.options import key_values
from libra_provider.cli.servers import Master, Rest, Secret, ServerClients, Token, Ui, Verify
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import DeployMode
from libra_provider.core.paths import located
from libra_provider.core.properties import spark_conf

_PATHS = "PATH,…"


def submit(
    application: Annotated[
        str,
        typer.Argument(
            metavar="APPLICATION",
            help="A .py or .jar: a path that the workers see too, or with --libra any; or a URL.",
        ),
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="Its own arguments.")
    ] = None,
    *,
    conf: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A Spark property.")
    ] = None,
    java_class: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="The main class of a JAR.")
    ] = None,
    py_files: Annotated[
        list[str] | None, typer.Option(metavar=_PATHS, help="Python files to import from.")
    ] = None,
    jars: Annotated[list[str] | None, typer.Option(metavar=_PATHS, help="Further JARs.")] = None,
    files: Annotated[
        list[str] | None, typer.Option(metavar=_PATHS, help="For each working directory.")
    ] = None,
    archives: Annotated[
        list[str] | None, typer.Option(metavar=_PATHS, help="To unpack there.")
    ] = None,
    packages: Annotated[
        list[str] | None, typer.Option(metavar="MAVEN,…", help="group:artifact:version.")
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Of the driver's environment.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The application's name.")] = None,
    supervise: Annotated[
        bool, typer.Option("--supervise", help="The master starts a failed driver again.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Follow it to its end, or only submit.")
    ] = True,
    libra: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ship what lies here by the Libra that listens there."),
    ] = None,
    token: Token = None,
    master: Master = None,
    rest: Rest = None,
    ui: Ui = None,
    secret: Secret = None,
    verify: Verify = "true",
) -> None:
    """Run an application in cluster mode.

    Options that are not listed here are the application's, as is everything behind --.
    Prints the driver's id, then follows it; Ctrl-C kills it. With --libra the job's files are
    shipped, and `libra result` has what it hands in.
    Ends with 1 if it failed, was killed or is lost.
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
        say(f"Its log: libra logs {first.job_id}")
        if drivers.shipped_as:
            say(f"Its receipt, and its result: libra result {drivers.shipped_as}")
        outcome.raise_for_state()


def _listed(given: Sequence[str] | None) -> list[str]:
    """The items of a repeated option, each of which may hold several with commas between."""
    return [each for text in given or () for item in text.split(",") if (each := item.strip())]
