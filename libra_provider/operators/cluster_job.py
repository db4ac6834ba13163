"""A job with a driver of its own on the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from airflow.sdk import Context

from libra_provider.core.files import located
from libra_provider.core.job import Backend, DeployMode, SparkJob
from libra_provider.core.properties import spark_conf
from libra_provider.core.status import JobStatus
from libra_provider.core.units import duration_in_seconds
from libra_provider.hooks.spark_master import SparkMasterHook
from libra_provider.lifecycle.airflow_errors import final_where_retrying_cannot_help
from libra_provider.links import DriverLogLink, SparkMasterLink, SparkUiLink
from libra_provider.operators.base import JobOperator


class SparkClusterJobOperator(JobOperator):
    """
    Run a Python file or a JAR in a driver of its own, on a worker of a standalone cluster.

    :param application: path of a ``.py`` or ``.jar`` file. A path without a scheme is looked for
        beside the Dag and must be readable under the same path on the workers; ``local:``,
        ``http(s):``, ``s3a:`` and ``hdfs:`` ones are used as they are (templated).
    :param application_args: its arguments (templated).
    :param java_class: the main class of a JAR (templated).
    :param conf: Spark properties (templated).
    :param py_files: Python files and archives that the job imports from (templated).
    :param jars: further JARs (templated).
    :param files: files for the working directory of each executor (templated).
    :param archives: archives to unpack there (templated).
    :param packages: Maven coordinates (templated).
    :param env_vars: environment variables of the driver (templated).
    :param name: the application's name (templated); default: the ids of Dag and task.
    :param supervise: let the master start the driver again whenever it fails.
    :param driver_timeout: how long the driver may run ("30 min", in whole minutes); then it ends
        by itself and fails, even if Airflow is gone.
    :param wait_for_completion: False submits only, and returns the driver's id for a sensor.
    :param spark_master_conn_id: a connection of type ``spark_master``.

    ``deferrable``, ``poll_interval``, ``patience``, ``queued_timeout``: see JobOperator.
    """

    backend = Backend.SPARK_MASTER
    template_fields: Sequence[str] = (
        "application",
        "application_args",
        "java_class",
        "conf",
        "py_files",
        "jars",
        "files",
        "archives",
        "packages",
        "env_vars",
        "name",
        "spark_master_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"conf": "json", "env_vars": "json"}
    operator_extra_links = (DriverLogLink(), SparkUiLink(), SparkMasterLink())
    ui_color = "#fdf0e3"

    def __init__(
        self,
        *,
        application: str,
        application_args: Sequence[str] = (),
        java_class: str | None = None,
        conf: dict[str, Any] | None = None,
        py_files: Sequence[str] = (),
        jars: Sequence[str] = (),
        files: Sequence[str] = (),
        archives: Sequence[str] = (),
        packages: Sequence[str] = (),
        env_vars: dict[str, str] | None = None,
        name: str | None = None,
        supervise: bool = False,
        driver_timeout: float | str | timedelta | None = None,
        wait_for_completion: bool = True,
        spark_master_conn_id: str = SparkMasterHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.spark_master_conn_id = spark_master_conn_id
        self.application = application
        self.application_args = application_args
        self.java_class = java_class
        self.conf = conf
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
        self.wait_for_completion = wait_for_completion

    @property
    def connection_id(self) -> str:
        """The connection of the master."""
        return self.spark_master_conn_id

    def plan(self, context: Context) -> SparkJob:
        """The job, checked against its connection too; local paths are absolute."""
        beside = Path(context["dag"].fileloc).parent
        conf = spark_conf(self.conf, deploy_mode=DeployMode.CLUSTER)
        default_name = f"{self.dag_id}.{self.task_id}"
        job = SparkJob.from_application(
            located(self.application, beside, parameter="application"),
            application_args=self.application_args,
            java_class=self.java_class,
            conf=conf,
            py_files=[located(each, beside, parameter="py_files") for each in self.py_files],
            jars=[located(each, beside, parameter="jars") for each in self.jars],
            files=[located(each, beside, parameter="files") for each in self.files],
            archives=[located(each, beside, parameter="archives") for each in self.archives],
            packages=self.packages,
            env_vars=self.env_vars or {},
            name=self.name or (None if "spark.app.name" in conf else default_name),
            supervise=self.supervise,
            driver_timeout=self.driver_timeout,
        )
        return self.server.complete(job)

    def execute(self, context: Context) -> Any:
        """Submit the driver; wait for its end unless ``wait_for_completion`` is False."""
        if self.wait_for_completion:
            return super().execute(context)
        with final_where_retrying_cannot_help():
            return self.submit(context).status.job_id

    def result(self, status: JobStatus) -> None:
        """Nothing: the driver's work is what it has written."""
