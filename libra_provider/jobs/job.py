"""The job that this process runs, and how it ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from libra_provider.core.masking import masked_text
from libra_provider.jobs.job_spec import JobSpec
from libra_provider.jobs.reporting import Reporter
from libra_provider.jobs.timing import ReportTiming

_DEFAULT = ReportTiming()
_LONGEST = 600  # characters of an error


class ResultError(Exception):
    """A result cannot be returned; the message has the reason and what to do instead."""


class ResultTooLarge(ResultError):
    """The result has more rows or bytes than the limit; another attempt would fail, too."""


class Job:
    """*spec*, while it runs.

    ``program`` is the path of the user's code; ``written`` describes rows that stay on the cluster.
    """

    def __init__(self, spec: JobSpec, timing: ReportTiming = _DEFAULT) -> None:
        self.spec, self.timing = spec, timing
        self.reports = Reporter(spec, timing)
        self.program = ""
        self.written: Mapping[str, Any] | None = None
        self.has_result = False
        self._one_at_a_time = threading.Lock()
        self._outcome: Mapping[str, Any] = {"state": "SUCCESS"}

    @contextmanager
    def returning_result(self) -> Iterator[None]:
        """Surround the job's only result; raises ResultError for a second one."""
        with self._one_at_a_time:
            if self.has_result:
                raise ResultError("A job has one result, and this one has returned it already.")
            yield
            self.has_result = True

    @contextmanager
    def recording_outcome(self) -> Iterator[None]:
        """Surround everything that the job does, and keep how that ends for the receipt."""
        try:
            yield
        except BaseException as error:
            self._outcome = {"state": "FAILED", "errorClass": type(error).__qualname__}
            self._outcome = _outcome_of(error, self.program)
            raise

    def end(self) -> None:
        """Send the receipt."""
        self.reports.end({**self._outcome, "written": self.written})


_current: list[Job] = []


def set_current_job(job: Job) -> None:
    """Make *job* the one that this process runs."""
    _current[:] = [job]


def current_job() -> Job | None:
    """Return the job of this process, or None outside of drivers that the bootstrap started."""
    return _current[0] if _current else None


def _outcome_of(error: BaseException, program: str) -> dict[str, Any]:
    """Return the ``state`` of a process that *error* ends, and its error; *program* is a path."""
    if not isinstance(error, SystemExit):
        return _failed(error, program)
    if not error.code:
        return {"state": "SUCCESS"}
    # The bootstrap has shown that error, and exits as Python does.
    if isinstance(error.__cause__, Exception):
        return _failed(error.__cause__, program)
    return {
        "state": "FAILED",
        "error": masked_text(_exit_error(error, program))[:_LONGEST],
        "errorClass": "SystemExit",
    }


def _exit_error(error: SystemExit, program: str) -> str:
    if not isinstance(error.code, int):
        return str(error.code)
    words = f"The program called sys.exit({error.code})"
    if isinstance(error.__context__, Exception):
        words += f" after {_failed(error.__context__, program)['error']}"
    return words


def _failed(error: BaseException, program: str) -> dict[str, Any]:
    # It imports pyspark, which a job that succeeds may never need.
    from libra_provider.jobs import python_errors  # noqa: PLC0415

    found = python_errors.failure_of(error, program)
    return {
        "state": "FAILED",
        "error": python_errors.sentence_of(found) + python_errors.place_of(found),
        "errorClass": found.get("condition") or found["kind"],
        "sqlState": found.get("sql_state"),
    }
