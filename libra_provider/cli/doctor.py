"""``libra doctor``: checks the connections from this machine to the servers."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

import typer

from libra_provider.cli.console import print_data, print_message, steps_as_table
from libra_provider.cli.servers import (
    DEFAULT_LIBRA,
    Master,
    Rest,
    Secret,
    ServerClients,
    Token,
    Ui,
    Verify,
)

if TYPE_CHECKING:
    # Importing what talks to the network takes longer than `libra --help` may take.
    from libra_provider.clients.doctor.checks import CheckReport

NamedLibra = Annotated[
    str | None,
    typer.Option(
        "--libra",
        envvar="LIBRA_URL",
        metavar="URL",
        help=f"Libra's URL (default: {DEFAULT_LIBRA}, unless --master is given).",
    ),
]


def doctor(
    *,
    libra: NamedLibra = None,
    token: Token = None,
    master: Master = None,
    rest: Rest = None,
    ui: Ui = None,
    secret: Secret = None,
    verify: Verify = "true",
    as_json: Annotated[bool, typer.Option("--json", help="Print the steps as JSON.")] = False,
) -> None:
    """Check the connections to Libra and the Spark master.

    Prints advice for each failed step and exits with 1 if there is one. Submits, changes and
    stops nothing.
    """
    url = libra or (None if master else DEFAULT_LIBRA)
    servers = ServerClients(
        libra=url or "", token=token, master=master, rest=rest, ui=ui, secret=secret, verify=verify
    )
    found = _reports(servers)
    steps = [step for each in found for step in each.steps]
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(step) for step in steps], indent=2))
    else:
        print_data(steps_as_table(steps))
        for each in found:
            print_message(each.sentence, style="" if each.is_well else "red")
    if not all(each.is_well for each in found):
        raise typer.Exit(1)


def _reports(servers: ServerClients) -> list[CheckReport]:
    found = []
    if servers.master:
        with contextlib.closing(servers.drivers()) as drivers:
            found.append(drivers.examine())
    if servers.libra:
        with contextlib.closing(servers.statements()) as statements:
            found.append(statements.examine())
    return found
