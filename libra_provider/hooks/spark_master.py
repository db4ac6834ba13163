"""A connection of type ``spark_master`` becomes a client of a standalone cluster."""

from __future__ import annotations

from airflow.sdk import Connection

from libra_provider.clients import spark_master, standalone
from libra_provider.clients.transport import ServerAddress
from libra_provider.core.errors import BadInput
from libra_provider.core.job import Backend, JobStatus, SparkJob
from libra_provider.core.states import JobState
from libra_provider.hooks.base import ServerHook, address, listed, scheme


class SparkMasterHook(ServerHook):
    """
    Submit drivers to a Spark standalone master, ask how they stand, and stop them.

    :param spark_master_conn_id: a connection of type ``spark_master``: host (one or several with
        commas, each with or without its port), port (7077), schema (http or https, of the REST
        port); in the extra: ``rest_port`` (6066), ``rest_urls`` (instead of host and rest_port),
        ``ui_urls`` (default: port 8080 of each host), ``verify``, ``timeout`` (seconds per
        request), ``spark_defaults`` (properties that every job gets unless it sets them).
    """

    conn_name_attr = "spark_master_conn_id"
    default_conn_name = "spark_master_default"
    conn_type = "spark_master"
    hook_name = "Spark standalone master"
    backend = Backend.SPARK_MASTER
    default_port = 7077

    def __init__(self, spark_master_conn_id: str = default_conn_name) -> None:
        super().__init__(spark_master_conn_id)
        self.master_url = ""
        self.ui_urls: list[str] = []
        self.spark_defaults: dict[str, str] = {}

    def read(self, connection: Connection) -> list[ServerAddress]:
        """Take master URL, UI addresses and defaults from *connection*; its REST addresses."""
        extra = connection.extra_dejson
        hosts = [self._host_and_port(each, connection) for each in listed(connection.host)]
        if not hosts:
            raise BadInput("host", connection.host, f"connection {self.connection_id} needs one")
        self.master_url = "spark://" + ",".join(f"{host}:{port}" for host, port in hosts)
        self.ui_urls = listed(extra.get("ui_urls")) or [f"http://{host}:8080" for host, _ in hosts]
        self.spark_defaults = dict(extra.get("spark_defaults") or {})
        rest_port = extra.get("rest_port") or 6066
        urls = listed(extra.get("rest_urls")) or [
            f"{scheme(connection)}://{host}:{rest_port}" for host, _ in hosts
        ]
        return [address(connection, url) for url in urls]

    def _host_and_port(self, text: str, connection: Connection) -> tuple[str, int]:
        host, _, port = text.removeprefix("spark://").partition(":")
        number = port or str(connection.port or self.default_port)
        if not number.isdigit():
            raise BadInput("host", text, "it looks like 'host' or 'host:7077', commas between them")
        return host, int(number)

    def greet(self) -> None:
        """Ask the REST port whether it takes submissions; raises ServerError."""
        self.client().send(spark_master.ready())

    def submit(self, job: SparkJob, tag: str) -> JobStatus:
        """Create a driver for *job* that carries *tag*; calling twice makes two."""
        client = self.client()
        complete = job.replace(conf={**self.spark_defaults, **job.conf})
        driver_id = client.send(spark_master.submit(complete, tag, master=self.master_url))
        return JobStatus(job_id=driver_id, state=JobState.WAITING)

    def status(self, job_id: str) -> JobStatus:
        """Where driver *job_id* stands, a failed one with its first exception."""
        client = self.client()
        return client.run(standalone.explained_status(job_id, self.ui_urls))

    async def astatus(self, job_id: str) -> JobStatus:
        """Where driver *job_id* stands, for triggers."""
        client = await self.aclient()
        return await client.arun(standalone.explained_status(job_id, self.ui_urls))

    def kill(self, job_id: str) -> str:
        """Ask the master to stop driver *job_id*; the answer is what it said."""
        return self.client().send(spark_master.kill(job_id))

    async def akill(self, job_id: str) -> str:
        """Ask the master to stop driver *job_id*, for triggers."""
        return await (await self.aclient()).asend(spark_master.kill(job_id))

    def check(self) -> str:
        """A sentence that says which master answered; raises LibraError."""
        found = self.client().send(spark_master.ready())
        return f"The REST port of a Spark {found.spark_version} master answers and is ready."
