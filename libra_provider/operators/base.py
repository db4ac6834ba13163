"""The base of the operators: parameters of a job's life, and the methods that Airflow calls."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from airflow.sdk import BaseOperator, Context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import TaskDeferralError, TaskDeferralTimeout
from airflow.sdk.log import mask_secret

from libra_provider.core.masking import SECRET_KEY
from libra_provider.core.polling import Outcome, PollingPolicy
from libra_provider.lifecycle.failures import final_where_retrying_cannot_help
from libra_provider.lifecycle.job_run import JobRun, RunPolicy
from libra_provider.lifecycle.openlineage import Lineage
from libra_provider.lifecycle.plan import JobPlan
from libra_provider.lifecycle.recovery import OnLost
from libra_provider.lifecycle.timing import DEFAULT, JobTiming

log = logging.getLogger(__name__)
_WITH_SECRETS = ("conf", "env_vars")
_SWITCHES = ("true", "false")


class JobOperator(BaseOperator):
    """
    Submit one job exactly once, wait for it, and return its result.

    :param deferrable: whether to wait in the triggerer, without a worker slot.
    :param poll_interval: seconds between two polls of the job.
    :param patience: how long the server may be unreachable before the task fails ("5 min", or
        seconds). The job keeps running meanwhile.
    :param queued_timeout: how long the job may wait to start. After that it is stopped and the task
        fails. None means no limit.
    :param executors_timeout: how long the job may run without any executor. After that it is
        stopped and the task fails. None means no limit.
    :param on_lost: what to do when the master has forgotten a driver on the cluster that may still
        be running: ``fail`` fails the task without retries, ``resubmit`` lets the next try submit
        the job again.
    :param driver_log: whether to show the driver's log in the task log.
    :param openlineage_inject_parent_job_info: whether to pass the ids of the task to a dedicated
        driver, for its OpenLineage events. Default:
        ``[openlineage] spark_inject_parent_job_info``. Neither this nor the next parameter affects
        the shared driver.
    :param openlineage_inject_transport_info: whether to pass the address to which a dedicated
        driver sends its events. Default: ``[openlineage] spark_inject_transport_info``.
    """

    timing: ClassVar[JobTiming] = DEFAULT

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
        self.link_targets: dict[str, str] = {}
        self._run: JobRun | None = None
        self._is_ending = False

    @abstractmethod
    def plan(self, context: Context) -> JobPlan:
        """What to run, and on which server; raises BadInput."""

    def plan_of_deferred(self, context: Context) -> JobPlan:
        """The plan of a try that continues after a deferral: its job is running already."""
        return self.plan(context)

    def execute(self, context: Context) -> Any:
        """Submit the job, or rejoin that of an earlier try; return its result."""
        with final_where_retrying_cannot_help():
            return self.run_of(self.plan(context), context).see_through()

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:  # noqa: ARG002 - Airflow gives it
        """Settle the outcome that the trigger reported."""
        return self._current.settle_deferred(Outcome.from_json(event))

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """Continue after a deferral; stop a job that has outlived ``execution_timeout``.

        Airflow calls only this method when a deferral ends without an event. If a resumed try is
        cleared, Airflow passes the same event to the next try, which starts over.
        """
        run = self.run_of(self.plan_of_deferred(context), context)
        if not run.take_up():
            return run.see_through()
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            return run.settle_overdue()
        except TaskDeferralError as error:
            log.warning("The trigger failed (%s). Waiting in the worker instead.", error)
            return run.wait_in_worker()

    def on_kill(self) -> None:
        """Stop the job because Airflow ends the task."""
        self._is_ending = True
        if self._run:
            self._run.stop()

    def run_of(self, plan: JobPlan, context: Context) -> JobRun:
        """A run of *plan* for this try, which ``on_kill`` can stop."""
        mask_secrets_of(self)
        self._run = JobRun(
            plan,
            self._policy,
            context,
            links=self.link_targets,
            is_ending=lambda: self._is_ending,
        )
        return self._run

    @property
    def _current(self) -> JobRun:
        assert self._run is not None  # noqa: S101 - resume_execution begins with it
        return self._run

    @property
    def _policy(self) -> RunPolicy:
        return RunPolicy(
            polling=self.watching,
            on_lost=self.on_lost,
            lineage=self.lineage,
            deferrable=self.deferrable,
            driver_log=self.driver_log,
            execution_timeout=self.execution_timeout,
            timing=self.timing,
        )


def beside(context: Context) -> Path:
    """The folder of the Dag file, to which relative paths refer."""
    return Path(context["dag"].fileloc).parent


def mask_secrets_of(task: BaseOperator) -> None:
    """Have Airflow mask the secrets of *task* in everything that this process logs from now on.

    Secrets are the values in ``conf`` and ``env_vars`` whose keys look like those of secrets.
    Airflow does not mask values of fewer than five characters.
    """
    for name in _WITH_SECRETS:
        values = getattr(task, name, None)
        if isinstance(values, Mapping):  # other types are rejected later
            for key, value in values.items():
                if SECRET_KEY.search(str(key)) and str(value).lower() not in _SWITCHES:
                    mask_secret(str(value))
