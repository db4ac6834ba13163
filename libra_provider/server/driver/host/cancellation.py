"""Stops statements, however far they are."""

from __future__ import annotations

import threading
import time
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # py4j has no types
from pyspark import SparkContext

from libra_provider.server.driver.host.timing import DEFAULT


class StatementKilled(Exception):
    """The statement was killed before it reached this step."""


class Cancellations:
    """The statements that run, and which of them are being killed."""

    def __init__(
        self,
        context: SparkContext,
        *,
        again: float = DEFAULT.kill_again,
        late_jobs: float = DEFAULT.late_jobs,
    ) -> None:
        self._again, self._late_jobs = again, late_jobs
        self._context: Any = context._jsc.sc()  # noqa: SLF001  # pyspark does not cancel future jobs
        self._running: set[str] = set()
        self._killed: set[str] = set()
        # Killed statements that have ended, and until when their jobs are cancelled.
        self._ended: dict[str, float] = {}
        self._new = threading.Event()
        threading.Thread(target=self._keep_killing, daemon=True, name="kills").start()

    def begin(self, job_id: str) -> None:
        """Make the statement killable from now on."""
        self._running.add(job_id)

    def end(self, job_id: str) -> None:
        """Forget the statement, which has ended: a later kill has no effect.

        If it was killed, the jobs that it submits late are cancelled, too.
        """
        if job_id in self._killed:
            self._ended[job_id] = time.monotonic() + self._late_jobs
        self._running.discard(job_id)
        self._killed.discard(job_id)

    def kill(self, job_id: str) -> None:
        """Cancel its jobs until it has ended; does nothing if it does not run."""
        if job_id in self._running:
            self._killed.add(job_id)
            self._new.set()

    def has(self, job_id: str) -> bool:
        """Return whether it is being killed."""
        return job_id in self._killed

    def check(self, job_id: str) -> None:
        """Raise StatementKilled if it is being killed: between steps, it has no job to cancel."""
        if job_id in self._killed:
            raise StatementKilled(job_id)

    def _keep_killing(self) -> None:
        # Repeatedly: "future jobs" does not include the shuffle stages of adaptive execution. It
        # submits them from separate threads: after a kill during planning, and even after the
        # statement has ended because another stage was cancelled.
        while self._new.wait():
            self._new.clear()
            while doomed := self._doomed():
                for job_id in doomed:
                    self._stop(job_id)
                time.sleep(self._again)

    def _doomed(self) -> set[str]:
        now = time.monotonic()
        for job_id, until in list(self._ended.items()):
            if until <= now:
                del self._ended[job_id]
        return (self._killed & self._running) | set(self._ended)

    def _stop(self, job_id: str) -> None:
        try:
            self._context.cancelJobGroupAndFutureJobs(job_id)
        except Py4JError:
            return  # the driver is ending, and the statement with it
