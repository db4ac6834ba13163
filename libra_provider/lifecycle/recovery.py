"""What a try does with the job of an earlier one: docs/architecture.md has a table."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from libra_provider.clients.stop import DEFAULT, StopTiming, kill_and_verify
from libra_provider.core.errors import (
    BadInput,
    JobLostForGood,
    NotOffered,
    ResultNotWhole,
    ServerError,
    UndecidedSubmission,
    one_of,
)
from libra_provider.core.job import Backend
from libra_provider.core.kinds import DeployMode
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook
from libra_provider.hooks.servers import server_of
from libra_provider.lifecycle import metrics
from libra_provider.lifecycle.retrying import patiently
from libra_provider.lifecycle.submission import Submission, Submitter
from libra_provider.lifecycle.task_record import TaskRecord

log = logging.getLogger(__name__)


class OnLost(StrEnum):
    """What a try does if the master has forgotten its driver, which may still run."""

    FAIL = "fail"
    RESUBMIT = "resubmit"

    @classmethod
    def of(cls, word: str) -> OnLost:
        """The member with the value *word*; raises BadInput."""
        if word not in list(cls):
            raise BadInput("on_lost", word, one_of(cls))
        return cls(word)


def check_lost(status: JobStatus, backend: Backend, on_lost: OnLost) -> None:
    """Raise JobLostForGood if the job of *status* is lost, may still run, and *on_lost* is FAIL.

    A statement that Libra has lost ended with its driver, unless that runs on the cluster.
    """
    own = backend is Backend.SPARK_MASTER or status.deploy_mode is DeployMode.CLUSTER
    if status.state is JobState.LOST and own and on_lost is OnLost.FAIL:
        raise JobLostForGood(status.job_id, status.detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The job of a logical run: that of an earlier try, or a new one.

    ``explain_lost`` completes the status of a job that its server has forgotten. ``report_end``
    reports the end of a job that is replaced.
    """

    submitter: Submitter
    on_lost: OnLost = OnLost.FAIL
    stopping: StopTiming = DEFAULT
    explain_lost: Callable[[JobStatus], JobStatus] = lambda status: status
    report_end: Callable[[TaskRecord], None] = lambda _: None

    def find_or_submit(self) -> Submission:
        """Find or submit one job; raises JobLostForGood, and what Submitter.submit raises."""
        found = self.submitter.records.load()
        if found is None:
            return self.submitter.submit()
        if why := self._why_replaced(found):
            log.info("%s. Replacing %s.", why, found.job_id or "its earlier submission")
            self._end(found)
            return self.submitter.submit()
        if found.job_id is None:
            return self._of_intent(found)
        return self._rejoined(found) or self.submitter.submit()

    def _why_replaced(self, found: TaskRecord) -> str:
        """Why no try may rejoin the job of *found*, or empty if this one may."""
        server = self.submitter.server
        if self.submitter.generation.is_cleared(found):
            return "The task was cleared"
        if found.condemned:
            return "An earlier try gave up on its job"
        if (found.backend, found.connection_id) != (server.backend, server.connection_id):
            return "The task uses another server now"
        return ""

    def _of_intent(self, found: TaskRecord) -> Submission:
        """The job of an earlier try that was interrupted during its request, or a new one."""
        adoption = self.submitter.adoption
        if patiently(self.submitter.server.finds_again, within=self.submitter.patience):
            job_id = adoption.now(found)
        else:
            job_id = adoption.surely(found)
        if job_id is None:
            return self.submitter.submit(found.tag)
        metrics.count(metrics.ADOPTIONS, found.tags)
        return self._rejoined(found.with_job(job_id)) or self.submitter.submit()

    def _rejoined(self, found: TaskRecord) -> Submission | None:
        """The job of an earlier try, or None if it has ended and must be submitted again."""
        status = self._status_of(found)
        check_lost(status, found.backend, self.on_lost)
        again = self.submitter.generation.may_be_cleared(found)
        if status.state.is_terminal and (again or status.state is not JobState.SUCCEEDED):
            log.info("Resubmitting: %s of an earlier try %s", found.job_id, status.state)
            self._wait_for_worker(self.submitter.server, status)
            self.report_end(found)
            return None
        log.info("Rejoining %s of an earlier try: %s", found.job_id, status.state)
        metrics.count(metrics.REJOINS, found.tags)
        record = found.taken_up(self.submitter.generation)
        if record != self.submitter.records.last:
            self.submitter.records.save(record)
        return Submission(record, status, found=True)

    def _status_of(self, found: TaskRecord) -> JobStatus:
        server, job_id = self.submitter.server, str(found.job_id)
        try:
            status = patiently(partial(server.status, job_id), within=self.submitter.patience)
        except NotOffered as error:
            why = f"the try that received it was interrupted; clear the task to rerun it ({error})"
            raise ResultNotWhole(job_id, why) from error
        except ServerError as error:
            log.warning("Rejoining %s, although its state is unknown: %s", job_id, error)
            return JobStatus(job_id=job_id, state=JobState.UNCLEAR)
        return self.explain_lost(status) if status.state is JobState.LOST else status

    def _end(self, found: TaskRecord) -> None:
        """Stop the job of *found* and verify that it has stopped."""
        server = self._server_of(found)
        try:
            job_id = found.job_id or self._adopted_for_its_end(found, server)
            if job_id is not None:
                timing = self.stopping.forgiving(self.submitter.patience)
                self._see_off(server, kill_and_verify(server, job_id, timing))
        except NotOffered:
            log.info("Nothing to stop: %s had ended when its id was returned", found.job_id)
        self.report_end(found)

    def _adopted_for_its_end(self, found: TaskRecord, server: ServerHook) -> str | None:
        try:
            return replace(self.submitter.adoption, server=server).surely(found)
        except UndecidedSubmission as error:
            log.warning("Resubmitting, since the task was cleared: %s", error)
            return None

    def _server_of(self, found: TaskRecord) -> ServerHook:
        ours = self.submitter.server
        if (found.backend, found.connection_id) == (ours.backend, ours.connection_id):
            return ours
        return server_of(found.backend, found.connection_id)

    def _see_off(self, server: ServerHook, status: JobStatus) -> None:
        if status.state is JobState.LOST:
            log.warning("Could not stop %s, which is lost: %s", status.job_id, status.detail)
        self._wait_for_worker(server, status)

    def _wait_for_worker(self, server: ServerHook, status: JobStatus) -> None:
        """Wait until a driver on a lost worker no longer runs.

        Raises JobLostForGood if it may still run when the patience ends.
        """
        gives_up_at = time.monotonic() + self.submitter.patience
        while why := _why_it_may_run(server, status):
            if time.monotonic() > gives_up_at:
                if self.on_lost is OnLost.FAIL:
                    raise JobLostForGood(status.job_id, f"{why}; the driver may still run there")
                log.warning("Resubmitting, although %s may still run: %s", status.job_id, why)
                return
            log.info("Waiting, since %s may still run: %s", status.job_id, why)
            time.sleep(self.submitter.timing.look_every)


def _why_it_may_run(server: ServerHook, status: JobStatus) -> str:
    try:
        return server.why_it_may_run(status)
    except ServerError as error:
        return str(error)
