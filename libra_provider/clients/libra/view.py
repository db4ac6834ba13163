"""A statement on Libra as the task log shows it."""

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
    """Polls one statement; Libra may hold each request for *wait* seconds.

    With *with_log*, each observation contains what the statement has printed since the last one. If
    the log cannot be read, the observation has a warning instead of it.
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
        """Return status and log at the end of the statement, after *wait* seconds at the latest."""
        return (yield from self.details((yield from self.state())))

    def state(self) -> Dialogue[JobStatus]:
        """Return the status alone."""
        wait = 0 if self._log and self._log.more else self._wait
        return (yield from self._contract.send(statements.status(self.job_id, wait=wait)))

    def has_details(self, status: JobStatus) -> bool:
        """Return whether its log is wanted and may have lines.

        SQL prints nothing, and reading the log takes two requests.
        """
        kept = status.kind not in (None, Kind.SQL) and status.state is not JobState.WAITING
        return self._log is not None and kept

    def details(self, status: JobStatus) -> Dialogue[Observation]:
        """Return *status* with what the statement has printed since the last time."""
        if self._log is None or not self.has_details(status):
            return Observation(status)
        warning = yield from self._read(self._log, to_the_end=status.state.is_terminal)
        return Observation(status, self._log.take(), warning, more=self._log.more)

    def known(self, status: JobStatus) -> JobStatus:
        """Return *status*: each response of Libra is complete."""
        return status

    def _read(self, log: StatementLog, *, to_the_end: bool) -> Dialogue[str]:
        """Read the log; return a warning if it cannot be read, the first time and at the end."""
        try:
            yield from log.read(to_the_end=to_the_end)
        except (ServerError, JobLost) as error:
            silent, self._warned = self._warned and not to_the_end, True
            return "" if silent else f"Could not read the log of {self.job_id}: {error}"
        return ""
