"""One look at a job: how it stands, and what its log says since the last one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from libra_provider.clients.dialogue import Dialogue
from libra_provider.core.status import JobStatus


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a job's log; as a text it is marked with its stream."""

    stream: str
    text: str

    def __str__(self) -> str:
        return f"[{self.stream}] {self.text}"


@dataclass(frozen=True, slots=True)
class Look:
    """``lines`` are new, whole and without secrets; ``warning`` is something to be said once.

    ``more``: there were more lines than one look takes.
    """

    status: JobStatus
    lines: Sequence[Line] = ()
    warning: str = ""
    more: bool = False


class View(Protocol):
    """A job that is looked at again and again; it remembers what it has shown already."""

    def look(self) -> Dialogue[Look]:
        """Look once; a server that does not answer the state question raises ServerError."""
        ...
