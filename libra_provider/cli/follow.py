"""Submit a job and follow it to its end; Ctrl-C kills it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Protocol

from libra_provider.cli.console import (
    JobReport,
    print_error,
    print_log_lines,
    print_message,
    progress_display,
)
from libra_provider.cli.interrupts import interrupts_blocked
from libra_provider.clients.observation import JobView, Observation
from libra_provider.clients.stop import KillableServer, kill_and_verify
from libra_provider.core.errors import LibraError, ServerError
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.polling import Outcome, PollingPolicy, Watch, utc_now
from libra_provider.core.status import JobStatus


class JobServer(KillableServer, Protocol):
    """A server that runs jobs; every method raises ServerError."""

    patience: PollingPolicy

    def answers_at_once(self) -> bool:
        """Whether the server responds when it accepts a job, not only when the job ends."""
        ...

    def submit(self, job: SparkJob, tag: str) -> JobStatus:
        """Submit *job* under *tag*."""
        ...

    def view(self, job_id: str, *, with_log: bool = False) -> JobView:
        """A view of *job_id*, for :meth:`look`."""
        ...

    def look(self, view: JobView) -> Observation:
        """Fetch the status once; a server with long polls may wait a moment for the end."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


def submit_only(jobs: JobServer, job: SparkJob) -> JobStatus:
    """Submit *job* and print its id; returns its first status without waiting for the end."""
    with interrupts_blocked():
        status = jobs.submit(job, new_tag())
        print_message(f"Submitted {status.job_id}")
        return status


@contextlib.contextmanager
def submit_and_guard(jobs: JobServer, job: SparkJob) -> Iterator[JobStatus]:
    """Submit *job* and yield its first status; an interrupt inside the block kills the job."""
    if not jobs.answers_at_once():
        yield _run_synchronously(jobs, job)
        return
    with interrupts_blocked() as unblock:
        status = jobs.submit(job, new_tag())
        with _kill_on_interrupt(jobs, status.job_id):
            unblock()
            yield status


def follow(jobs: JobServer, first: JobStatus, *, with_log: bool = False) -> Outcome:
    """Follow a job to its end and print its changes; returns how the watch ended.

    *with_log* prints the job's output instead of a progress bar, because both would share a line.
    """
    view = jobs.view(first.job_id, with_log=with_log)
    watch = Watch(first.job_id, jobs.patience, utc_now())
    outcome = watch.update(first, utc_now())
    display = contextlib.nullcontext(JobReport()) if with_log else progress_display(first.job_id)
    with display as report:
        if with_log:
            # Commands take the whole id, and the messages below may show only its beginning.
            report.message(f"Submitted {first.job_id}")
        report.message(watch.news)
        while outcome is None:
            time.sleep(watch.wait)
            outcome = watch.update(_poll(jobs, view), utc_now())
            report.update(watch.status.progress)
            if watch.news:
                report.message(watch.news)
    return outcome


def _run_synchronously(jobs: JobServer, job: SparkJob) -> JobStatus:
    try:
        return jobs.submit(job, new_tag())
    except KeyboardInterrupt:
        problem = "this old Libra cannot kill a statement, which is still running"
        print_message(f"Interrupted: {problem}", style="yellow")
        raise


def _poll(jobs: JobServer, view: JobView) -> JobStatus | ServerError:
    try:
        found = jobs.look(view)
    except ServerError as error:
        return error
    print_log_lines(found.lines)
    if found.warning:
        print_message(found.warning, style="yellow")
    return found.status


@contextlib.contextmanager
def _kill_on_interrupt(jobs: JobServer, job_id: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print_message(f"Interrupted: killing {job_id}...", style="yellow")
        try:
            print_message(f"{job_id} ended: {kill_and_verify(jobs, job_id).state}", style="yellow")
        except LibraError as error:
            print_error(error)
        raise
