"""The hook for connections of type ``spark_master``."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import Connection

from libra_provider.clients.doctor.checks import CheckReport
from libra_provider.clients.doctor.master import check_master
from libra_provider.clients.http.call import Call
from libra_provider.clients.http.credentials import jws
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra.shipment import SPEC_VARIABLE
from libra_provider.clients.standalone import rest
from libra_provider.clients.standalone.create_request import TAG, main_class
from libra_provider.clients.standalone.diagnosis import why_it_may_run
from libra_provider.clients.standalone.find_by_tag import TagQuery, carriers
from libra_provider.clients.standalone.group import DriverGroup
from libra_provider.clients.standalone.preflight import greet_master
from libra_provider.clients.standalone.view import DriverView
from libra_provider.clients.submit_once import TagMatches
from libra_provider.core.errors import BadInput
from libra_provider.core.job import Backend, SparkJob
from libra_provider.core.kinds import DeployMode, Mode
from libra_provider.core.limits import ResourceLimits
from libra_provider.core.properties import CORES_MAX, spark_conf
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook, address, listed, scheme

log = logging.getLogger(__name__)
_UNLIMITED = (
    "spark.cores.max is not set: the job's executors take all free cores of the cluster, and "
    "drivers that hold all cores wait for each other. Set it in conf, or set spark_defaults or "
    "max_cores in the extra of connection %s"
)


class SparkMasterHook(ServerHook):
    """
    Submit drivers to a Spark standalone master, poll their status, and kill them.

    :param spark_master_conn_id: a connection of type ``spark_master``: host (one or several with
        commas, each with or without its port), port (7077), schema (http or https, of the REST
        port); in the extra: ``rest_port`` (6066), ``rest_urls`` (instead of host and rest_port),
        ``ui_urls`` (default: port 8080 of each host), ``verify``, ``timeout`` (seconds per
        request), ``spark_defaults`` (default properties of jobs), ``max_cores`` (limit for all
        executors of a job together and for its driver), ``max_memory`` (limit for the driver and
        for each executor), ``bootstrap`` (path of ``libra_provider/jobs/bootstrap.py`` on the
        workers, which ends Python processes with their drivers).
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
        self.caps = ResourceLimits(owner=f"connection {self.connection_id}")
        self.bootstrap: str | None = None

    def read(self, connection: Connection) -> list[ServerAddress]:
        """Read master URL, UI URLs and defaults of *connection*; returns its REST addresses."""
        extra = connection.extra_dejson
        hosts = [self._host_and_port(each, connection) for each in listed(connection.host)]
        if not hosts:
            raise BadInput(
                "host", connection.host, f"connection {self.connection_id} requires a host"
            )
        self.master_url = "spark://" + ",".join(f"{host}:{port}" for host, port in hosts)
        self.ui_urls = listed(extra.get("ui_urls")) or [f"http://{host}:8080" for host, _ in hosts]
        self.caps = self._caps(extra)
        self.bootstrap = extra.get("bootstrap") or None
        rest_port = extra.get("rest_port") or 6066
        urls = listed(extra.get("rest_urls")) or [
            f"{scheme(connection)}://{host}:{rest_port}" for host, _ in hosts
        ]
        signed = jws(connection.password)
        return [address(connection, url, authorization=signed) for url in urls]

    def _caps(self, extra: dict[str, Any]) -> ResourceLimits:
        given = extra.get("spark_defaults")
        if not isinstance(given or {}, dict):
            raise BadInput("spark_defaults", given, "expected a JSON object of properties")
        return ResourceLimits(
            owner=f"connection {self.connection_id}",
            defaults=spark_conf(given, deploy_mode=DeployMode.CLUSTER, parameter="spark_defaults"),
            max_cores=extra.get("max_cores"),
            max_memory=extra.get("max_memory") or None,
        )

    def _host_and_port(self, text: str, connection: Connection) -> tuple[str, int]:
        host, _, port = text.removeprefix("spark://").partition(":")
        number = port or str(connection.port or self.default_port)
        if not number.isdigit():
            raise BadInput("host", text, "expected host or host:7077, comma-separated")
        return host, int(number)

    @property
    def ui_url(self) -> str | None:
        """The first master's web UI."""
        self.client()  # it reads ui_urls
        return self.ui_urls[0] if self.ui_urls else None

    def greet(self) -> None:
        """Check that the REST port accepts submissions; raises ServerError."""
        greet_master(self.client())

    def finds_again(self) -> bool:
        """False: submitting a tag twice creates two drivers."""
        return False

    def find(self, sought: TagQuery) -> TagMatches:
        """Find the drivers with the tag, which only their own logs show."""
        self.client()  # it reads ui_urls
        return self.client().run(carriers(sought, self.ui_urls))

    async def afind(self, sought: TagQuery) -> TagMatches:
        """Find the drivers with the tag, for event loops."""
        client = await self.aclient()
        return await client.arun(carriers(sought, self.ui_urls))

    def lookup_advice(self, tag: str) -> str:
        """Advice for finding the driver of *tag*; the master's web UI does not show tags."""
        return (
            f"look for {TAG}={tag} at the head of their stderr, kill the driver that has it, "
            "and clear the task"
        )

    def mode_of(self, job: SparkJob) -> Mode:  # noqa: ARG002 - a master has no other drivers
        """ISOLATED: each driver of a master is dedicated to one job."""
        return Mode.ISOLATED

    def main_class(self, job: SparkJob) -> str | None:
        """The class that the master's web UI lists for the driver of *job*."""
        return main_class(job)

    def why_it_may_run(self, status: JobStatus) -> str:
        """Why a driver whose worker was lost may still run; raises ServerError without web UIs."""
        if not status.worker_lost or status.location is None:
            return ""
        client = self.client()  # it reads ui_urls
        return client.run(why_it_may_run(str(status.location.worker_id), self.ui_urls))

    def complete(self, job: SparkJob) -> SparkJob:
        """*job* with defaults; raises BadInput if it requests more than the connection allows."""
        self.client()  # it reads the connection
        return self.caps.complete(job)

    def submit_completed(self, job: SparkJob, tag: str) -> JobStatus:
        """Create a driver for *job* with *tag*; calling this twice creates two."""
        driver_id = self.client().send(self._creation(job, tag))
        return JobStatus(job_id=driver_id, state=JobState.WAITING)

    async def asubmit(self, job: SparkJob, tag: str) -> JobStatus:
        """Create a driver for *job*, for event loops; calling this twice creates two."""
        client = await self.aclient()
        driver_id = await client.asend(self._creation(self.complete(job), tag))
        return JobStatus(job_id=driver_id, state=JobState.WAITING)

    def _creation(self, job: SparkJob, tag: str) -> Call[str]:
        if CORES_MAX not in job.conf:
            log.warning(_UNLIMITED, self.connection_id)
        # What runs by an order has the bootstrap that it came with.
        bootstrap = None if SPEC_VARIABLE in job.env_vars else self.bootstrap
        return rest.submit(job, tag, master=self.master_url, bootstrap=bootstrap)

    def status(self, job_id: str) -> JobStatus:
        """Fetch the status of driver *job_id* from the master."""
        return self.client().send(rest.status(job_id))

    async def astatus(self, job_id: str) -> JobStatus:
        """Fetch the status of driver *job_id*, for event loops."""
        return await (await self.aclient()).asend(rest.status(job_id))

    def view(self, job_id: str, *, with_log: bool = True) -> DriverView:
        """A view of driver *job_id*: its state, location, reason for waiting, and log."""
        self.client()  # it reads ui_urls
        return DriverView(job_id, self.ui_urls, with_log=with_log)

    def group(self) -> DriverGroup:
        """A group for polling many drivers."""
        self.client()  # it reads ui_urls
        return DriverGroup(self.ui_urls)

    def output(self, job_id: str) -> list[str]:
        """The same as :meth:`logs`."""
        return self.logs(job_id)

    def logs(self, job_id: str) -> list[str]:
        """Fetch the output of driver *job_id* so far, masked; raises ServerError."""
        return list(map(str, self.client().run(self.view(job_id).whole_log())))

    async def alogs(self, job_id: str) -> list[str]:
        """Fetch the output of driver *job_id* so far, for event loops."""
        client = await self.aclient()
        return list(map(str, await client.arun(self.view(job_id).whole_log())))

    def kill(self, job_id: str) -> str:
        """Ask the master to kill driver *job_id*; returns its message."""
        return self.client().send(rest.kill(job_id))

    async def akill(self, job_id: str) -> str:
        """Ask the master to kill driver *job_id*, for triggers."""
        return await (await self.aclient()).asend(rest.kill(job_id))

    def examine(self) -> CheckReport:
        """Check masters, workers and settings step by step; raises BadInput."""
        addresses = self.client().addresses
        return check_master(addresses, master_url=self.master_url, ui_urls=self.ui_urls)
