"""A statement on Libra as people see it."""

from __future__ import annotations

from libra_provider.clients.http.dialogue import Dialogue
from libra_provider.clients.libra import statements
from libra_provider.clients.libra.contract import Contract
from libra_provider.clients.libra.logs import StatementLog
from libra_provider.clients.observation import Observation
from libra_provider.core.errors import JobLost, ServerError
from libra_provider.core.kinds import Kind
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus


class StatementView:
    """One statement, looked at again and again; Libra may keep each question *wait* seconds.

    With *with_log* a look brings what the statement has printed since the last one. A log that
    cannot be read costs its part of the answer and a warning, never the answer.
    """

    # A triggerer holds thousands.
    __slots__ = ("_contract", "_log", "_wait", "_warned", "job_id")

    def __init__(
        self, job_id: str, contract: Contract, *, wait: float = 0, with_log: bool = False
    ) -> None:
        self.job_id = job_id
        self._contract = contract
        self._wait = wait
        self._log = StatementLog(job_id, contract) if with_log else None
        self._warned = False

    def look(self) -> Dialogue[Observation]:
        """Where the statement stands: now, at its end, or when *wait* is over."""
        return (yield from self.details((yield from self.state())))

    def state(self) -> Dialogue[JobStatus]:
        """Where the statement stands, and nothing else."""
        wait = 0 if self._log and self._log.more else self._wait
        return (yield from self._contract.asked(statements.status(self.job_id, wait=wait)))

    def has_details(self, status: JobStatus) -> bool:
        """Whether it may have printed something that is wanted.

        SQL prints nothing, and the question costs two requests.
        """
        kept = status.kind not in (None, Kind.SQL) and status.state is not JobState.WAITING
        return self._log is not None and kept

    def details(self, status: JobStatus) -> Dialogue[Observation]:
        """What a statement that stands as *status* has printed since the last time."""
        if self._log is None or not self.has_details(status):
            return Observation(status)
        warning = yield from self._read(self._log, to_the_end=status.state.is_terminal)
        return Observation(status, self._log.taken(), warning, more=self._log.more)

    def known(self, status: JobStatus) -> JobStatus:
        """*status*: Libra tells everything each time."""
        return status

    def _read(self, log: StatementLog, *, to_the_end: bool) -> Dialogue[str]:
        """Why the log could not be read, said once and at the end; empty if it could."""
        try:
            yield from log.read(to_the_end=to_the_end)
        except (ServerError, JobLost) as error:
            said, self._warned = self._warned and not to_the_end, True
            return "" if said else f"Could not read the log of {self.job_id}: {error}"
        return ""
