"""Which version of the REST API a Libra supports, and how requests depend on it."""

from __future__ import annotations

import logging
from typing import TypeVar

from libra_provider.clients.http.call import Call
from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.libra import legacy, server, statements
from libra_provider.clients.libra.server import Health
from libra_provider.core.errors import (
    NotOffered,
    ProtocolError,
    ServerBusy,
    ServerError,
    ServerUnreachable,
)
from libra_provider.core.job import SparkJob
from libra_provider.core.status import JobStatus

log = logging.getLogger(__name__)
T = TypeVar("T")
_NOT_THERE = (404, 405)


class Contract:
    """The contract of the Libra behind one client; requested once, before it matters."""

    def __init__(self) -> None:
        self._health: Health | None = None

    def fetch_health(self) -> Dialogue[Health]:
        """Return Libra's health; raises ServerBusy if any statement would fail.

        Without a driver, an old Libra fails statements; others keep them until the driver is up.
        """
        if self._health is None:
            found = yield Ask(server.health())
            if found.is_old and not found.is_up:
                raise ServerBusy(found.server, f"its Spark is down: {found.error}", 5.0)
            if found.is_old:
                log.warning("%s supports only Libra's old API: %s", found.server, _WHAT_FOLLOWS)
            self._health = found
        return self._health

    def submit(self, job: SparkJob, tag: str) -> Dialogue[JobStatus]:
        """Submit *job* once with *tag*; on an old Libra, run it until it ends.

        Raises NotOffered, before anything is sent, for options that an old Libra would ignore.
        """
        health = yield from self.fetch_health()
        call = legacy.submit(job, health.server) if health.is_old else statements.submit(job, tag)
        try:
            status: JobStatus = yield Ask(call)
        except ServerUnreachable as error:
            if not (health.is_old and error.may_have_arrived):
                raise
            problem = f"{error.problem}; the statement may still run, and cannot be found again"
            raise ServerUnreachable(error.server, problem, True) from error
        return status

    def send(self, call: Call[T]) -> Dialogue[T]:
        """Send *call*; raises NotOffered if an old Libra does not support it."""
        try:
            answer: T = yield Ask(call)
        except ProtocolError as error:
            if error.status not in _NOT_THERE or not (yield from self._is_old()):
                raise
            problem = "this version cannot list, find or stop statements; upgrade it"
            raise NotOffered(error.server, problem) from error
        return answer

    def _is_old(self) -> Dialogue[bool]:
        try:
            return (yield from self.fetch_health()).is_old
        except ServerError:
            return False


_WHAT_FOLLOWS = (
    "a request lasts as long as its statement, even in a deferrable task; statements cannot be "
    "stopped, and an interrupted try cannot be resumed"
)
