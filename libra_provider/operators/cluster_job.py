"""A job with a driver of its own on the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from airflow.sdk import Context

from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import DeployMode, Mode
from libra_provider.core.properties import spark_conf
from libra_provider.core.units import duration_in_seconds
from libra_provider.hooks.libra import LibraHook
from libra_provider.hooks.spark_master import SparkMasterHook
from libra_provider.lifecycle.failures import final_where_retrying_cannot_help
from libra_provider.links import DriverLogLink, SparkMasterLink, SparkUiLink
from libra_provider.operators.arguments import check_fetch, check_work, described
from libra_provider.operators.base import JobOperator, beside
from libra_provider.operators.cluster_plan import ClusterPlan


class SparkClusterJobOperator(JobOperator):
    """
    Run a Python file, a JAR, SQL or Python code in a driver of its own, on a worker of a cluster.

    Give one of ``application``, ``sql`` and ``python``. Files that lie beside the Dag, or anywhere
    on this machine, are shipped: Libra keeps them, drivers fetch them from there, and an unchanged
    one is not sent again. ``local:``, ``file:``, ``http(s):``, ``s3a:`` and ``hdfs:`` ones are used
    as they are. A job that ships nothing and returns nothing needs no Libra. See
    ``docs/shipping.md``.

    :param application: path of a ``.py`` or ``.jar`` file (templated).
    :param sql: one statement, or the path of a ``.sql`` file beside the Dag (templated, and so is
        what the file holds).
    :param python: Python code, which finds ``spark`` (templated); or the path of a ``.py`` file
        beside the Dag, whose text is sent as it is, braces and all.
    :param application_args: arguments of the application or of the Python code (templated). Airflow
        takes one that ends in ``.sql`` for a file to read, unless it is ``literal("…")``.
    :param java_class: the main class of a JAR (templated).
    :param conf: Spark properties (templated).
    :param parameters: values for ``:name`` (a dict) or ``?`` (a list) in ``sql`` (templated).
    :param py_files: Python files, zips, and folders of packages, that the job imports from
        (templated).
    :param jars: further JARs (templated).
    :param files: files for the working directory of each executor (templated).
    :param archives: archives to unpack there, as ``env.tar.gz#env`` (templated).
    :param packages: Maven coordinates (templated).
    :param env_vars: environment variables of the driver (templated).
    :param name: the application's name (templated); default: the ids of Dag and task.
    :param supervise: let the master start the driver again whenever it fails.
    :param driver_timeout: how long the driver may run ("30 min", in whole minutes); then it ends
        by itself and fails, even if Airflow is gone.
    :param result_limit: how many rows may come back; more is an error, never cut silently.
    :param result_path: write the rows there as Parquet (templated) and return ``uri``, ``rows``,
        ``bytes`` and Spark's ``schema`` of them instead.
    :param fetch: what the task returns: ``all`` rows, or the value that Python handed in; ``one``,
        the only row or None; the one ``value``; a ``pandas`` DataFrame; or ``none``. Default: the
        rows of ``sql``, and of Python whatever it handed in by ``libra_provider.jobs.result``, or
        None. One that is given is a promise: a driver that ends without a result has failed.
    :param wait_for_completion: False submits only, and returns the driver's id for a sensor.
    :param spark_master_conn_id: a connection of type ``spark_master``.
    :param libra_conn_id: a connection of type ``libra``, by which files and results travel; None,
        or one that is not defined: they do not.
    :param sql_runner: without Libra: where the workers have ``libra_provider/jobs/sql_runner.py``,
        inside Libra's unpacked runtime zip (templated).

    ``deferrable``, ``poll_interval``, ``patience``, ``queued_timeout``: see JobOperator.
    """

    template_fields: Sequence[str] = (
        "application",
        "sql",
        "python",
        "application_args",
        "java_class",
        "conf",
        "parameters",
        "py_files",
        "jars",
        "files",
        "archives",
        "packages",
        "env_vars",
        "name",
        "result_path",
        "spark_master_conn_id",
        "libra_conn_id",
        "sql_runner",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "sql": "sql",
        "python": "py",
        "conf": "json",
        "parameters": "json",
        "env_vars": "json",
    }
    operator_extra_links = (DriverLogLink(), SparkUiLink(), SparkMasterLink())
    ui_color = "#fdf0e3"

    def __init__(
        self,
        *,
        application: str | None = None,
        sql: str | None = None,
        python: str | None = None,
        application_args: Sequence[str] = (),
        java_class: str | None = None,
        conf: dict[str, Any] | None = None,
        parameters: dict[str, Any] | list[Any] | None = None,
        py_files: Sequence[str] = (),
        jars: Sequence[str] = (),
        files: Sequence[str] = (),
        archives: Sequence[str] = (),
        packages: Sequence[str] = (),
        env_vars: dict[str, str] | None = None,
        name: str | None = None,
        supervise: bool = False,
        driver_timeout: float | str | timedelta | None = None,
        result_limit: int | None = None,
        result_path: str | None = None,
        fetch: str | None = None,
        wait_for_completion: bool = True,
        spark_master_conn_id: str = SparkMasterHook.default_conn_name,
        libra_conn_id: str | None = LibraHook.default_conn_name,
        sql_runner: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_work({"application": application, "sql": sql, "python": python})
        check_fetch(fetch, result_path=result_path)
        self.spark_master_conn_id = spark_master_conn_id
        self.application = application
        self.sql = sql
        self.python = python
        self.application_args = application_args
        self.java_class = java_class
        self.conf = conf
        self.parameters = parameters
        self.py_files = py_files
        self.jars = jars
        self.files = files
        self.archives = archives
        self.packages = packages
        self.env_vars = env_vars
        self.name = name
        self.supervise = supervise
        self.driver_timeout = driver_timeout and duration_in_seconds(
            driver_timeout, parameter="driver_timeout"
        )
        self.result_limit = result_limit
        self.result_path = result_path
        self.fetch = fetch
        self.wait_for_completion = wait_for_completion
        self.libra_conn_id = libra_conn_id
        self.sql_runner = sql_runner

    def plan(self, context: Context) -> ClusterPlan:
        """The job, at the master of ``spark_master_conn_id``."""
        return ClusterPlan(
            SparkMasterHook(self.spark_master_conn_id),
            self._described,
            beside=beside(context),
            fetch=self.fetch,
            libra_conn_id=self.libra_conn_id,
            sql_runner=self.sql_runner,
            patience=self.watching.silence,
        )

    def execute(self, context: Context) -> Any:
        """Submit the driver; wait for its end unless ``wait_for_completion`` is False."""
        if self.wait_for_completion:
            return super().execute(context)
        with final_where_retrying_cannot_help():
            return self.run_of(self.plan(context), context).submit().status.job_id

    def _described(self) -> SparkJob:
        conf = spark_conf(self.conf, deploy_mode=DeployMode.CLUSTER)
        name = None if "spark.app.name" in conf else f"{self.dag_id}.{self.task_id}"
        return described(
            sql=self.sql,
            python=self.python,
            application=self.application,
            application_args=self.application_args,
            java_class=self.java_class,
            conf=conf,
            mode=Mode.ISOLATED,
            deploy_mode=DeployMode.CLUSTER,
            parameters=self.parameters,
            py_files=self.py_files,
            jars=self.jars,
            files=self.files,
            archives=self.archives,
            packages=self.packages,
            env_vars=self.env_vars or {},
            name=self.name or name,
            supervise=self.supervise,
            driver_timeout=self.driver_timeout,
            result_limit=self.result_limit,
            result_path=self.result_path,
        )
