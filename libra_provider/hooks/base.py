"""What the hooks share: one connection, one client, made once."""

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
    """A hook whose connection is read once, so that ``on_kill`` needs nothing but the network.

    In ``on_kill`` a call to Airflow's supervisor may deadlock.
    """

    backend: ClassVar[Backend]
    default_port: ClassVar[int]

    def __init__(self, connection_id: str) -> None:
        super().__init__()
        self.connection_id = connection_id
        self._client: Client | None = None

    def client(self) -> Client:
        """The client of this connection; raises BadInput for a connection that cannot work."""
        if self._client is None:
            self.use(self.get_connection(self.connection_id))
        return self._made()

    async def aclient(self) -> Client:
        """Make the client where an event loop runs."""
        if self._client is None:
            self.use(await self.aget_connection(self.connection_id))
        return self._made()

    def apart(self) -> Self:
        """The same server, over connections that nobody else uses; asks Airflow nothing."""
        other = copy(self)
        other._client = Client(self._made().addresses)  # noqa: SLF001 - it is another of these
        return other

    def use(self, connection: Connection) -> Self:
        """Speak to *connection* from now on."""
        self._client = Client(self.read(connection))
        return self

    @abstractmethod
    def read(self, connection: Connection) -> list[ServerAddress]:
        """Take what is needed from *connection*; the addresses to ask, in order."""

    @property
    def where(self) -> str:
        """The server's address, for people."""
        return self.client().active.url

    @property
    def ui_url(self) -> str | None:
        """The page on which people see what this server does."""
        return None

    def greet(self) -> None:
        """Make sure that this is the right server, before a submission that cannot be repeated."""

    @abstractmethod
    def finds_again(self) -> bool:
        """Whether submitting a tag again finds the job that it has made; raises ServerError."""

    @abstractmethod
    def find(self, sought: TagQuery) -> TagMatches:
        """The jobs with the tag of *sought*; raises ServerError, NotOffered where none is found."""

    @abstractmethod
    async def afind(self, sought: TagQuery) -> TagMatches:
        """The jobs with the tag of *sought*, for event loops."""

    @abstractmethod
    def by_hand(self, tag: str) -> str:
        """What people do about a job of *tag* that cannot be found."""

    @property
    def submission_seconds(self) -> float:
        """For how long at the most a submission is under way, before its sender gives up."""
        return sum(each.connect_timeout + each.read_timeout for each in self.client().addresses)

    @abstractmethod
    def mode_of(self, job: SparkJob) -> Mode:
        """Whose driver runs *job*."""

    @abstractmethod
    def main_class(self, job: SparkJob) -> str | None:
        """The main class under which the server lists the driver of *job*, or None."""

    def why_it_may_run(self, status: JobStatus) -> str:  # noqa: ARG002 - for those that lose it
        """Why the job of *status*, which is over for its server, may run on; empty if it does not.

        Raises ServerError when that cannot be said.
        """
        return ""

    def complete(self, job: SparkJob) -> SparkJob:
        """*job* with what the connection adds, checked; raises BadInput for what it refuses.

        What it returns is not checked again: see :meth:`submit_completed`.
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
        """Where *job_id* stands, by one question; raises ServerError."""

    @abstractmethod
    async def astatus(self, job_id: str) -> JobStatus:
        """Where *job_id* stands, for event loops."""

    @abstractmethod
    def view(self, job_id: str, *, with_log: bool = True) -> JobView:
        """A view of *job_id* for whoever looks again and again; see :meth:`look`."""

    @abstractmethod
    def group(self) -> JobGroup:
        """For whoever looks at many jobs of this server; make it after :meth:`use`."""

    def look(self, view: JobView) -> Observation:
        """Look once: the state, what explains it, and new lines of the log; raises ServerError."""
        return self.client().run(view.look())

    async def alook(self, view: JobView) -> Observation:
        """Look once, for triggers; make the view after :meth:`aclient`."""
        return await self.aasked(view.look())

    async def aasked(self, dialogue: Dialogue[T]) -> T:
        """What *dialogue* finds out, in an event loop; raises ServerError."""
        return await (await self.aclient()).arun(dialogue)

    @abstractmethod
    def kill(self, job_id: str) -> str:
        """Ask for the end of *job_id*; the answer is what the server said."""

    @abstractmethod
    async def akill(self, job_id: str) -> str:
        """Ask for the end of *job_id*, for triggers."""

    @abstractmethod
    def examine(self) -> CheckReport:
        """What ``libra doctor`` finds out, within twelve seconds; raises BadInput."""

    def test_connection(self) -> tuple[bool, str]:
        """Whether this connection works, and a sentence for the person who made it."""
        try:
            found = self.examine()
        except LibraError as error:
            return False, str(error)
        return found.is_well, found.sentence

    def output(self, job_id: str) -> list[str]:  # noqa: ARG002 - for those that keep it
        """The lines that the driver of *job_id* has printed, if they are kept; raises ServerError.

        A result that was written without Libra's help is found in them.
        """
        return []

    def close(self) -> None:
        """Give the connections back."""
        if self._client:
            self._client.close()

    async def aclose(self) -> None:
        """Give the connections of the event loop back."""
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
        raise BadInput("schema", connection.schema, "it is either 'http' or 'https'")
    return found


def listed(value: object) -> list[str]:
    """The items of a list, or of a text with commas between them."""
    items = value if isinstance(value, list) else str(value or "").split(",")
    return [text for item in items if (text := str(item).strip())]
