"""What a task supplies to the life of its job: what to run, where, and how its result is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from libra_provider.core.job import SparkJob
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook
from libra_provider.lifecycle.task_record import TaskRecord


class JobPlan(ABC):
    """The job of one task, and the server that runs it; :class:`JobRun` does the rest."""

    server: ServerHook

    @abstractmethod
    def job(self) -> SparkJob:
        """The job, checked and completed: nobody checks it again; raises BadInput."""

    @abstractmethod
    def result(self, status: JobStatus, tag: str | None) -> Any:
        """The result of the job that was submitted under *tag* and succeeded, for XCom."""

    @property
    def announced_at(self) -> str | None:
        """The connection of the Libra that expects files and results of the job, or None."""
        return None

    def connect(self) -> None:
        """Read the connections, as ``on_kill`` cannot ask Airflow for them; raises BadInput."""
        self.server.client()

    def prepare(self, job: SparkJob, tag: str) -> SparkJob:  # noqa: ARG002 - for those that ship
        """*job* as it is submitted under *tag*, once its files are uploaded; it is idempotent."""
        return job

    def explained(self, status: JobStatus, tag: str | None) -> JobStatus:  # noqa: ARG002 - as above
        """*status*, which is FAILED or LOST, with what else is known of the job of *tag*."""
        return status

    def tell_end(self, record: TaskRecord, *, apart: bool = False) -> None:  # noqa: B027 - optional
        """Report the end of the job of *record* to a Libra that expects files of it.

        ``apart``: a signal interrupted the task, so over separate connections, without Airflow.
        """
