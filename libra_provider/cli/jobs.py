"""``libra status`` and ``libra kill``: a job by its id, whoever runs it."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from libra_provider.cli.screen import say, show, status_as_table
from libra_provider.cli.servers import DEFAULT_LIBRA, LibraUrl, Master, Rest, Servers, Token, Ui
from libra_provider.clients.ending import kill_and_verify
from libra_provider.core.errors import JobLost
from libra_provider.core.states import JobState

JobId = Annotated[
    str, typer.Argument(metavar="ID", help="driver-… is asked at the master, others at Libra.")
]


def status(
    job_id: JobId,
    *,
    libra: LibraUrl = DEFAULT_LIBRA,
    token: Token = None,
    master: Master = None,
    rest: Rest = None,
    ui: Ui = None,
) -> None:
    """Say how a job stands and where its driver runs."""
    servers = Servers(libra=libra, token=token, master=master, rest=rest, ui=ui)
    with contextlib.closing(servers.of(job_id)) as jobs:
        show(status_as_table(jobs.status(job_id)))


def kill(
    job_id: JobId,
    *,
    libra: LibraUrl = DEFAULT_LIBRA,
    token: Token = None,
    master: Master = None,
    rest: Rest = None,
    ui: Ui = None,
) -> None:
    """Stop a job, and see that it stopped; ends with 1 if it may still run."""
    servers = Servers(libra=libra, token=token, master=master, rest=rest, ui=ui)
    with contextlib.closing(servers.of(job_id)) as jobs:
        ended = kill_and_verify(jobs, job_id)
    if ended.state is JobState.LOST:
        raise JobLost(job_id, ended.detail)
    say(f"{job_id} ended: {ended.state}")
