"""``libra result``: print the result of a job."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from libra_provider.cli.result_output import Arrow, AsCsv, AsJson, OutputForm, print_result
from libra_provider.cli.servers import DEFAULT_LIBRA, LibraUrl, ServerClients, Token, Verify
from libra_provider.core.errors import BadInput
from libra_provider.core.polling import Outcome


def result(
    job_id: Annotated[
        str,
        typer.Argument(metavar="ID", help="Id of a statement, or tag of a shipped job."),
    ],
    *,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    arrow: Arrow = None,
    libra: LibraUrl = DEFAULT_LIBRA,
    token: Token = None,
    verify: Verify = "true",
) -> None:
    """Print the result of a statement or of a job that was shipped by Libra.

    Exits with 1 if the job failed, was killed or is lost.
    """
    form = OutputForm.of(as_json=as_json, as_csv=as_csv, arrow=arrow, result_path=None)
    servers = ServerClients(libra=libra, token=token, verify=verify)
    with contextlib.closing(servers.statements()) as there:
        status = there.status(job_id)
        if not status.state.is_terminal:
            raise BadInput("ID", job_id, f"the job is {status.state}; try again when it has ended")
        print_result(there, Outcome(status).raise_for_state(), form)
