"""The job that this process is, and how it ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from libra_provider.jobs.job_spec import JobSpec
from libra_provider.jobs.outcome import outcome_of
from libra_provider.jobs.reporting import Reporter


class ResultError(Exception):
    """A result cannot be handed in; says why, and what to do instead."""


class ResultTooLarge(ResultError):
    """The result has more rows or bytes than may come back; trying again cannot help."""


class Job:
    """*order*, being carried out.

    ``program`` is the path of its author's text, ``written`` are its rows where they stay on the
    cluster.
    """

    def __init__(self, order: JobSpec) -> None:
        self.order = order
        self.reports = Reporter(order)
        self.program = ""
        self.written: Mapping[str, Any] | None = None
        self.has_handed_in = False
        self._one_at_a_time = threading.Lock()
        self._outcome: Mapping[str, Any] = {"state": "SUCCESS"}

    @contextmanager
    def handing_in(self) -> Iterator[None]:
        """Around the only hand-in of the job; raises ResultError for a second one."""
        with self._one_at_a_time:
            if self.has_handed_in:
                raise ResultError("A job has one result, and this one has handed it in already.")
            yield
            self.has_handed_in = True

    @contextmanager
    def carried_out(self) -> Iterator[None]:
        """Around all that the job does; how that ends is kept."""
        try:
            yield
        except BaseException as error:
            self._outcome = {"state": "FAILED", "errorClass": type(error).__qualname__}
            self._outcome = outcome_of(error, self.program)
            raise

    def end(self) -> None:
        """Leave the receipt."""
        self.reports.end({**self._outcome, "written": self.written})


_running: list[Job] = []


def set_running(job: Job) -> None:
    """This process is *job* from now on."""
    _running[:] = [job]


def running() -> Job | None:
    """The job that this process is; None outside of drivers that Libra's bootstrap began."""
    return _running[0] if _running else None
