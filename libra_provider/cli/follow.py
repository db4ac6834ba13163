"""A job from its submission to its end, under the eyes of somebody who may interrupt."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Protocol

from libra_provider.cli.console import JobReport, elapsing, say, say_error, say_lines
from libra_provider.cli.interrupts import held_back
from libra_provider.clients.observation import JobView, Observation
from libra_provider.clients.stop import KillableServer, kill_and_verify
from libra_provider.core.errors import LibraError, ServerError
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.polling import Outcome, PollingPolicy, Watch, utc_now
from libra_provider.core.status import JobStatus


class JobServer(KillableServer, Protocol):
    """A server that runs jobs; every question raises ServerError."""

    patience: PollingPolicy

    def answers_at_once(self) -> bool:
        """Whether a submission is answered when it is accepted, not when the job is over."""
        ...

    def submit(self, job: SparkJob, tag: str) -> JobStatus:
        """Submit *job* under *tag*."""
        ...

    def view(self, job_id: str, *, with_log: bool = False) -> JobView:
        """A view of *job_id*; looks of a server that can wait come when it is over, or soon."""
        ...

    def look(self, view: JobView) -> Observation:
        """Look once."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


def submit_only(jobs: JobServer, job: SparkJob) -> JobStatus:
    """How *job* stands once it is accepted, its id being told; for those who do not wait."""
    with held_back():
        status = jobs.submit(job, new_tag())
        say(f"{status.job_id} is submitted")
        return status


@contextlib.contextmanager
def submit_and_guard(jobs: JobServer, job: SparkJob) -> Iterator[JobStatus]:
    """Submit *job*, and stop it should the block be interrupted; how it stood at first."""
    if not jobs.answers_at_once():
        yield _run_to_its_end(jobs, job)
        return
    with held_back() as let_through:
        status = jobs.submit(job, new_tag())
        with _killed_when_interrupted(jobs, status.job_id):
            let_through()
            yield status


def follow(jobs: JobServer, first: JobStatus, *, with_log: bool = False) -> Outcome:
    """How the watch over a job ended; what happens meanwhile is told.

    With *with_log* what the job prints is printed, instead of a bar: both would meet on one line.
    """
    view = jobs.view(first.job_id, with_log=with_log)
    watch = Watch(first.job_id, jobs.patience, utc_now())
    outcome = watch.told(first, utc_now())
    with contextlib.nullcontext(JobReport()) if with_log else elapsing(first.job_id) as course:
        course.tell(watch.news)
        while outcome is None:
            time.sleep(watch.wait)
            outcome = watch.told(_answer(jobs, view), utc_now())
            course.show(watch.status.progress)
            if watch.news:
                course.tell(watch.news)
    return outcome


def _run_to_its_end(jobs: JobServer, job: SparkJob) -> JobStatus:
    try:
        return jobs.submit(job, new_tag())
    except KeyboardInterrupt:
        say("Interrupted: this Libra cannot stop a statement, it runs on", style="yellow")
        raise


def _answer(jobs: JobServer, view: JobView) -> JobStatus | ServerError:
    try:
        found = jobs.look(view)
    except ServerError as error:
        return error
    say_lines(found.lines)
    if found.warning:
        say(found.warning, style="yellow")
    return found.status


@contextlib.contextmanager
def _killed_when_interrupted(jobs: JobServer, job_id: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say(f"Interrupted: {job_id} is told to stop", style="yellow")
        try:
            say(f"{job_id} ended: {kill_and_verify(jobs, job_id).state}", style="yellow")
        except LibraError as error:
            say_error(error)
        raise
