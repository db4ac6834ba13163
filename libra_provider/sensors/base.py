"""The base of the sensors: wait for a job that something else submitted."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException

from libra_provider.clients.observation import JobView
from libra_provider.core.errors import BadInput, JobFailed, JobKilled, JobLost
from libra_provider.core.job import Backend, JobHandle
from libra_provider.core.polling import Outcome, PollingPolicy, Watch, utc_now
from libra_provider.hooks.base import ServerHook
from libra_provider.hooks.servers import server_of
from libra_provider.hooks.watch import look
from libra_provider.lifecycle import messages
from libra_provider.lifecycle.timing import DEFAULT
from libra_provider.triggers.job import JobTrigger


class JobSensor(BaseSensorOperator):
    """
    Succeed when a job has succeeded; fail as soon as it failed, was killed or is lost.

    :param deferrable: whether to wait in the triggerer, without a worker slot.
    :param patience: how long the server may be unreachable before the sensor fails.
    :param driver_log: whether to show the driver's log in the task log.
    """

    backend: ClassVar[Backend]

    def __init__(
        self,
        *,
        deferrable: bool | None = None,
        poke_interval: float | timedelta = 5.0,
        patience: float | str | timedelta = 300.0,
        driver_log: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.driver_log = driver_log
        self.watching = PollingPolicy.of(poll_interval=self.poke_interval, silence=patience)
        self._watch: Watch | None = None
        self._view: JobView | None = None

    @property
    @abstractmethod
    def job_id(self) -> str:
        """The id of the job to wait for."""

    @property
    @abstractmethod
    def connection_id(self) -> str:
        """The connection of its server."""

    @cached_property
    def server(self) -> ServerHook:
        """The hook that polls the job."""
        return server_of(self.backend, self.connection_id)

    def execute(self, context: Context) -> Any:
        """Wait in the triggerer if deferrable, else by poking."""
        if not self.job_id:
            raise AirflowFailException(str(BadInput("job_id", self.job_id, "pass the id of a job")))
        if not self.deferrable:
            return super().execute(context)
        trigger = JobTrigger(
            handle=JobHandle(self.backend, self.connection_id, self.job_id, tag="").to_json(),
            patience=asdict(self.watching),
            submitted_at=utc_now().isoformat(),
            kills=False,
            with_log=self.driver_log,
            fires_after=DEFAULT.fires_after,
        )
        timeout = timedelta(seconds=self.timeout)
        return self.defer(trigger=trigger, method_name="execute_complete", timeout=timeout)

    def poke(self, context: Context) -> bool:
        """Whether the job has succeeded; raises AirflowFailException for any other end."""
        self._watch = self._watch or Watch(self.job_id, self.watching, utc_now())
        self._view = self._view or self.server.view(self.job_id, with_log=self.driver_log)
        outcome = look(self.server, self._view, self._watch)
        return outcome is not None and self._succeeded(outcome, context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> None:
        """Settle the outcome that the trigger reported."""
        self._succeeded(Outcome.from_json(event), context)

    def _succeeded(self, outcome: Outcome, context: Context) -> bool:
        """Push the job to XCom and return True; raises AirflowFailException for any other end.

        A retry of the sensor would only find the same end.
        """
        status = outcome.status
        handle = JobHandle(self.backend, self.connection_id, self.job_id, tag="")
        context["ti"].xcom_push(key="job", value=handle.to_json())
        if status.location:
            context["ti"].xcom_push(key="driver_location", value=asdict(status.location))
        try:
            outcome.raise_for_state()
        except (JobFailed, JobKilled, JobLost) as error:
            raise AirflowFailException(str(error)) from None
        messages.log_end(status)
        return True
