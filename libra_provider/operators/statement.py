"""A statement on Libra, of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from airflow.sdk import Context

from libra_provider.core.job import SparkJob
from libra_provider.core.properties import spark_conf
from libra_provider.core.units import duration_in_seconds
from libra_provider.hooks.libra import LibraHook
from libra_provider.links import DriverLogLink, SparkUiLink
from libra_provider.operators.arguments import check_fetch, check_work, described
from libra_provider.operators.base import JobOperator, beside
from libra_provider.operators.statement_plan import StatementPlan


class LibraStatementOperator(JobOperator):
    """
    Run one statement on Libra and return its result: a query's rows as a list of dicts.

    Give one of ``sql`` and ``python``, which run on Libra's shared driver unless told otherwise,
    and ``application``, which gets a driver of its own. What they print is shown in the task log.

    Airflow's XCom would round decimals, and has no form for binary and times of day. Rows therefore
    arrive as JSON: these, dates, timestamps and intervals are exact texts, binary is base64.
    :meth:`LibraHook.result` gives Python's values instead, from XCom ``job``'s ``job_id``.

    :param sql: the statement, or the path of a ``.sql`` file beside the Dag (templated, and so is
        what the file holds).
    :param python: Python code, whose last expression is the result (templated); or the path of a
        ``.py`` file beside the Dag, whose text is sent as it is, braces and all.
    :param application: path of a ``.py`` or ``.jar`` file (templated). A relative one lies beside
        the Dag and is shipped to Libra; an absolute one lies on Libra's host, below its
        ``file_roots``. ``http(s):``, ``s3a:`` and ``hdfs:`` ones are used as they are. A ``.py``
        one, unless it is ``s3a:`` or ``hdfs:``, may return a result by ``jobs.result(…)``
        (``from libra_provider import jobs``).
    :param application_args: arguments of the application or of the Python code (templated). Airflow
        takes one that ends in ``.sql`` for a file to read, unless it is ``literal("…")``.
    :param java_class: the main class of a JAR (templated).
    :param conf: Spark properties of a driver of its own (templated).
    :param mode: ``shared`` or ``isolated``: whose driver runs it. By default an application gets a
        driver of its own, and ``python`` does with ``conf`` of memory, cores or executors; ``sql``
        does with ``isolated`` only. A JAR runs in the shared driver's JVM with ``shared``.
    :param deploy_mode: where a driver of its own runs: ``client`` (beside Libra) or ``cluster`` (on
        a worker). Default: as Libra is set.
    :param parameters: values for ``:name`` (a dict) or ``?`` (a list) in ``sql`` (templated).
    :param libra_conn_id: a connection of type ``libra``.
    :param pool_name: Libra's FAIR pool, such as ``interactive`` (templated); ``pool`` is Airflow's.
    :param session: Libra's session, whose temporary views and Python variables the statement sees
        (templated). By default the connection's; else SQL shares ``default``, and Python has one
        to itself (``own``), which ends with it.
    :param result_limit: how many rows may come back; more is an error, never cut silently.
    :param result_path: write the rows there as Parquet (templated) and return ``uri``, ``rows``,
        ``bytes`` and Spark's ``schema`` of them instead.
    :param fetch: ``all`` rows, or the value that Python came to; ``one``, the only row or None;
        the one ``value`` of one row, or of Python; a ``pandas`` DataFrame (needs the extra
        ``pandas``, here and where it is read); or ``none``. A JAR returns nothing.
    :param timeout: how long the statement may run once it has begun ("10 min"); then Libra ends it,
        whoever still watches.

    A Libra of the old contract gives its result as one text, with ``fetch="all"``, shows no log,
    and refuses what it would ignore, see ``docs/statements.md``.

    ``deferrable``, ``poll_interval``, ``patience``, ``queued_timeout``: see JobOperator.
    """

    template_fields: Sequence[str] = (
        "sql",
        "python",
        "application",
        "application_args",
        "java_class",
        "conf",
        "parameters",
        "pool_name",
        "session",
        "result_path",
        "libra_conn_id",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "sql": "sql",
        "python": "py",
        "conf": "json",
        "parameters": "json",
    }
    operator_extra_links = (DriverLogLink(), SparkUiLink())
    ui_color = "#e8f1fb"

    def __init__(
        self,
        *,
        sql: str | None = None,
        python: str | None = None,
        application: str | None = None,
        application_args: Sequence[str] = (),
        java_class: str | None = None,
        conf: dict[str, Any] | None = None,
        mode: str | None = None,
        deploy_mode: str | None = None,
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
        check_work({"sql": sql, "python": python, "application": application})
        check_fetch(fetch, result_path=result_path, java_class=java_class)
        self.libra_conn_id = libra_conn_id
        self.sql = sql
        self.python = python
        self.application = application
        self.application_args = application_args
        self.java_class = java_class
        self.conf = conf
        self.mode = mode
        self.deploy_mode = deploy_mode
        self.parameters = parameters
        self.pool_name = pool_name
        self.session = session
        self.result_limit = result_limit
        self.result_path = result_path
        self.fetch = fetch
        self.timeout = (
            None if timeout is None else duration_in_seconds(timeout, parameter="timeout")
        )

    def plan(self, context: Context) -> StatementPlan:
        """The statement, at the Libra of ``libra_conn_id``."""
        server = LibraHook(self.libra_conn_id)
        return StatementPlan(server, self._described, beside=beside(context), fetch=self.fetch)

    def _described(self) -> SparkJob:
        conf = spark_conf(self.conf, deploy_mode=self.deploy_mode)
        return described(
            sql=self.sql,
            python=self.python,
            application=self.application,
            application_args=self.application_args,
            java_class=self.java_class,
            conf=conf,
            mode=self.mode,
            deploy_mode=self.deploy_mode,
            parameters=self.parameters,
            pool_name=self.pool_name,
            session=self.session,
            result_limit=self.result_limit,
            result_path=self.result_path,
            timeout=self.timeout,
            name=None if "spark.app.name" in conf else f"{self.dag_id}.{self.task_id}",
        )
