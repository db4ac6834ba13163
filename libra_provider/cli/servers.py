"""Options and variables for the servers' addresses and credentials, shared by all commands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from libra_provider.cli.follow import JobServer
from libra_provider.core.errors import BadInput

if TYPE_CHECKING:
    # Importing what talks to the network takes longer than `libra --help` may take.
    from libra_provider.cli.backends import LibraJobs, MasterJobs

LibraUrl = Annotated[
    str, typer.Option("--libra", envvar="LIBRA_URL", metavar="URL", help="Libra's URL.")
]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="LIBRA_TOKEN",
        show_envvar=True,
        help="Libra's bearer token. Prefer the variable: other users can see options.",
    ),
]
Master = Annotated[
    str | None,
    typer.Option(
        envvar="LIBRA_MASTER",
        metavar="SPARK_URL",
        help="Spark master: spark://host:7077[,host2:7077...].",
    ),
]
Rest = Annotated[
    str | None,
    typer.Option(
        envvar="LIBRA_MASTER_REST",
        metavar="URL,...",
        help="REST URLs of the masters (default: port 6066 of each).",
    ),
]
Ui = Annotated[
    str | None,
    typer.Option(
        envvar="LIBRA_MASTER_UI",
        metavar="URL,...",
        help="Web UI URLs of the masters (default: port 8080 of each).",
    ),
]
Secret = Annotated[
    str | None,
    typer.Option(
        envvar="LIBRA_MASTER_SECRET",
        show_envvar=True,
        metavar="BASE64URL",
        help="JWS secret of the masters. Prefer the variable: other users can see options.",
    ),
]
Verify = Annotated[
    str,
    typer.Option(
        envvar="LIBRA_VERIFY",
        metavar="FILE",
        help="CA certificates for https, or false to skip verification (default: the system's).",
    ),
]
DEFAULT_LIBRA = "http://127.0.0.1:8990"
_MASTER = re.compile(r"spark://(?P<hosts>[\w.-]+:\d+(?:,[\w.-]+:\d+)*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerClients:
    """The servers of a command; creates clients on demand."""

    libra: str = DEFAULT_LIBRA
    token: str | None = field(default=None, repr=False)
    master: str | None = None
    rest: str | None = None
    ui: str | None = None
    secret: str | None = field(default=None, repr=False)
    verify: str = "true"

    def statements(self) -> LibraJobs:
        """A client of Libra; raises BadInput for an invalid URL."""
        from libra_provider.cli.backends import LibraJobs  # noqa: PLC0415 - see above

        return LibraJobs(self.libra, token=self.token, verify=self.verify)

    def drivers(self, *, ships: bool = False) -> MasterJobs:
        """A client of the master; raises BadInput if none is set. *ships*: upload files first."""
        from libra_provider.cli.backends import MasterJobs  # noqa: PLC0415 - see above

        hosts = self._hosts()
        return MasterJobs(
            str(self.master),
            rest_urls=_listed(self.rest) or [f"http://{host}:6066" for host in hosts],
            ui_urls=_listed(self.ui) or [f"http://{host}:8080" for host in hosts],
            secret=self.secret,
            verify=self.verify,
            libra=self.statements() if ships else None,
        )

    def of(self, job_id: str) -> JobServer:
        """The server of *job_id*: the master for ``driver-…``, otherwise Libra."""
        return self.drivers() if job_id.startswith("driver-") else self.statements()

    def _hosts(self) -> list[str]:
        found = _MASTER.fullmatch(self.master or "")
        if found is None:
            expected = "expected spark://host:7077[,host2:7077...], here or in LIBRA_MASTER"
            raise BadInput("--master", self.master, expected)
        return [each.partition(":")[0] for each in found["hosts"].split(",")]


def _listed(text: str | None) -> list[str]:
    return [each for item in (text or "").split(",") if (each := item.strip())]
