"""A statement on Libra's shared driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.sdk import Context

from libra_provider.core.job import Backend, Kind, SparkJob
from libra_provider.core.status import JobStatus
from libra_provider.hooks.libra import LibraHook
from libra_provider.links import SparkUiLink
from libra_provider.operators.base import JobOperator


class LibraStatementOperator(JobOperator):
    """
    Run one SQL statement on Libra's shared driver and return its rows as a list of dicts.

    :param sql: the statement, or the path of a ``.sql`` file (templated).
    :param parameters: values for ``:name`` (a dict) or ``?`` (a list) in the statement (templated).
    :param libra_conn_id: a connection of type ``libra``.
    :param pool_name: Libra's FAIR pool, such as ``interactive`` (templated); ``pool`` is Airflow's.
    :param session: Libra's session, whose temporary views the statement sees (templated).
    :param result_limit: how many rows may come back; more is an error, never cut silently.

    ``deferrable``, ``poll_interval``, ``patience``, ``queued_timeout``: see JobOperator.
    """

    backend = Backend.LIBRA
    template_fields: Sequence[str] = (
        "sql",
        "parameters",
        "pool_name",
        "session",
        "libra_conn_id",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "parameters": "json"}
    operator_extra_links = (SparkUiLink(),)
    ui_color = "#e8f1fb"

    def __init__(
        self,
        *,
        sql: str,
        parameters: dict[str, Any] | list[Any] | None = None,
        libra_conn_id: str = LibraHook.default_conn_name,
        pool_name: str | None = None,
        session: str | None = None,
        result_limit: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.libra_conn_id = libra_conn_id
        self.sql = sql
        self.parameters = parameters
        self.pool_name = pool_name
        self.session = session
        self.result_limit = result_limit

    @property
    def connection_id(self) -> str:
        """The connection of Libra."""
        return self.libra_conn_id

    def plan(self, context: Context) -> SparkJob:  # noqa: ARG002 - templates are rendered already
        """The statement, checked."""
        return SparkJob(
            kind=Kind.SQL,
            code=self.sql,
            parameters=self.parameters,
            pool_name=self.pool_name,
            session=self.session,
            result_limit=self.result_limit,
            name=f"{self.dag_id}.{self.task_id}",
        )

    def result(self, status: JobStatus) -> list[dict[str, Any]]:
        """Every row of the statement, fetched from Libra."""
        assert isinstance(self.server, LibraHook)  # noqa: S101 - its backend is LIBRA
        rows = self.server.result(status.job_id)
        self.log.info("%s returns %d rows", status.job_id, len(rows))
        return rows
