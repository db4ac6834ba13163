"""The life of a job within one try of its task: submit once, watch, settle."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowTaskTimeout, TaskDeferred

from libra_provider.clients.stop import kill_and_verify
from libra_provider.core.errors import JobFailed, JobKilled, KillNotVerified, LibraError
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Mode
from libra_provider.core.polling import Outcome, PollingPolicy, Watch, time_left
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus, short_name
from libra_provider.core.units import readable_duration
from libra_provider.hooks.watch import watch
from libra_provider.lifecycle import messages, metrics
from libra_provider.lifecycle.failures import final_where_retrying_cannot_help
from libra_provider.lifecycle.on_kill import stop
from libra_provider.lifecycle.openlineage import Lineage
from libra_provider.lifecycle.plan import JobPlan
from libra_provider.lifecycle.recovery import OnLost, Recovery, check_lost
from libra_provider.lifecycle.retrying import patiently
from libra_provider.lifecycle.submission import Submission, Submitter
from libra_provider.lifecycle.task_record import Generation, TaskRecord, TaskRecords, origin
from libra_provider.lifecycle.timing import JobTiming
from libra_provider.links import in_xcom, targets
from libra_provider.triggers.job import JobTrigger

log = logging.getLogger(__name__)
# The driver is gone and has not uploaded a result.
_WITHOUT_RESULT = (JobState.FAILED, JobState.KILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolicy:
    """How a job is watched, and what to do when something goes wrong."""

    polling: PollingPolicy
    on_lost: OnLost
    lineage: Lineage
    deferrable: bool
    driver_log: bool
    execution_timeout: timedelta | None
    timing: JobTiming


class JobRun:
    """The job of one try of a task.

    The URLs of the task's links are put into *links*. *is_ending* returns whether Airflow is ending
    the task.
    """

    def __init__(
        self,
        plan: JobPlan,
        policy: RunPolicy,
        context: Context,
        *,
        links: dict[str, str],
        is_ending: Callable[[], bool],
    ) -> None:
        self.plan, self._policy, self._context = plan, policy, context
        self._server = plan.server
        self._links, self._is_ending = links, is_ending
        self._patience = policy.polling.silence
        self._waits_in_worker = not policy.deferrable
        self._generation = Generation.of(context)
        self._records = TaskRecords(context["task_state_store"])

    @property
    def record(self) -> TaskRecord | None:
        """The stored record of the submission, or None before it."""
        return self._records.last

    def see_through(self) -> Any:
        """Submit or rejoin the job and wait for it; return its result, or raise JobError.

        A deferrable task raises TaskDeferred, and continues with :meth:`settle_deferred`.
        """
        with final_where_retrying_cannot_help():
            submission = self.submit()
            if submission.status.state.is_terminal and not submission.found:
                return self.settle(Outcome(submission.status))
            # The log of a job that had ended before it was found has not been shown yet: watch it.
            if not (self._waits_in_worker or submission.status.state.is_terminal):
                self._defer(submission)
            return self.settle(self._watched(submission))

    def submit(self) -> Submission:
        """Submit the job or rejoin it, and push its handle to XCom ``job``."""
        self.plan.connect()
        finder = Recovery(
            submitter=Submitter(
                plan=self._planned,
                prepare=self.plan.prepare,
                server=self._server,
                records=self._records,
                generation=self._generation,
                timing=replace(self._policy.timing.submit, patience=self._patience),
                is_told_to_end=self._is_ending,
            ),
            on_lost=self._policy.on_lost,
            stopping=self._policy.timing.stop,
            explain_lost=self._explain,
            report_end=self.plan.report_end,
        )
        submission = finder.find_or_submit()
        if self._is_ending():
            self.stop()  # on_kill ran before the job was known
        self._link(submission.status)
        if handle := submission.record.handle:
            self._push("job", handle.to_json())
        return submission

    def settle(self, outcome: Outcome) -> Any:
        """The result of a job that succeeded; raises the JobError of any other end."""
        outcome = replace(outcome, status=self._explain(outcome.status))
        # The rest of this method may submit again, which replaces the record.
        status, record = outcome.status, self.record
        self._link(status)
        if status.location:
            self._push("driver_location", asdict(status.location))
        self._push("timings", status.timings.to_json())
        try:
            return self._settled(outcome)
        finally:
            if record and status.state in _WITHOUT_RESULT:
                self.plan.report_end(record)

    def take_up(self) -> bool:
        """Continue after a deferral; False if this task was cleared during it."""
        self._server.client()  # on_kill cannot ask Airflow for the connection
        self._records.load()
        self._records.note_clears(self._generation)
        return not (self.record and self._generation.is_another(self.record))

    def settle_deferred(self, outcome: Outcome) -> Any:
        """Settle the *outcome* that a trigger reported, unless it is that of an earlier job.

        After a clear, the next try may start before the previous trigger has sent its event.
        """
        if self.record and self.record.job_id != outcome.status.job_id:
            log.info("Ignored the end of %s, which was replaced", short_name(outcome.status.job_id))
            return self.see_through()
        return self.settle(outcome)

    def wait_in_worker(self) -> Any:
        """Wait for the job here, since its trigger failed."""
        self._waits_in_worker = True
        return self.see_through()

    def settle_overdue(self) -> Any:
        """Stop a job that has outlived ``execution_timeout``, or settle it if it has ended."""
        limit = readable_duration((self._policy.execution_timeout or timedelta()).total_seconds())
        over = f"execution_timeout={limit} is exceeded"
        if self.record is None or self.record.job_id is None:
            raise AirflowTaskTimeout(f"{over}, and no job was recorded to stop")
        try:
            status = self._end(self.record.job_id)
        except LibraError as error:
            raise AirflowTaskTimeout(f"{over}; the job may still run: {error}") from error
        if status.state is not JobState.KILLED:
            return self.settle(Outcome(status))
        raise AirflowTaskTimeout(f"{status.job_id} was stopped: {over}")

    def stop(self) -> None:
        """Stop the job because Airflow ends the task. Calls to Airflow could deadlock here."""
        if self.record is None:
            return
        then = partial(self.plan.report_end, self.record, is_interrupted=True)
        stop(self._server, self.record, within=self._policy.timing.on_kill, then=then)

    def _planned(self) -> SparkJob:
        job = self.plan.job()
        conf = job.conf
        # The shared driver has one OpenLineage listener, for the statements of all tasks.
        if self._server.mode_of(job) is Mode.ISOLATED:
            conf = self._policy.lineage.into(conf, self._context)
        return job.trusted(origin=origin(self._context), conf=conf)

    def _explain(self, status: JobStatus) -> JobStatus:
        if status.state not in (JobState.FAILED, JobState.LOST):
            return status
        return self.plan.explain(status, self._tag)

    def _settled(self, outcome: Outcome) -> Any:
        status, is_killed = outcome.status, outcome.status.state is JobState.KILLED
        if outcome.given_up and status.state is not JobState.UNCLEAR:
            self._give_up(outcome)
        tags = dict(self.record.tags) if self.record else {"backend": str(self._server.backend)}
        metrics.count_end(status, tags)
        if is_killed and self._is_ending():
            raise JobKilled(status.job_id, "the task was ended while it ran")
        if is_killed and self.record and self.record.outlived_clear:
            log.info(
                "%s was killed because the task was cleared. Starting over.",
                short_name(status.job_id),
            )
            return self.see_through()
        with final_where_retrying_cannot_help():
            check_lost(status, self._server.backend, self._policy.on_lost)
            outcome.raise_for_state()
            result = self._result(status)
        messages.log_end(status, result)
        return result

    def _result(self, status: JobStatus) -> Any:
        read = partial(self.plan.result, status, self._tag)
        try:
            return patiently(read, within=self._patience)
        except JobFailed:
            # Its server reports success, so the next try would only rejoin the same job.
            self._records.condemn()
            raise

    def _give_up(self, outcome: Outcome) -> None:
        job_id = outcome.status.job_id
        try:
            self._end(job_id)
        except LibraError as error:
            raise KillNotVerified(job_id, f"{outcome.given_up}; {error}") from error

    def _end(self, job_id: str) -> JobStatus:
        """Stop the job; if that fails, the next try does it."""
        self._records.condemn()
        timing = self._policy.timing.stop.forgiving(self._patience)
        status = kill_and_verify(self._server, job_id, timing)
        if self.record and status.state in _WITHOUT_RESULT:
            self.plan.report_end(self.record)
        return status

    def _watched(self, submission: Submission) -> Outcome:
        job_id = submission.status.job_id
        view = self._server.view(job_id, with_log=self._policy.driver_log)
        seen = Watch(job_id, self._policy.polling, submission.record.submitted_at)
        try:
            return watch(self._server, view, seen, placed=self._link_now)
        except AirflowTaskTimeout:
            self._records.condemn()  # on_kill follows, and cannot record a failed kill
            raise

    def _defer(self, submission: Submission) -> NoReturn:
        handle = submission.record.handle
        assert handle is not None  # noqa: S101 - a submission has an id
        trigger = JobTrigger(
            handle=handle.to_json(),
            patience=asdict(self._policy.polling),
            submitted_at=submission.record.at,
            with_log=self._policy.driver_log,
            announced_at=self.plan.announced_at,
            linked=bool(targets(submission.status.location)),
            fires_after=self._policy.timing.fires_after,
        )
        # Airflow does not enforce execution_timeout while a task is deferred.
        started = self._context["ti"].start_date
        left = time_left(self._policy.execution_timeout, since=started)
        raise TaskDeferred(trigger=trigger, method_name="execute_complete", timeout=left)

    @property
    def _tag(self) -> str | None:
        return self.record.tag if self.record else None

    def _link(self, status: JobStatus) -> None:
        """Set the URLs of the task's links; a resumed task sets all of them again."""
        self._links.update(targets(status.location, master=self._server.ui_url))

    def _link_now(self, status: JobStatus) -> None:
        """Publish the links while the task runs; Airflow itself reads them only at its end."""
        self._link(status)
        for key, url in in_xcom(self._links).items():
            self._push(key, url)

    def _push(self, key: str, value: Any) -> None:
        self._context["ti"].xcom_push(key=key, value=value)
