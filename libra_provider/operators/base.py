"""What every operator of ours does with its job."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowTaskTimeout, TaskDeferralTimeout

from libra_provider.clients.ending import kill_and_verify
from libra_provider.core.errors import LibraError
from libra_provider.core.job import Backend, SparkJob
from libra_provider.core.patience import Outcome, Patience, Watch
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.core.units import readable_duration
from libra_provider.hooks.base import ServerHook
from libra_provider.hooks.servers import server_of
from libra_provider.hooks.watch import watch
from libra_provider.lifecycle import metrics, story
from libra_provider.lifecycle.airflow_errors import final_where_retrying_cannot_help
from libra_provider.lifecycle.openlineage import Lineage
from libra_provider.lifecycle.record import Generation, Record, Records
from libra_provider.lifecycle.submission import Submission, find_or_submit
from libra_provider.links import DriverLogLink, SparkMasterLink, SparkUiLink
from libra_provider.triggers.job import JobTrigger

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
    :param driver_log: show the driver's log in the task log.
    :param openlineage_inject_parent_job_info: tell a driver of its own which task started it, for
        its OpenLineage events; default: ``[openlineage] spark_inject_parent_job_info``. The shared
        driver is told nothing, by this and by the next parameter.
    :param openlineage_inject_transport_info: tell it where to send them; default:
        ``[openlineage] spark_inject_transport_info``.
    """

    backend: ClassVar[Backend]

    def __init__(
        self,
        *,
        deferrable: bool | None = None,
        poll_interval: float | str | timedelta = 5.0,
        patience: float | str | timedelta = 300.0,
        queued_timeout: float | str | timedelta | None = None,
        executors_timeout: float | str | timedelta | None = None,
        driver_log: bool = True,
        openlineage_inject_parent_job_info: bool | None = None,
        openlineage_inject_transport_info: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.watching = Patience.of(
            poll_interval=poll_interval,
            silence=patience,
            queued_timeout=queued_timeout,
            executors_timeout=executors_timeout,
        )
        self.driver_log = driver_log
        self.lineage = Lineage.of(
            openlineage_inject_parent_job_info, openlineage_inject_transport_info
        )
        self._job_id: str | None = None
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

    def prepare(self, job: SparkJob, tag: str) -> SparkJob:  # noqa: ARG002 - for those that ship
        """*job* as it is sent under *tag*: here its files are shipped; called for each request."""
        return job

    def recalled(self, status: JobStatus) -> JobStatus:
        """What else is known of a job that its server has forgotten; *status* where nothing is."""
        return status

    @abstractmethod
    def result(self, status: JobStatus) -> Any:
        """What a job that succeeded gives back, as XCom carries it."""

    def execute(self, context: Context) -> Any:
        """Submit the job, or find that of an earlier try, and see it through."""
        with final_where_retrying_cannot_help(self.backend):
            submission = self.submit(context)
            if submission.status.state.is_terminal and not submission.found:
                return self.settle(Outcome(submission.status), context)
            # What was over when it was found has a log that nobody has seen: it is shown here.
            if self.deferrable and not submission.status.state.is_terminal:
                self._defer(submission, context)
            return self.settle(self._watched(submission), context)

    def submit(self, context: Context) -> Submission:
        """The job of this logical run, submitted now or before; its handle is in XCom ``job``."""
        job = self.plan(context).replace(origin=_origin(context))
        job = self.lineage.into(job, self.backend, context)
        records = Records(context["task_state_store"])
        submission = find_or_submit(
            job,
            self.server,
            records,
            Generation.of(context),
            prepare=self.prepare,
            busy_for=self.watching.silence,
        )
        self._job_id = submission.status.job_id
        self._link(submission.status)
        if submission.record.handle:
            context["ti"].xcom_push(key="job", value=submission.record.handle.to_json())
        return submission

    def settle(self, outcome: Outcome, context: Context) -> Any:
        """The result of a job that succeeded; raises the JobError of any other end."""
        if outcome.status.state is JobState.LOST:
            outcome = replace(outcome, status=self.recalled(outcome.status))
        status = outcome.status
        self._job_id = status.job_id
        self._link(status)
        if status.location:
            context["ti"].xcom_push(key="driver_location", value=asdict(status.location))
        context["ti"].xcom_push(key="timings", value=status.timings.to_json())
        if outcome.given_up and status.state is not JobState.UNCLEAR:
            kill_and_verify(self.server, status.job_id)
        metrics.ended(status, self._tags(context))
        with final_where_retrying_cannot_help(self.backend):
            outcome.raise_for_state()
            result = self.result(status)
        story.tell_end(status, result)
        return result

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Settle with what the trigger has seen."""
        return self.settle(Outcome.from_json(event), context)

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """Stop the job when ``execution_timeout`` ran out: a deferral's end calls nobody else."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            self._stop_overdue(Records(context["task_state_store"]).load())

    def on_kill(self) -> None:
        """Stop the job when Airflow ends the task; pure network, see ServerHook."""
        if self._job_id is None:
            return
        try:
            kill_and_verify(self.server, self._job_id, within=_ON_KILL_SECONDS)
        except LibraError as error:
            self.log.error("%s", error)

    def _link(self, status: JobStatus) -> None:
        """Fill in what the links of the task lead to; on a resumed task, all of them anew."""
        location = status.location
        found = {
            SparkMasterLink.name: self.server.ui_url,
            DriverLogLink.name: location.log_url if location else None,
            SparkUiLink.name: location.spark_ui if location else None,
        }
        self.link_targets |= {name: url for name, url in found.items() if url}

    def _tags(self, context: Context) -> metrics.Tags:
        record = Records(context["task_state_store"]).load()
        return dict(record.tags) if record else {"backend": str(self.backend)}

    def _watched(self, submission: Submission) -> Outcome:
        job_id = submission.status.job_id
        view = self.server.view(job_id, with_log=self.driver_log)
        return watch(
            self.server, view, Watch(job_id, self.watching, submission.record.submitted_at)
        )

    def _defer(self, submission: Submission, context: Context) -> NoReturn:
        handle = submission.record.handle
        assert handle is not None  # noqa: S101 - a submission has an id
        trigger = JobTrigger(
            handle=handle.to_json(),
            patience=asdict(self.watching),
            submitted_at=submission.record.at,
            with_log=self.driver_log,
        )
        timeout = self._time_left(context)
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timeout)

    def _time_left(self, context: Context) -> timedelta | None:
        """What remains of ``execution_timeout``, which Airflow does not enforce while deferred."""
        if self.execution_timeout is None:
            return None
        started: datetime = context["ti"].start_date
        left = started + self.execution_timeout - datetime.now(UTC)
        return max(left, timedelta(seconds=1))

    def _stop_overdue(self, record: Record | None) -> NoReturn:
        limit = readable_duration((self.execution_timeout or timedelta()).total_seconds())
        job_id = record.job_id if record else None
        if job_id is not None:
            kill_and_verify(self.server, job_id)
        raise AirflowTaskTimeout(f"{job_id} was stopped: execution_timeout={limit} is over")


def _origin(context: Context) -> dict[str, str]:
    ti = context["ti"]
    return {
        "dag_id": ti.dag_id,
        "run_id": ti.run_id,
        "task_id": ti.task_id,
        "map_index": str(ti.map_index),
    }
