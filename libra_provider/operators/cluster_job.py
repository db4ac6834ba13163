"""An operator that runs a job in a dedicated driver on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from airflow.sdk import Context

from libra_provider.core.field_rules import check_work
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import DeployMode, Mode
from libra_provider.core.properties import spark_conf
from libra_provider.core.units import duration_in_seconds
from libra_provider.hooks.libra import LibraHook
from libra_provider.hooks.spark_master import SparkMasterHook
from libra_provider.lifecycle.failures import final_where_retrying_cannot_help
from libra_provider.links import DriverLogLink, SparkMasterLink, SparkUiLink
from libra_provider.operators.base import JobOperator, beside
from libra_provider.operators.cluster_plan import ClusterPlan
from libra_provider.operators.fetch import check_fetch


class SparkClusterJobOperator(JobOperator):
    """
    Run a Python file, a JAR, SQL or Python code in a dedicated driver on a worker of a cluster.

    Pass one of ``application``, ``sql`` and ``python``. Files next to the Dag, or elsewhere on the
    machine of Airflow's worker, are uploaded to Libra, from which drivers download them. A file
    that has not changed is not uploaded again. ``local:``, ``file:``, ``http(s):``, ``s3a:`` and
    ``hdfs:`` URLs are passed on. A job without local files and without a result needs no Libra. See
    ``docs/shipping.md``.

    :param application: path of a ``.py`` or ``.jar`` file (templated).
    :param sql: one statement, or the path of a ``.sql`` file next to the Dag (templated, and so is
        the file's content).
    :param python: Python code that can use ``spark`` (templated), or the path of a ``.py`` file
        next to the Dag, whose content is not templated.
    :param application_args: arguments of the application or of the Python code (templated). Airflow
        reads an argument that ends in ``.sql`` as a file, unless it is ``literal("…")``.
    :param java_class: the main class of a JAR (templated).
    :param conf: Spark properties (templated).
    :param parameters: values for ``:name`` (a dict) or ``?`` (a list) in ``sql`` (templated).
    :param py_files: Python files, zips, and folders of packages, that the job imports from
        (templated).
    :param jars: further JARs (templated).
    :param files: files for the working directory of each executor (templated).
    :param archives: archives to unpack there, such as ``env.tar.gz#env`` (templated).
    :param packages: Maven coordinates (templated).
    :param env_vars: environment variables of the driver (templated).
    :param name: the application's name (templated). Default: the ids of Dag and task.
    :param supervise: whether the master restarts the driver whenever it fails.
    :param driver_timeout: how long the driver may run ("30 min", in whole minutes). After that it
        exits and fails, even if Airflow is gone.
    :param result_limit: how many rows may be returned. More rows are an error; rows are never
        dropped silently.
    :param result_path: write the rows there as Parquet (templated), and return their ``uri``,
        ``rows``, ``bytes`` and Spark's ``schema`` instead.
    :param fetch: what the task returns: ``all`` rows, or the value that Python returned; ``one``,
        the only row or None; the only ``value``; a ``pandas`` DataFrame; or ``none``. By default,
        the rows of ``sql``, or what Python returned with ``libra_provider.jobs.result``, if
        anything. If you set ``fetch``, a driver that ends without a result has failed.
    :param wait_for_completion: False only submits the driver, and returns its id for a sensor.
    :param spark_master_conn_id: a connection of type ``spark_master``.
    :param libra_conn_id: a connection of type ``libra``, which transfers files and results. Without
        one (None, or not defined) nothing is transferred.
    :param sql_runner: path of ``libra_provider/jobs/sql_runner.py`` on the workers, inside Libra's
        unpacked runtime zip, for SQL without Libra (templated).

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
        self.driver_timeout = (
            None
            if driver_timeout is None
            else duration_in_seconds(driver_timeout, parameter="driver_timeout")
        )
        self.result_limit = result_limit
        self.result_path = result_path
        self.fetch = fetch
        self.wait_for_completion = wait_for_completion
        self.libra_conn_id = libra_conn_id
        self.sql_runner = sql_runner

    def plan(self, context: Context) -> ClusterPlan:
        """The job, run by the master of ``spark_master_conn_id``."""
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
        """Submit the driver, and wait for it unless ``wait_for_completion`` is False."""
        if self.wait_for_completion:
            return super().execute(context)
        with final_where_retrying_cannot_help():
            return self.run_of(self.plan(context), context).submit().status.job_id

    def _described(self) -> SparkJob:
        conf = spark_conf(self.conf, deploy_mode=DeployMode.CLUSTER)
        name = None if "spark.app.name" in conf else f"{self.dag_id}.{self.task_id}"
        return SparkJob.from_work(
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
