"""What every operator of ours does with its job."""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import asdict, replace
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, ClassVar, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowTaskTimeout, TaskDeferralError, TaskDeferralTimeout

from libra_provider.clients.stop import kill_and_verify
from libra_provider.core.errors import JobKilled, KillNotVerified, LibraError
from libra_provider.core.job import Backend, SparkJob
from libra_provider.core.polling import Outcome, PollingPolicy, Watch, time_left
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.core.units import readable_duration
from libra_provider.hooks.base import ServerHook
from libra_provider.hooks.servers import server_of
from libra_provider.hooks.watch import watch
from libra_provider.lifecycle import messages, metrics
from libra_provider.lifecycle.adoption import GRACE
from libra_provider.lifecycle.failures import final_where_retrying_cannot_help
from libra_provider.lifecycle.masking import mask_secrets_of
from libra_provider.lifecycle.on_kill import stop
from libra_provider.lifecycle.openlineage import Lineage
from libra_provider.lifecycle.recovery import OnLost, Recovery, check_lost
from libra_provider.lifecycle.retrying import patiently
from libra_provider.lifecycle.submission import Submission, Submitter
from libra_provider.lifecycle.task_record import Generation, TaskRecord, TaskRecords, origin
from libra_provider.links import in_xcom, targets
from libra_provider.triggers.job import JobTrigger

log = logging.getLogger(__name__)
# Airflow kills a task process five seconds after it asked it to end.
_ON_KILL_SECONDS = 4.0


class JobOperator(BaseOperator):
    """
    Submit one job once, wait for it, and return its result.

    :param deferrable: wait in the triggerer, without holding a worker.
    :param poll_interval: seconds between two looks at the job.
    :param patience: how long the server may be away before the task fails ("5 min", or seconds);
        the job runs on meanwhile.
    :param queued_timeout: how long the job may wait for its start; then it is stopped and the task
        fails. None: as long as it takes.
    :param executors_timeout: how long the job may run without any executor; then likewise.
    :param on_lost: what is done about a driver on the cluster that its master has forgotten:
        ``fail`` the task without retries, as it may still run; or let the next try ``resubmit``.
    :param driver_log: show the driver's log in the task log.
    :param openlineage_inject_parent_job_info: tell a driver of its own which task started it, for
        its OpenLineage events; default: ``[openlineage] spark_inject_parent_job_info``. The shared
        driver is told nothing, by this and by the next parameter.
    :param openlineage_inject_transport_info: tell it where to send them; default:
        ``[openlineage] spark_inject_transport_info``.
    """

    backend: ClassVar[Backend]
    adoption_grace: ClassVar[float] = GRACE

    def __init__(
        self,
        *,
        deferrable: bool | None = None,
        poll_interval: float | str | timedelta = 5.0,
        patience: float | str | timedelta = 300.0,
        queued_timeout: float | str | timedelta | None = None,
        executors_timeout: float | str | timedelta | None = None,
        on_lost: str = "fail",
        driver_log: bool = True,
        openlineage_inject_parent_job_info: bool | None = None,
        openlineage_inject_transport_info: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.watching = PollingPolicy.of(
            poll_interval=poll_interval,
            silence=patience,
            queued_timeout=queued_timeout,
            executors_timeout=executors_timeout,
        )
        self.on_lost = OnLost.of(on_lost)
        self.driver_log = driver_log
        self.lineage = Lineage.of(
            openlineage_inject_parent_job_info, openlineage_inject_transport_info
        )
        self._records: TaskRecords | None = None
        self._told_to_end = False
        self.link_targets: dict[str, str] = {}

    @property
    @abstractmethod
    def connection_id(self) -> str:
        """The connection of the server that runs the job."""

    @cached_property
    def server(self) -> ServerHook:
        """The hook through which the job is submitted, watched and stopped."""
        return server_of(self.backend, self.connection_id)

    @abstractmethod
    def plan(self, context: Context) -> SparkJob:
        """What to run, checked before anything is sent; raises BadInput."""

    @property
    def record(self) -> TaskRecord | None:
        """What is written down of the job; None before its submission."""
        return self._records.last if self._records else None

    def prepare(self, job: SparkJob, tag: str) -> SparkJob:  # noqa: ARG002 - for those that ship
        """*job* as it is sent under *tag*: here its files are shipped; it may be called again."""
        return job

    def recalled(self, status: JobStatus) -> JobStatus:
        """What else is known of a job that its server has forgotten; *status* where nothing is."""
        return status

    @property
    def announced_at(self) -> str | None:
        """The connection of a Libra that knows of a job which is not its own; None: nobody does."""
        return None

    def tell_end(self, record: TaskRecord, *, apart: bool = False) -> None:
        """Tell others than its server that the job of *record* is gone: here nobody knows of it.

        ``apart``: a signal holds the task; so over connections of its own, without Airflow.
        """

    @abstractmethod
    def result(self, status: JobStatus) -> Any:
        """What a job that succeeded gives back, as XCom carries it."""

    def execute(self, context: Context) -> Any:
        """Submit the job, or find that of an earlier try, and see it through."""
        return self.see_through(context)

    def see_through(self, context: Context) -> Any:
        """The work of :meth:`execute`, for an operator that has this one do it."""
        with final_where_retrying_cannot_help():
            submission = self.submit(context)
            if submission.status.state.is_terminal and not submission.found:
                return self.settle(Outcome(submission.status), context)
            # What was over when it was found has a log that nobody has seen: it is shown here.
            if self.deferrable and not submission.status.state.is_terminal:
                self._defer(submission, context)
            return self.settle(self._watched(submission, context), context)

    def submit(self, context: Context) -> Submission:
        """The job of this logical run, submitted now or before; its handle is in XCom ``job``."""
        self.server.client()  # on_kill can ask for no connection
        mask_secrets_of(self)
        self._records = TaskRecords(context["task_state_store"])
        submitter = Submitter(
            plan=lambda: self._planned(context),
            prepare=self.prepare,
            server=self.server,
            records=self._records,
            generation=Generation.of(context),
            patience=self.watching.silence,
            grace=self.adoption_grace,
            is_told_to_end=lambda: self._told_to_end,
        )
        finder = Recovery(
            submitter=submitter,
            on_lost=self.on_lost,
            recalled=self.recalled,
            tell_end=self.tell_end,
        )
        submission = finder.find_or_submit()
        if self._told_to_end:
            self.on_kill()  # it knew of no job when it was called
        self._link(submission.status)
        if submission.record.handle:
            context["ti"].xcom_push(key="job", value=submission.record.handle.to_json())
        return submission

    def _planned(self, context: Context) -> SparkJob:
        job = self.plan(context).replace(origin=origin(context))
        return self.lineage.into(job, self.backend, context)

    def settle(self, outcome: Outcome, context: Context) -> Any:
        """The result of a job that succeeded; raises the JobError of any other end."""
        if outcome.status.state is JobState.LOST:
            outcome = replace(outcome, status=self.recalled(outcome.status))
        status = outcome.status
        self._link(status)
        if status.location:
            context["ti"].xcom_push(key="driver_location", value=asdict(status.location))
        context["ti"].xcom_push(key="timings", value=status.timings.to_json())
        if outcome.given_up and status.state is not JobState.UNCLEAR:
            self._give_up(outcome)
        metrics.ended(status, self._tags())
        if status.state is JobState.KILLED and self._told_to_end:
            raise JobKilled(status.job_id, "the task was ended while it ran")
        if status.state is JobState.KILLED and self.record and self.record.outlived_clear:
            log.info("%s was killed by a clear; the task begins anew", status.job_id)
            return self.see_through(context)
        with final_where_retrying_cannot_help():
            check_lost(status, self.backend, self.on_lost)
            outcome.raise_for_state()
            result = patiently(partial(self.result, status), within=self.watching.silence)
        messages.tell_end(status, result)
        return result

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Settle with what the trigger has seen; the end of an earlier job is not that of this one.

        A clear may begin a try anew before the trigger of the one before has sent its event.
        """
        outcome = Outcome.from_json(event)
        if self.record and self.record.job_id != outcome.status.job_id:
            log.info("%s was replaced; its end is none of this try", outcome.status.job_id)
            return self.see_through(context)
        return self.settle(outcome, context)

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """Stop a job whose ``execution_timeout`` ran out, and go on where a trigger could not.

        Airflow calls nobody else when a deferral ends without an event. What a try was resumed with
        when it was cleared, it gives to the try after the clear: that one begins anew.
        """
        self._take_up(context)
        if self.record and Generation.of(context).is_another(self.record):
            return self.see_through(context)
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            return self._overdue(context)
        except TaskDeferralError as error:
            log.warning("The trigger failed (%s); the task waits in its worker instead", error)
            self.deferrable = False
            return self.see_through(context)

    def on_kill(self) -> None:
        """Stop the job when Airflow ends the task; asks Airflow nothing, as that may deadlock."""
        self._told_to_end = True
        if self.record is None:
            return
        then = partial(self.tell_end, self.record, apart=True)
        stop(self.server, self.record, within=_ON_KILL_SECONDS, then=then)

    def _link(self, status: JobStatus) -> None:
        """Fill in what the links of the task lead to; on a resumed task, all of them anew."""
        self.link_targets |= targets(status.location, master=self.server.ui_url)

    def _link_now(self, status: JobStatus, *, context: Context) -> None:
        """Show the links of a task that goes on: Airflow itself asks for them at its end only."""
        self._link(status)
        for key, url in in_xcom(self.link_targets).items():
            context["ti"].xcom_push(key=key, value=url)

    def _take_up(self, context: Context) -> None:
        """Go on with the job of this try, after a deferral: no clear since then was this task's."""
        self.server.client()  # on_kill can ask for no connection
        mask_secrets_of(self)
        self._records = TaskRecords(context["task_state_store"])
        self._records.load()
        self._records.note_clears(Generation.of(context))

    def _give_up(self, outcome: Outcome) -> None:
        job_id = outcome.status.job_id
        try:
            self._end(job_id)
        except LibraError as error:
            raise KillNotVerified(job_id, f"{outcome.given_up}; {error}") from error

    def _end(self, job_id: str) -> JobStatus:
        """Stop a job that is given up; should that fail, the next try does it."""
        self._condemn()
        kill = partial(kill_and_verify, self.server, job_id)
        return patiently(kill, within=self.watching.silence)

    def _condemn(self) -> None:
        """Have the next try begin anew, whatever has become of this job."""
        if self._records:
            self._records.condemn()

    def _tags(self) -> metrics.Tags:
        return dict(self.record.tags) if self.record else {"backend": str(self.backend)}

    def _watched(self, submission: Submission, context: Context) -> Outcome:
        job_id = submission.status.job_id
        view = self.server.view(job_id, with_log=self.driver_log)
        seen = Watch(job_id, self.watching, submission.record.submitted_at)
        try:
            return watch(self.server, view, seen, placed=partial(self._link_now, context=context))
        except AirflowTaskTimeout:
            self._condemn()  # on_kill comes next, and cannot write down that it was in vain
            raise

    def _defer(self, submission: Submission, context: Context) -> NoReturn:
        handle = submission.record.handle
        assert handle is not None  # noqa: S101 - a submission has an id
        trigger = JobTrigger(
            handle=handle.to_json(),
            patience=asdict(self.watching),
            submitted_at=submission.record.at,
            with_log=self.driver_log,
            announced_at=self.announced_at,
            linked=bool(targets(submission.status.location)),
        )
        # Airflow does not enforce it while a task is deferred.
        left = time_left(self.execution_timeout, since=context["ti"].start_date)
        self.defer(trigger=trigger, method_name="execute_complete", timeout=left)

    def _overdue(self, context: Context) -> Any:
        """Stop a job that outlives ``execution_timeout``; one that is over counts as it ended."""
        limit = readable_duration((self.execution_timeout or timedelta()).total_seconds())
        over = f"execution_timeout={limit} is over"
        if self.record is None or self.record.job_id is None:
            raise AirflowTaskTimeout(f"{over}, and nothing is written down of a job to stop")
        try:
            status = self._end(self.record.job_id)
        except LibraError as error:
            raise AirflowTaskTimeout(f"{over}, and its job may still run: {error}") from error
        if status.state is not JobState.KILLED:
            return self.settle(Outcome(status), context)
        raise AirflowTaskTimeout(f"{status.job_id} was stopped: {over}")
