"""One poll of a job: its status, and the lines of its log since the last poll."""

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
    """A line of a job's log; its string form starts with the stream."""

    stream: str
    text: str

    def __str__(self) -> str:
        return f"[{self.stream}] {self.text}"


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of a poll; ``lines`` are new, whole and without secrets.

    ``warning`` is to be logged, empty if there is none. ``more``: there were more lines than one
    poll reads.
    """

    status: JobStatus
    lines: Sequence[LogLine] = ()
    warning: str = ""
    more: bool = False


class JobView(Protocol):
    """Polls one job; it remembers what earlier polls have returned."""

    @property
    def job_id(self) -> str:
        """The job's id."""
        ...

    def look(self) -> Dialogue[Observation]:
        """Poll once; raises ServerError if the state cannot be requested."""
        ...

    def state(self) -> Dialogue[JobStatus]:
        """Return the state alone, with one request; raises ServerError."""
        ...

    def has_details(self, status: JobStatus) -> bool:
        """Return whether more can be found out about a job with *status*."""
        ...

    def details(self, status: JobStatus) -> Dialogue[Observation]:
        """Return *status* with everything else, which is the second half of a poll."""
        ...

    def known(self, status: JobStatus) -> JobStatus:
        """Return *status* with what earlier polls have found out; sends no request."""
        ...


class JobGroup(Protocol):
    """Polls many jobs of one server with few requests."""

    def view(self, job_id: str, *, with_log: bool) -> Any:
        """Return a view of *job_id* that uses the responses about all jobs together."""
        ...

    def together(self, views: Sequence[Any]) -> Dialogue[Mapping[str, JobStatus] | None]:
        """Return by id the status of those of *views* that are in the response about all jobs.

        The others must be polled one by one, and all of them if this returns None: there is no such
        response now. Raises ServerError if the server does not respond at all. A job without news
        has the same status object as the last time.
        """
        ...
