"""``libra status``, ``logs`` and ``kill``: a job by its id, on Libra or a Spark master."""

from __future__ import annotations

import contextlib
import time
from typing import Annotated

import typer

from libra_provider.cli.console import print_data, print_message, status_as_table
from libra_provider.cli.servers import (
    DEFAULT_LIBRA,
    LibraUrl,
    Master,
    Rest,
    Secret,
    ServerClients,
    Token,
    Ui,
    Verify,
)
from libra_provider.clients.observation import STREAMS, Observation
from libra_provider.clients.stop import kill_and_verify
from libra_provider.core.errors import BadInput, JobLost, LibraError
from libra_provider.core.states import JobState

# As often as a reader notices; each poll is one or two requests.
_FOLLOW_INTERVAL = 1.0  # seconds

JobId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="A driver id (driver-...), or the id of a statement on Libra."
    ),
]


def status(
    job_id: JobId,
    *,
    libra: LibraUrl = DEFAULT_LIBRA,
    token: Token = None,
    master: Master = None,
    rest: Rest = None,
    ui: Ui = None,
    secret: Secret = None,
    verify: Verify = "true",
) -> None:
    """Show the status of a job and where its driver runs."""
    servers = ServerClients(
        libra=libra, token=token, master=master, rest=rest, ui=ui, secret=secret, verify=verify
    )
    with contextlib.closing(servers.of(job_id)) as jobs:
        found = jobs.look(jobs.view(job_id))
        print_data(status_as_table(found.status))
        if found.warning:
            print_message(found.warning, style="yellow")


def logs(
    job_id: JobId,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Follow the output until the job ends.")
    ] = False,
    stream: Annotated[
        str | None,
        typer.Option(
            metavar="stdout|stderr", help="Print only this stream, without line prefixes."
        ),
    ] = None,
    libra: LibraUrl = DEFAULT_LIBRA,
    token: Token = None,
    master: Master = None,
    rest: Rest = None,
    ui: Ui = None,
    secret: Secret = None,
    verify: Verify = "true",
) -> None:
    """Print the output of a job's driver, with secrets masked and without its launch command."""
    if stream not in (None, *STREAMS):
        raise BadInput("--stream", stream, f"expected {' or '.join(STREAMS)}")
    servers = ServerClients(
        libra=libra, token=token, master=master, rest=rest, ui=ui, secret=secret, verify=verify
    )
    with contextlib.closing(servers.of(job_id)) as jobs:
        view = jobs.view(job_id, with_log=True)
        while _printed(jobs.look(view), stream, follow=follow):
            time.sleep(_FOLLOW_INTERVAL if follow else 0)


def _printed(found: Observation, stream: str | None, *, follow: bool) -> bool:
    """Print new lines; returns whether there may be more."""
    for line in found.lines:
        if stream is None:
            typer.echo(str(line))
        elif line.stream == stream:
            typer.echo(line.text)
    if found.warning:
        raise LibraError(found.warning)
    if found.status.state is JobState.LOST:
        raise JobLost(found.status.job_id, found.status.detail)
    return (found.more or follow) and not found.status.state.is_terminal


def kill(
    job_id: JobId,
    *,
    libra: LibraUrl = DEFAULT_LIBRA,
    token: Token = None,
    master: Master = None,
    rest: Rest = None,
    ui: Ui = None,
    secret: Secret = None,
    verify: Verify = "true",
) -> None:
    """Kill a job and wait until it has ended; exits with 1 if it may still be running."""
    servers = ServerClients(
        libra=libra, token=token, master=master, rest=rest, ui=ui, secret=secret, verify=verify
    )
    with contextlib.closing(servers.of(job_id)) as jobs:
        ended = kill_and_verify(jobs, job_id)
    if ended.state is JobState.LOST:
        raise JobLost(job_id, ended.detail)
    print_message(f"{job_id} ended: {ended.state}")
