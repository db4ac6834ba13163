"""A connection of type ``libra`` becomes a client of Libra."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from airflow.sdk import Connection

from libra_provider.clients import libra
from libra_provider.clients.authorization import BearerToken
from libra_provider.clients.doctor import Examination
from libra_provider.clients.doctor_libra import examine_libra
from libra_provider.clients.rows import all_rows
from libra_provider.clients.statement_view import StatementView
from libra_provider.clients.transport import ServerAddress
from libra_provider.core.errors import BadInput
from libra_provider.core.job import Backend, SparkJob
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook, address, scheme


class LibraHook(ServerHook):
    """
    Submit statements to Libra, ask how they stand, stop them, and fetch their rows.

    :param libra_conn_id: a connection of type ``libra``: host, port (8990), schema (http or
        https), password (the bearer token); in the extra: ``verify`` (path of a CA file, or a
        boolean), ``timeout`` (seconds per request), ``session``, ``pool``.
    """

    conn_name_attr = "libra_conn_id"
    default_conn_name = "libra_default"
    conn_type = "libra"
    hook_name = "Libra"
    backend = Backend.LIBRA
    default_port = 8990

    def __init__(self, libra_conn_id: str = default_conn_name) -> None:
        super().__init__(libra_conn_id)
        self.session: str | None = None
        self.pool_name: str | None = None

    def read(self, connection: Connection) -> list[ServerAddress]:
        """Take session and pool from *connection*; its one address."""
        if not connection.host:
            raise BadInput("host", connection.host, f"connection {self.connection_id} needs one")
        extra = connection.extra_dejson
        self.session, self.pool_name = extra.get("session"), extra.get("pool")
        url = f"{scheme(connection)}://{connection.host}:{connection.port or self.default_port}"
        token = BearerToken(connection.password)
        return [address(connection, url, authorization=token)]

    def submit(self, job: SparkJob, tag: str) -> JobStatus:
        """Have *job* accepted once under *tag*; the same tag finds the same statement again."""
        client = self.client()
        return client.send(libra.submit(self._completed(job), tag))

    async def asubmit(self, job: SparkJob, tag: str) -> JobStatus:
        """Have *job* accepted once under *tag*, for event loops."""
        client = await self.aclient()
        return await client.asend(libra.submit(self._completed(job), tag))

    def status(self, job_id: str) -> JobStatus:
        """Where statement *job_id* stands; raises ServerError."""
        return self.client().send(libra.status(job_id))

    async def astatus(self, job_id: str) -> JobStatus:
        """Where statement *job_id* stands, for triggers."""
        return await (await self.aclient()).asend(libra.status(job_id))

    def view(self, job_id: str, *, with_log: bool = True) -> StatementView:  # noqa: ARG002 - none yet
        """A view of statement *job_id*."""
        return StatementView(job_id)

    def kill(self, job_id: str) -> str:
        """Stop statement *job_id*; the answer is the state in which it was found."""
        return self.client().send(libra.kill(job_id)).state

    async def akill(self, job_id: str) -> str:
        """Stop statement *job_id*, for triggers."""
        return (await (await self.aclient()).asend(libra.kill(job_id))).state

    def result(self, job_id: str) -> list[dict[str, Any]]:
        """Every row of statement *job_id* as a dict; raises ServerError, JobLost.

        Raises BadInput for a result with two columns of one name: a dict would drop one of them.
        """
        return self.client().run(all_rows(job_id)).as_dicts()

    def examine(self) -> Examination:
        """From the name of the host to the queue; raises BadInput."""
        return examine_libra(self.client().addresses[0])

    def _completed(self, job: SparkJob) -> SparkJob:
        session, pool = job.session or self.session, job.pool_name or self.pool_name
        return replace(job, session=session, pool_name=pool)
