"""A statement on Libra's shared driver."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, ClassVar

from airflow.sdk import Context

from libra_provider.clients.libra_result import ResultPage, installed
from libra_provider.clients.old_libra import whole_text
from libra_provider.core.errors import BadInput, ResultNotWhole
from libra_provider.core.job import Backend, Kind, SparkJob
from libra_provider.core.status import JobStatus
from libra_provider.core.units import duration_in_seconds, readable_size
from libra_provider.hooks.libra import LibraHook
from libra_provider.links import SparkUiLink
from libra_provider.operators.base import JobOperator

_FETCHES = ("all", "one", "value", "pandas", "none")
_LARGE_XCOM = 2**20  # characters of JSON; they go through Airflow's API and into its database


class LibraStatementOperator(JobOperator):
    """
    Run one SQL statement on Libra's shared driver and return its rows as a list of dicts.

    Airflow's XCom would round decimals, and has no form for binary and times of day. Rows therefore
    arrive as JSON: these, dates, timestamps and intervals are exact texts, binary is base64.
    :meth:`LibraHook.result` gives Python's values instead, from XCom ``job``'s ``job_id``.

    :param sql: the statement, or the path of a ``.sql`` file beside the Dag (templated, and so is
        what the file holds).
    :param parameters: values for ``:name`` (a dict) or ``?`` (a list) in the statement (templated).
    :param libra_conn_id: a connection of type ``libra``.
    :param pool_name: Libra's FAIR pool, such as ``interactive`` (templated); ``pool`` is Airflow's.
    :param session: Libra's session, whose temporary views the statement sees (templated).
    :param result_limit: how many rows may come back; more is an error, never cut silently.
    :param result_path: write the rows there as Parquet (templated) and return ``uri``, ``rows``,
        ``bytes`` and Spark's ``schema`` of them instead.
    :param fetch: ``all`` rows; ``one``, the only row or None; the one ``value`` of one row; a
        ``pandas`` DataFrame (needs the extra ``pandas``, here and where it is read); or ``none``.
    :param timeout: how long the statement may run once it has begun ("10 min"); then Libra ends it,
        whoever still watches.

    A Libra of the old contract gives its rows as one text, with ``fetch="all"``, and refuses
    ``parameters``, ``result_limit``, ``result_path`` and ``timeout``.

    ``deferrable``, ``poll_interval``, ``patience``, ``queued_timeout``: see JobOperator.
    """

    backend = Backend.LIBRA
    template_fields: Sequence[str] = (
        "sql",
        "parameters",
        "pool_name",
        "session",
        "result_path",
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
        result_path: str | None = None,
        fetch: str = "all",
        timeout: float | str | timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if fetch not in _FETCHES:
            raise BadInput("fetch", fetch, f"it is one of {', '.join(_FETCHES)}")
        if result_path is not None and fetch != "all":
            raise BadInput("fetch", fetch, "result_path is given too, and no rows come back")
        self.libra_conn_id = libra_conn_id
        self.sql = sql
        self.parameters = parameters
        self.pool_name = pool_name
        self.session = session
        self.result_limit = result_limit
        self.result_path = result_path
        self.fetch = fetch
        self.timeout = (
            None if timeout is None else duration_in_seconds(timeout, parameter="timeout")
        )

    @property
    def connection_id(self) -> str:
        """The connection of Libra."""
        return self.libra_conn_id

    def plan(self, context: Context) -> SparkJob:  # noqa: ARG002 - templates are rendered already
        """The statement, checked."""
        if self.fetch == "pandas":
            installed("pandas", extra="pandas")
            installed("pyarrow", extra="pandas")
        return SparkJob(
            kind=Kind.SQL,
            code=self.sql,
            parameters=self.parameters,
            pool_name=self.pool_name,
            session=self.session,
            result_limit=self.result_limit,
            result_path=self.result_path,
            timeout=self.timeout,
            name=f"{self.dag_id}.{self.task_id}",
        )

    def result(self, status: JobStatus) -> Any:
        """What ``fetch`` asks for, or where the rows were written."""
        assert isinstance(self.server, LibraHook)  # noqa: S101 - its backend is LIBRA
        if self.fetch == "none":
            return None
        if status.text is not None:
            return self._text(status)
        if self.result_path is not None:
            return asdict(self.server.written(status.job_id))
        if self.fetch == "pandas":
            return self.server.pandas(status.job_id)
        return self._of(self.server.page(status.job_id))

    def _text(self, status: JobStatus) -> str:
        if self.fetch != "all":
            why = f"this Libra gives one text only, for fetch='all', and not for {self.fetch!r}"
            raise ResultNotWhole(status.job_id, why)
        return whole_text(status)

    def _of(self, page: ResultPage) -> Any:
        if self.fetch == "value":
            return page.only_value().rows[0][0]
        if self.fetch == "one":
            return next(iter(page.only_row().as_dicts()), None)
        rows = page.as_dicts()
        self.log.info("%d rows come back", len(rows))
        if (size := len(json.dumps(rows))) > _LARGE_XCOM:
            self.log.warning(
                "They are %s of XCom, which goes through Airflow's database; let result_path write "
                "them to storage, or use fetch='none' and read them with LibraHook",
                readable_size(size),
            )
        return rows
