"""A job that a cluster manager runs, with files and results transferred by Libra if needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowNotFoundException

from libra_provider.clients.libra.results import WrittenResult
from libra_provider.clients.libra.shipment import is_bootstrapped
from libra_provider.core.errors import JobFailed
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.paths import located
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook
from libra_provider.hooks.libra import LibraHook
from libra_provider.lifecycle import receipts
from libra_provider.lifecycle.delivery import DeliveryNeeds, located_lists, python_code, shipped
from libra_provider.lifecycle.plan import JobPlan
from libra_provider.lifecycle.task_record import TaskRecord
from libra_provider.operators.fetch import check_installed, fetched


class ClusterPlan(JobPlan):
    """
    A job with a dedicated driver on a cluster.

    :param server: the cluster manager that runs it, of any backend.
    :param describe: returns the job with its paths as the task's parameters have them.
    :param beside: the folder to which relative paths refer.
    :param fetch: what the task returns, see SparkClusterJobOperator.
    :param libra_conn_id: a connection of type ``libra``, which transfers files and results. Without
        one (None, or not defined) nothing is transferred.
    :param sql_runner: path of ``libra_provider/jobs/sql_runner.py`` on the workers, for SQL without
        Libra.
    :param patience: for how many seconds Libra may be unreachable when a receipt is needed.
    """

    def __init__(
        self,
        server: ServerHook,
        describe: Callable[[], SparkJob],
        *,
        beside: Path,
        fetch: str | None,
        libra_conn_id: str | None,
        sql_runner: str | None = None,
        patience: float,
    ) -> None:
        self.server = server
        self._describe = describe
        self._beside = beside
        self._fetch = fetch
        self._libra_conn_id = libra_conn_id
        self._needs = DeliveryNeeds(promised=fetch not in (None, "none"), runner=sql_runner)
        self._patience = patience

    @cached_property
    def _described(self) -> SparkJob:
        """The job as the parameters describe it; its files need not exist any more."""
        return self._describe()

    @cached_property
    def libra(self) -> LibraHook | None:
        """Transfers files and result, or None if it need not or its connection is not defined."""
        if not self._libra_conn_id or not self._needs.needs_libra(self._described):
            return None
        hook = LibraHook(self._libra_conn_id)
        try:
            hook.client()
        except AirflowNotFoundException:
            return None
        return hook

    def connect(self) -> None:
        """Read both connections now, since ``on_kill`` cannot. Raises BadInput."""
        super().connect()
        self.libra  # noqa: B018 - reads the connection and keeps it

    def job(self) -> SparkJob:
        """The job, checked and completed by its connection; local paths are absolute."""
        check_installed(self._fetch)
        job = self._located(self._described)
        self._needs.check(job)
        if self._needs.needs_libra(job) and self.libra is None:
            self._needs.refuse_without_libra(job)
        return self.server.complete(job)

    def prepare(self, job: SparkJob, tag: str) -> SparkJob:
        """Upload the files of *job* to Libra and announce it; return it as it is submitted."""
        if self.libra is None:
            return self._needs.without_libra(job, tag)
        return shipped(self.libra, job, tag, promised=self._needs.promised)

    @property
    def announced_at(self) -> str | None:
        """The connection of the Libra to which the job was announced, or None if it was not."""
        return self.libra.connection_id if self.libra else None

    def report_end(self, record: TaskRecord, *, is_interrupted: bool = False) -> None:
        """Report to Libra, if the job of *record* was announced there, that its driver is gone."""
        if is_interrupted and "libra" not in self.__dict__:
            return
        if record.backend is self.server.backend and self.libra:
            libra = self.libra.with_new_connections() if is_interrupted else self.libra
            receipts.report_end(libra, record.tag)

    def explain(self, status: JobStatus, tag: str | None) -> JobStatus:
        """*status*, with the contents of the receipt that the driver left at Libra."""
        if tag is None or self.libra is None:
            return status
        # A failed job has certainly ended; the receipt only adds details.
        is_over = status.state is JobState.FAILED and not status.worker_lost
        patience = 0.0 if is_over else self._patience
        return receipts.explain(self.libra, tag, status, patience=patience)

    def result(self, status: JobStatus, tag: str | None) -> Any:
        """What ``fetch`` requests, or where the rows were written, or None for no result."""
        if tag is None or self.libra is None:
            return self._without_libra(status)
        if not is_bootstrapped(self._described):
            receipts.report_end(self.libra, tag, well=True)
            return None
        read, written = partial(self._fetched, self.libra), partial(self._written, status)
        return receipts.uploaded_result(self.libra, tag, status, read=read, written=written)

    def _located(self, job: SparkJob) -> SparkJob:
        found: dict[str, Any] = dict(located_lists(job, self._beside))
        if job.application is not None:
            found["application"] = located(job.application, self._beside, parameter="application")
        if job.kind is Kind.PYTHON:
            found["code"] = python_code(str(job.code), self._beside)
        return job.trusted(**found)

    def _fetched(self, libra: LibraHook, at_libra: JobStatus) -> Any:
        fetch = self._fetch or ("all" if at_libra.kind is Kind.SQL else None)
        return fetched(libra, at_libra, fetch, result_path=self._described.result_path)

    def _without_libra(self, status: JobStatus) -> dict[str, Any] | None:
        found = self._written(status)
        if found is None and self._needs.promised:
            raise JobFailed(status.job_id, receipts.NOTHING)
        return asdict(found) if found else None

    def _written(self, status: JobStatus) -> WrittenResult | None:
        """Where the rows were written, according to the driver's output."""
        return receipts.written_by(self.server, status) if self._described.result_path else None
