"""What an operator supplies to a job's life: the job, its server, and how to read its result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from libra_provider.core.job import SparkJob
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook
from libra_provider.lifecycle.task_record import TaskRecord


class JobPlan(ABC):
    """The job of one task and the server that runs it. :class:`JobRun` does the rest."""

    server: ServerHook

    @abstractmethod
    def job(self) -> SparkJob:
        """The job, checked and completed: it is not checked again. Raises BadInput."""

    @abstractmethod
    def result(self, status: JobStatus, tag: str | None) -> Any:
        """The result of the job with *tag*, which succeeded, as it goes to XCom."""

    @property
    def announced_at(self) -> str | None:
        """The connection of the Libra to which the job was announced, or None if it was not."""
        return None

    def connect(self) -> None:
        """Read the connections now, since ``on_kill`` cannot. Raises BadInput."""
        self.server.client()

    def prepare(self, job: SparkJob, tag: str) -> SparkJob:  # noqa: ARG002 - for those that ship
        """Upload the files of *job*; return it as it is submitted under *tag*. Idempotent."""
        return job

    def explain(self, status: JobStatus, tag: str | None) -> JobStatus:  # noqa: ARG002 - as above
        """*status*, which is FAILED or LOST, with any further explanation."""
        return status

    def report_end(self, record: TaskRecord, *, is_interrupted: bool = False) -> None:  # noqa: B027 - optional
        """Report to Libra, if the job of *record* was announced there, that it has ended.

        ``is_interrupted`` is set when a signal interrupted the task: separate network connections
        are used, and Airflow is not called.
        """
