"""One look at a job: how it stands, and what its log says since the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from libra_provider.clients.http.dialogue import Dialogue
from libra_provider.core.status import JobStatus

# The traceback of a Python driver is in stdout: Spark joins the two streams of its Python process.
STREAMS = ("stdout", "stderr")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a job's log; as a text it is marked with its stream."""

    stream: str
    text: str

    def __str__(self) -> str:
        return f"[{self.stream}] {self.text}"


@dataclass(frozen=True, slots=True)
class Observation:
    """``lines`` are new, whole and without secrets; ``warning`` is something to be said once.

    ``more``: there were more lines than one look takes.
    """

    status: JobStatus
    lines: Sequence[LogLine] = ()
    warning: str = ""
    more: bool = False


class JobView(Protocol):
    """A job that is looked at again and again; it remembers what it has shown already."""

    @property
    def job_id(self) -> str:
        """The job's id."""
        ...

    def look(self) -> Dialogue[Observation]:
        """Look once; a server that does not answer the state question raises ServerError."""
        ...

    def state(self) -> Dialogue[JobStatus]:
        """The state alone, by one question; raises ServerError."""
        ...

    def has_details(self, status: JobStatus) -> bool:
        """Whether more is to be learned of a job that stands as *status* says."""
        ...

    def details(self, status: JobStatus) -> Dialogue[Observation]:
        """All that there is to know beside *status*: the second half of a look."""
        ...

    def known(self, status: JobStatus) -> JobStatus:
        """*status*, with what earlier looks have learned; nothing is asked."""
        ...


class JobGroup(Protocol):
    """The jobs of one server that are watched together, at the cost of a few."""

    def view(self, job_id: str, *, with_log: bool) -> Any:
        """A View of *job_id* that shares with the others what one answer tells of all."""
        ...

    def together(self, views: Sequence[Any]) -> Dialogue[Mapping[str, JobStatus] | None]:
        """How those of *views* stand of which the server tells in one answer, by id.

        The others must be asked alone. None: no such answer is to be had now, for any of them.
        Raises ServerError when the server is away altogether. A job of which nothing new is told
        has the same status, as an object, that it had the last time.
        """
        ...
