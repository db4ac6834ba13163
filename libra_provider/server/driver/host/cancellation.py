"""Stops statements, however far they are."""

from __future__ import annotations

import threading
import time
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # py4j has no types
from pyspark import SparkContext

_AGAIN = 0.2


class StatementKilled(Exception):
    """The statement was told to stop before it came so far."""


class Cancellations:
    """Which statements run, and which of them must not."""

    def __init__(self, context: SparkContext) -> None:
        self._context: Any = context._jsc.sc()  # noqa: SLF001  # pyspark does not cancel future jobs
        self._running: set[str] = set()
        self._killed: set[str] = set()
        self._new = threading.Event()
        threading.Thread(target=self._keep_killing, daemon=True, name="kills").start()

    def begin(self, job_id: str) -> None:
        """It can be killed from now on."""
        self._running.add(job_id)

    def end(self, job_id: str) -> None:
        """It is over; what is said of it later has no effect."""
        self._running.discard(job_id)
        self._killed.discard(job_id)

    def kill(self, job_id: str) -> None:
        """Have its jobs stopped until it is over; nothing happens when it does not run."""
        if job_id in self._running:
            self._killed.add(job_id)
            self._new.set()

    def has(self, job_id: str) -> bool:
        """Whether it was told to stop."""
        return job_id in self._killed

    def check(self, job_id: str) -> None:
        """Raise Killed if it was told to stop: between its steps, it has no job to be stopped."""
        if job_id in self._killed:
            raise StatementKilled(job_id)

    def _keep_killing(self) -> None:
        # Again and again: "future jobs" leaves out the shuffle stages of adaptive execution, so a
        # statement told to stop while it is planned would run on.
        while self._new.wait():
            self._new.clear()
            while doomed := self._killed & self._running:
                for job_id in doomed:
                    self._stop(job_id)
                time.sleep(_AGAIN)

    def _stop(self, job_id: str) -> None:
        try:
            self._context.cancelJobGroupAndFutureJobs(job_id)
        except Py4JError:
            return  # the driver is ending, and the statement with it; the others' kills go on
