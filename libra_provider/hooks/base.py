"""The base of the hooks: one connection, one client, created once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from typing import Any, ClassVar, Self, TypeVar

from airflow.sdk import BaseHook, Connection

from libra_provider.clients.doctor.checks import CheckReport
from libra_provider.clients.http.client import Client
from libra_provider.clients.http.dialogue import Dialogue
from libra_provider.clients.http.tls import verification
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.observation import JobGroup, JobView, Observation
from libra_provider.clients.standalone.find_by_tag import TagQuery
from libra_provider.clients.submit_once import TagMatches
from libra_provider.core.errors import BadInput, LibraError
from libra_provider.core.job import Backend, SparkJob
from libra_provider.core.kinds import Mode
from libra_provider.core.status import JobStatus
from libra_provider.core.units import duration_in_seconds

T = TypeVar("T")


class ServerHook(BaseHook, ABC):
    """A hook that reads its connection once.

    ``on_kill`` then needs no call to Airflow's supervisor, which may deadlock there.
    """

    backend: ClassVar[Backend]
    default_port: ClassVar[int]

    def __init__(self, connection_id: str) -> None:
        super().__init__()
        self.connection_id = connection_id
        self._client: Client | None = None

    def client(self) -> Client:
        """The client of this connection; raises BadInput for an invalid connection."""
        if self._client is None:
            self.use(self.get_connection(self.connection_id))
        return self._made()

    async def aclient(self) -> Client:
        """The client of this connection, read in an event loop."""
        if self._client is None:
            self.use(await self.aget_connection(self.connection_id))
        return self._made()

    def with_new_connections(self) -> Self:
        """A copy with its own network connections; sends no request to Airflow."""
        other = copy(self)
        other._client = Client(self._made().addresses)  # noqa: SLF001 - it is another of these
        return other

    def use(self, connection: Connection) -> Self:
        """Use *connection* from now on."""
        self._client = Client(self.read(connection))
        return self

    @abstractmethod
    def read(self, connection: Connection) -> list[ServerAddress]:
        """Read the settings of *connection*; returns the addresses of its servers, in order."""

    @property
    def server_url(self) -> str:
        """The server's address, for messages."""
        return self.client().active.url

    @property
    def ui_url(self) -> str | None:
        """The server's web UI, or None."""
        return None

    def greet(self) -> None:
        """Check that this is the right server before a submission that is not idempotent."""

    @abstractmethod
    def finds_again(self) -> bool:
        """Whether submitting a tag again returns the existing job; raises ServerError."""

    @abstractmethod
    def find(self, sought: TagQuery) -> TagMatches:
        """Find the jobs with the tag of *sought*; raises ServerError, NotOffered if unsupported."""

    @abstractmethod
    async def afind(self, sought: TagQuery) -> TagMatches:
        """Find the jobs with the tag of *sought*, for event loops."""

    @abstractmethod
    def lookup_advice(self, tag: str) -> str:
        """Advice for users if the job of *tag* cannot be found."""

    @property
    def submission_seconds(self) -> float:
        """The maximum duration of a submission in seconds, until it times out."""
        return sum(each.connect_timeout + each.read_timeout for each in self.client().addresses)

    @abstractmethod
    def mode_of(self, job: SparkJob) -> Mode:
        """Whose driver runs *job*."""

    @abstractmethod
    def main_class(self, job: SparkJob) -> str | None:
        """The main class under which the server lists the driver of *job*, or None."""

    def why_it_may_run(self, status: JobStatus) -> str:  # noqa: ARG002 - for those that lose it
        """Why the job of *status*, which has ended for its server, may still run; else empty.

        Raises ServerError if that cannot be determined.
        """
        return ""

    def complete(self, job: SparkJob) -> SparkJob:
        """*job* with the defaults of the connection, validated; raises BadInput.

        The returned job is not validated again: see :meth:`submit_completed`.
        """
        return job

    def submit(self, job: SparkJob, tag: str) -> JobStatus:
        """Submit *job* under *tag*; raises ServerError, and BadInput before anything is sent."""
        return self.submit_completed(self.complete(job), tag)

    @abstractmethod
    def submit_completed(self, job: SparkJob, tag: str) -> JobStatus:
        """Submit *job*, which :meth:`complete` has returned, under *tag*; raises ServerError."""

    @abstractmethod
    async def asubmit(self, job: SparkJob, tag: str) -> JobStatus:
        """Submit *job* under *tag*, for event loops."""

    @abstractmethod
    def status(self, job_id: str) -> JobStatus:
        """Fetch the status of *job_id* with one request; raises ServerError."""

    @abstractmethod
    async def astatus(self, job_id: str) -> JobStatus:
        """Fetch the status of *job_id*, for event loops."""

    @abstractmethod
    def view(self, job_id: str, *, with_log: bool = True) -> JobView:
        """A view of *job_id* for repeated polls; see :meth:`look`."""

    @abstractmethod
    def group(self) -> JobGroup:
        """A group for polling many jobs of this server; create it after :meth:`use`."""

    def look(self, view: JobView) -> Observation:
        """Poll once: the state, its reason, and new lines of the log; raises ServerError."""
        return self.client().run(view.look())

    async def alook(self, view: JobView) -> Observation:
        """Poll once, for triggers; create the view after :meth:`aclient`."""
        return await self.arun_dialogue(view.look())

    async def arun_dialogue(self, dialogue: Dialogue[T]) -> T:
        """Run *dialogue* in an event loop; raises ServerError."""
        return await (await self.aclient()).arun(dialogue)

    @abstractmethod
    def kill(self, job_id: str) -> str:
        """Kill *job_id*; returns the server's message."""

    @abstractmethod
    async def akill(self, job_id: str) -> str:
        """Kill *job_id*, for triggers."""

    @abstractmethod
    def examine(self) -> CheckReport:
        """Run the checks of ``libra doctor``, within twelve seconds; raises BadInput."""

    def test_connection(self) -> tuple[bool, str]:
        """Whether this connection works, and a message for Airflow's connection form."""
        try:
            found = self.examine()
        except LibraError as error:
            return False, str(error)
        return found.is_well, found.sentence

    def output(self, job_id: str) -> list[str]:  # noqa: ARG002 - for those that keep it
        """The output of the driver of *job_id*, if it is kept; raises ServerError.

        The result of a job that ran without Libra is read from it.
        """
        return []

    def close(self) -> None:
        """Close the network connections."""
        if self._client:
            self._client.close()

    async def aclose(self) -> None:
        """Close the network connections of the event loop."""
        if self._client:
            await self._client.aclose()

    def _made(self) -> Client:
        assert self._client is not None  # noqa: S101 - both callers have just made it
        return self._client


def address(connection: Connection, url: str, **rest: Any) -> ServerAddress:
    """*url* with ``verify`` and ``timeout`` from the connection's extra."""
    extra = connection.extra_dejson
    if timeout := extra.get("timeout"):
        rest["read_timeout"] = duration_in_seconds(timeout, parameter="timeout")
    verify = verification(extra.get("verify", True))
    return ServerAddress(url=url, verify=verify, **rest)


def scheme(connection: Connection) -> str:
    """``http`` or ``https``, from the connection's schema."""
    found = (connection.schema or "http").lower()
    if found not in ("http", "https"):
        raise BadInput("schema", connection.schema, "expected http or https")
    return found


def listed(value: object) -> list[str]:
    """The items of a list or of a comma-separated string."""
    items = value if isinstance(value, list) else str(value or "").split(",")
    return [text for item in items if (text := str(item).strip())]
