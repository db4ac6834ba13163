"""An operator that runs a statement on Libra."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from airflow.sdk import Context

from libra_provider.core.field_rules import check_work
from libra_provider.core.job import SparkJob
from libra_provider.core.properties import spark_conf
from libra_provider.core.units import duration_in_seconds
from libra_provider.hooks.libra import LibraHook
from libra_provider.links import DriverLogLink, SparkUiLink
from libra_provider.operators.base import JobOperator, beside
from libra_provider.operators.fetch import check_fetch
from libra_provider.operators.statement_plan import StatementPlan


class LibraStatementOperator(JobOperator):
    """
    Run one statement on Libra and return its result: a query's rows as a list of dicts.

    Pass one of ``sql``, ``python`` and ``application``. By default, the first two run in Libra's
    shared driver, and an application runs in a dedicated driver. Their output is shown in the task
    log.

    Rows are returned as JSON, since Airflow's XCom would round decimals and cannot hold binary
    values and times of day: decimals, dates, times, timestamps and intervals are exact strings,
    binary values are base64. To get Python values instead, pass the ``job_id`` in XCom ``job`` to
    :meth:`LibraHook.result`.

    :param sql: the statement, or the path of a ``.sql`` file next to the Dag (templated, and so is
        the file's content).
    :param python: Python code whose last expression is the result (templated), or the path of a
        ``.py`` file next to the Dag, whose content is not templated.
    :param application: path of a ``.py`` or ``.jar`` file (templated). A relative path is next to
        the Dag, and the file is uploaded to Libra. An absolute path is on Libra's host, below its
        ``file_roots``. ``http(s):``, ``s3a:`` and ``hdfs:`` URLs are passed on. A Python file,
        except at ``s3a:`` or ``hdfs:``, can return a result with ``jobs.result(…)``
        (``from libra_provider import jobs``).
    :param application_args: arguments of the application or of the Python code (templated). Airflow
        reads an argument that ends in ``.sql`` as a file, unless it is ``literal("…")``.
    :param java_class: the main class of a JAR (templated).
    :param conf: Spark properties of a dedicated driver (templated).
    :param mode: ``shared`` or ``isolated``, for Libra's shared driver or a dedicated one. By
        default, a dedicated driver runs each ``application``, and ``python`` whose ``conf`` sets
        memory, cores or executors. With ``shared``, a JAR runs in the shared driver's JVM.
    :param deploy_mode: where a dedicated driver runs: ``client`` (on Libra's host) or ``cluster``
        (on a worker). The default is set in Libra.
    :param parameters: values for ``:name`` (a dict) or ``?`` (a list) in ``sql`` (templated).
    :param libra_conn_id: a connection of type ``libra``.
    :param pool_name: Libra's FAIR pool, such as ``interactive`` (templated). Not Airflow's
        ``pool``.
    :param session: Libra's session, with the temporary views and Python variables that the
        statement can use (templated). The default is that of the connection. If that has none, SQL
        uses the session ``default``, and Python gets a new one that ends with the statement
        (``own``).
    :param result_limit: how many rows may be returned. More rows are an error; rows are never
        dropped silently.
    :param result_path: write the rows there as Parquet (templated), and return their ``uri``,
        ``rows``, ``bytes`` and Spark's ``schema`` instead.
    :param fetch: what the task returns: ``all`` rows, or the value of the Python code; ``one``, the
        only row or None; ``value``, the only column of the only row, or the value of the Python
        code; ``pandas``, a DataFrame (requires the extra ``pandas``, also in tasks that read it);
        or ``none``. A JAR returns nothing.
    :param timeout: how long the statement may run once it has started ("10 min"). Libra then stops
        it, even if Airflow is gone.

    An old version of Libra returns the result as one string, with ``fetch="all"``, and no log.
    Parameters that it would ignore are errors; see ``docs/statements.md``.

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
        """The statement, run by the Libra of ``libra_conn_id``."""
        server = LibraHook(self.libra_conn_id)
        return StatementPlan(server, self._described, beside=beside(context), fetch=self.fetch)

    def _described(self) -> SparkJob:
        conf = spark_conf(self.conf, deploy_mode=self.deploy_mode)
        return SparkJob.from_work(
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
