"""Submit a job so that it exists once, whatever becomes of the request and its answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from libra_provider.core.errors import (
    AccessDenied,
    JobKilled,
    LibraError,
    NotOffered,
    Rejected,
    ServerBusy,
    ServerError,
    ServerUnreachable,
)
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.core.units import readable_duration
from libra_provider.hooks.base import ServerHook
from libra_provider.lifecycle import messages, metrics
from libra_provider.lifecycle.adoption import GRACE, Adoption
from libra_provider.lifecycle.retrying import patiently
from libra_provider.lifecycle.task_record import Generation, TakenOver, TaskRecord, TaskRecords

log = logging.getLogger(__name__)
_SOONEST, _LATEST = 1.0, 15.0  # seconds between two requests


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
    """Submits for one try of a task; ``patience`` and ``grace`` are in seconds.

    ``plan`` says what to run, ``prepare`` makes of a job and its tag what is sent under this tag;
    it may be called again. ``is_told_to_end``: Airflow has ended the task meanwhile.
    """

    plan: Callable[[], SparkJob]
    prepare: Callable[[SparkJob, str], SparkJob]
    server: ServerHook
    records: TaskRecords
    generation: Generation
    patience: float
    grace: float = GRACE
    is_told_to_end: Callable[[], bool] = bool

    @property
    def adoption(self) -> Adoption:
        """How a submission without an answer is looked for."""
        return Adoption(self.server, self.patience, self.grace)

    def submit(self, tag: str | None = None) -> Submission:
        """A new job; *tag* is that of an earlier submission that has made none.

        Raises ServerError where the server does not take it, AccessDenied where it never will, and
        UndecidedSubmission where it cannot be said whether it has.
        """
        job, tag = self.plan(), tag or new_tag()
        patiently(self.server.greet, within=self.patience)
        tags = metrics.tags_of(job, self.server.backend)
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
        submission = self._sent(prepared, intent)
        if not submission.found:
            where = f"{self.server.where} with tag {tag}"
            job_id = submission.status.job_id
            log.info("%s is submitted to %s: %s", job_id, where, messages.subject(job))
        metrics.count(metrics.ADOPTIONS if submission.found else metrics.SUBMISSIONS, tags)
        return submission

    def _sent(self, job: SparkJob, intent: Callable[[], TaskRecord]) -> Submission:
        gives_up_at, pause = time.monotonic() + self.patience, _SOONEST
        while True:
            if self.is_told_to_end():
                raise JobKilled("The job", "the task was ended before its submission was answered")
            record = self.records.save(intent())
            try:
                return self._accepted(record, self.server.submit_completed(job, record.tag))
            except ServerError as error:
                if adopted := self._adopted(record, error):
                    return adopted
                pause = max(pause, getattr(error, "retry_after", 0.0))
                if not _may_pass(error) or time.monotonic() + pause > gives_up_at:
                    self._gave_up(error)
                    raise
                log.info("%s; submitting again in %s", error, readable_duration(pause))
            time.sleep(pause)
            pause = min(2 * pause, _LATEST)

    def _adopted(self, record: TaskRecord, error: ServerError) -> Submission | None:
        """The job of a request that failed with *error*, if it has made one all the same."""
        if isinstance(error, Rejected) and self.server.finds_again():
            # Its tag may have been used by an earlier try, for a job that was written otherwise.
            job_id = self.adoption.now(record)
        elif not _may_have_arrived(error) or self.server.finds_again():
            return None
        else:
            log.warning("%s; it may have arrived", error)
            job_id = self.adoption.surely(record, under_way=False)
        if job_id is None:
            return None
        log.info("%s is the job of the submission with tag %s", job_id, record.tag)
        unclear = JobStatus(job_id=job_id, state=JobState.UNCLEAR)
        return Submission(self._kept(record.with_job(job_id)), unclear, found=True)

    def _gave_up(self, error: ServerError) -> None:
        """Forget the intent, unless sending it again is what finds out what became of it."""
        if not (_may_have_arrived(error) and self.server.finds_again()):
            self.records.forget()

    def _accepted(self, intent: TaskRecord, status: JobStatus) -> Submission:
        record = intent.with_job(status.job_id)
        if self.is_told_to_end():
            self._stop(status.job_id)
            raise JobKilled(status.job_id, "the task was ended while it was submitted")
        if status.state.is_terminal and status.state is not JobState.SUCCEEDED:
            # It is over, and an old Libra could not be asked for it by the next try.
            self.records.forget()
        else:
            self._kept(record)
        return Submission(record, status)

    def _kept(self, record: TaskRecord) -> TaskRecord:
        """Write *record* down; a job of which a later try does not know is stopped."""
        try:
            return self.records.save(record)
        except TakenOver:
            self._stop(str(record.job_id))
            raise

    def _stop(self, job_id: str) -> None:
        try:
            log.warning("%s is told to stop: %s", job_id, self.server.kill(job_id))
        except LibraError as error:
            log.error("%s could not be told to stop: %s", job_id, error)


def _may_have_arrived(error: ServerError) -> bool:
    if isinstance(error, ServerUnreachable):
        return error.may_have_arrived
    return not isinstance(error, AccessDenied | NotOffered | Rejected | ServerBusy)


def _may_pass(error: ServerError) -> bool:
    return isinstance(error, ServerBusy | ServerUnreachable)
