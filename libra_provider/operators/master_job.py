"""What operators share whose jobs a master runs, and whose files and results go by Libra."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property, partial
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowNotFoundException

from libra_provider.clients.libra.results import WrittenResult, installed
from libra_provider.clients.libra.shipment import is_bootstrapped
from libra_provider.core.errors import JobFailed
from libra_provider.core.job import Kind, SparkJob
from libra_provider.core.polling import Outcome
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks.libra import LibraHook
from libra_provider.hooks.spark_master import SparkMasterHook
from libra_provider.lifecycle import receipts
from libra_provider.lifecycle.delivery import DeliveryNeeds, shipped
from libra_provider.lifecycle.submission import Submission
from libra_provider.lifecycle.task_record import TaskRecord
from libra_provider.operators.arguments import check_fetch, fetched
from libra_provider.operators.base import JobOperator

# Its driver is gone, without success.
_OVER = (JobState.FAILED, JobState.KILLED)
# Where a file is: told its path as it was given, and of which parameter.
Place = Callable[[str, str], str]


class MasterJobOperator(JobOperator):
    """
    Submit one job to a master, with its files, and return what it hands in.

    :param libra_conn_id: a connection of type ``libra``, by which files and results travel; None,
        or one that is not defined: they do not.
    :param result_limit: how many rows may come back; more is an error, never cut silently.
    :param result_path: write the rows there as Parquet (templated) and return ``uri``, ``rows``,
        ``bytes`` and Spark's ``schema`` of them instead.
    :param fetch: what the task returns, see SparkClusterJobOperator.
    :param sql_runner: without Libra: where the workers have ``libra_provider/jobs/sql_runner.py``,
        inside Libra's unpacked runtime zip (templated).
    """

    def __init__(
        self,
        *,
        result_limit: int | None = None,
        result_path: str | None = None,
        fetch: str | None = None,
        libra_conn_id: str | None = LibraHook.default_conn_name,
        sql_runner: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_fetch(fetch, result_path=result_path)
        self.libra_conn_id = libra_conn_id
        self.result_limit = result_limit
        self.result_path = result_path
        self.fetch = fetch
        self.sql_runner = sql_runner

    @abstractmethod
    def described(self, place: Place) -> SparkJob:
        """The job, each of its files where *place* says that it is; raises BadInput."""

    @cached_property
    def libra(self) -> LibraHook | None:
        """By which files and results travel; None where no such connection is defined."""
        if not self.libra_conn_id:
            return None
        hook = LibraHook(self.libra_conn_id)
        try:
            hook.client()
        except AirflowNotFoundException:
            return None
        return hook

    def check_return(self, job: SparkJob) -> None:
        """Raise BadInput where *job* cannot get its files, or give back what is asked for."""
        if self.fetch == "pandas":
            installed("pandas", extra="pandas")
            installed("pyarrow", extra="pandas")
        self.wishes.check(job)
        if self.wishes.needs_libra(job) and self.libra is None:
            self.wishes.refuse_without_libra(job)

    @property
    def wishes(self) -> DeliveryNeeds:
        """What is wanted besides the run."""
        promised = self.fetch not in (None, "none")
        return DeliveryNeeds(promised=promised, runner=self.sql_runner)

    def prepare(self, job: SparkJob, tag: str) -> SparkJob:
        """*job* as the master gets it, once Libra has its files and knows of it."""
        if not self.wishes.needs_libra(job):
            return self.wishes.without_libra(job, tag)
        return shipped(self._there(), job, tag, promised=self.wishes.promised)

    def settle(self, outcome: Outcome, context: Context) -> Any:
        """The result of a driver that succeeded; Libra is told of any other end."""
        if outcome.status.state is JobState.FAILED:
            outcome = replace(outcome, status=self.recalled(outcome.status))
        # What follows may submit anew, under another tag.
        record = self.record
        try:
            return super().settle(outcome, context)
        finally:
            if record and outcome.status.state in _OVER:
                self.tell_end(record)

    def submit(self, context: Context) -> Submission:
        """The driver of this logical run; Libra's connection is known from here on."""
        self._went_by_libra  # noqa: B018 - on_kill can ask for no connection
        return super().submit(context)

    @property
    def announced_at(self) -> str | None:
        """By which Libra files and result travel, if they have to."""
        return self.libra_conn_id if self._went_by_libra else None

    def tell_end(self, record: TaskRecord, *, apart: bool = False) -> None:
        """Tell Libra, if it knows of the driver of *record*, that this one is gone."""
        if apart and "libra" not in self.__dict__:
            return
        if record.backend is self.backend and self._went_by_libra:
            receipts.ended(self._there().apart() if apart else self._there(), record.tag)

    def _end(self, job_id: str) -> JobStatus:
        status = super()._end(job_id)
        if self.record and status.state in _OVER:
            self.tell_end(self.record)
        return status

    def recalled(self, status: JobStatus) -> JobStatus:
        """*status* with what the driver's receipt says."""
        if self.record is None or not self._went_by_libra:
            return status
        # What failed is known to be over; its receipt only says it better.
        is_over = status.state is JobState.FAILED and not status.worker_lost
        patience = 0.0 if is_over else self.watching.silence
        return receipts.explained(self._there(), self.record.tag, status, patience=patience)

    def result(self, status: JobStatus) -> Any:
        """What ``fetch`` asks for, or where the rows were written; None for nothing."""
        try:
            return self._given_back(status)
        except JobFailed:
            # Its master calls it a success: another try would only find the same driver again.
            self._condemn()
            raise

    def _given_back(self, status: JobStatus) -> Any:
        if self.record is None or not self._went_by_libra:
            return self._without_libra(status)
        libra, tag = self._there(), self.record.tag
        if not is_bootstrapped(self._described):
            receipts.ended(libra, tag, well=True)
            return None
        written = partial(self._written, status)
        return receipts.handed_in(libra, tag, status, read=self._fetched, written=written)

    def _fetched(self, at_libra: JobStatus) -> Any:
        fetch = self.fetch or ("all" if at_libra.kind is Kind.SQL else None)
        return fetched(self._there(), at_libra, fetch, result_path=self.result_path)

    def _without_libra(self, status: JobStatus) -> dict[str, Any] | None:
        found = self._written(status)
        if found is None and self.wishes.promised:
            raise JobFailed(status.job_id, receipts.NOTHING)
        return asdict(found) if found else None

    def _written(self, status: JobStatus) -> WrittenResult | None:
        """Where the driver's output says that its rows are, for want of Libra."""
        assert isinstance(self.server, SparkMasterHook)  # noqa: S101 - its backend is SPARK_MASTER
        return receipts.written_by(self.server, status) if self.result_path else None

    @property
    def _described(self) -> SparkJob:
        """The job, as its parameters say: its files may be gone by now."""
        return self.described(lambda path, _: path)

    @property
    def _went_by_libra(self) -> bool:
        return self.wishes.needs_libra(self._described) and self.libra is not None

    def _there(self) -> LibraHook:
        assert self.libra is not None  # noqa: S101 - plan has looked
        return self.libra
