"""Submit the job of one try of a task, and write it down for the next one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from libra_provider.clients.steps import Forget, Step, Submit, run
from libra_provider.clients.submit_once import Accepted, SubmitTiming
from libra_provider.core.errors import JobKilled, LibraError
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook
from libra_provider.lifecycle import messages, metrics
from libra_provider.lifecycle.adoption import Adoption, finding
from libra_provider.lifecycle.retrying import patiently
from libra_provider.lifecycle.task_record import Generation, TakenOver, TaskRecord, TaskRecords

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Submission:
    """A job that exists: its record, and the status in which it was found or accepted.

    ``found``: it was submitted before this request, or its answer was lost.
    """

    record: TaskRecord
    status: JobStatus
    found: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Submits for one try of a task.

    ``plan`` returns what to run, ``prepare`` makes of a job and its tag what is sent under this
    tag; it may be called again. ``is_told_to_end``: Airflow has ended the task meanwhile.
    """

    plan: Callable[[], SparkJob]
    prepare: Callable[[SparkJob, str], SparkJob]
    server: ServerHook
    records: TaskRecords
    generation: Generation
    timing: SubmitTiming
    is_told_to_end: Callable[[], bool] = bool

    @property
    def patience(self) -> float:
        """For how many seconds the server may be away."""
        return self.timing.patience

    @property
    def adoption(self) -> Adoption:
        """How a submission without an answer is looked for."""
        return Adoption(self.server, self.timing, self.is_told_to_end)

    def submit(self, tag: str | None = None) -> Submission:
        """A new job; *tag* is that of an earlier submission that has made none.

        Raises ServerError where the server does not take it, AccessDenied where it never will, and
        UndecidedSubmission where it is unknown whether it has.
        """
        job, tag = self.plan(), tag or new_tag()
        patiently(self.server.greet, within=self.patience)
        tags = metrics.tags_of(self.server.backend, job.kind, self.server.mode_of(job))
        prepared = patiently(partial(self.prepare, job, tag), within=self.patience)
        intent = partial(
            TaskRecord.intent,
            self.server.backend,
            self.server.connection_id,
            self.generation,
            tag=tag,
            main_class=self.server.main_class(prepared),
            tags=tags,
        )
        once = self.adoption.of(tag, finds_again=self.server.finds_again())
        accepted = run(once.submit(), partial(self._answer, prepared, intent))
        record = self._noted(accepted)
        if accepted.found:
            log.info("Found %s, which was submitted with tag %s", record.job_id, tag)
        else:
            log.info(
                "%s", messages.submitted(job, accepted.status.job_id, tag, self.server.server_url)
            )
        metrics.count(metrics.ADOPTIONS if accepted.found else metrics.SUBMISSIONS, tags)
        return Submission(record, accepted.status, accepted.found)

    def _answer(self, job: SparkJob, intent: Callable[[], TaskRecord], step: Step) -> Any:
        """What becomes of *step*; the intent is on disk before its request leaves."""
        match step:
            case Submit():
                return self.server.submit_completed(job, self.records.save(intent()).tag)
            case Forget():
                return self.records.forget()
            case _:
                return finding(self.server, self._intent, step)

    @property
    def _intent(self) -> TaskRecord:
        assert self.records.last is not None  # noqa: S101 - nothing was sent before it was written
        return self.records.last

    def _noted(self, accepted: Accepted) -> TaskRecord:
        """The record of a job that was accepted or found, as the next try finds it."""
        status = accepted.status
        record = self._intent.with_job(status.job_id)
        if self.is_told_to_end():
            self._stop(status.job_id)
            raise JobKilled(status.job_id, "the task was ended while it was submitted")
        if status.state.is_terminal and status.state is not JobState.SUCCEEDED:
            # It is over, and an old Libra could not be asked for it by the next try.
            self.records.forget()
            return record
        try:
            return self.records.save(record)
        except TakenOver:  # no later try knows of this job
            self._stop(status.job_id)
            raise

    def _stop(self, job_id: str) -> None:
        try:
            log.warning("Requested kill of %s: %s", job_id, self.server.kill(job_id))
        except LibraError as error:
            log.error("Could not request the kill of %s: %s", job_id, error)
