"""An operator that decides at run time where its job runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

from airflow.sdk import Context

from libra_provider.core.decision import Facts, Place
from libra_provider.core.errors import LibraError
from libra_provider.core.field_rules import check_work
from libra_provider.core.job import Backend, SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.properties import spark_conf
from libra_provider.core.units import duration_in_seconds
from libra_provider.core.workload import Workload
from libra_provider.deploy_mode.constraints import possible_places
from libra_provider.deploy_mode.policy import Policy
from libra_provider.deploy_mode.presets import preset_of
from libra_provider.hooks.libra import LibraHook
from libra_provider.hooks.servers import server_of
from libra_provider.hooks.spark_master import SparkMasterHook
from libra_provider.lifecycle.placement import Placement, PlacementDecider
from libra_provider.lifecycle.plan import JobPlan
from libra_provider.links import DriverLogLink, SparkMasterLink, SparkUiLink
from libra_provider.operators.base import JobOperator, beside
from libra_provider.operators.cluster_plan import ClusterPlan
from libra_provider.operators.fetch import check_fetch
from libra_provider.operators.statement_plan import StatementPlan

_WAYS_OUT = (
    "a dedicated driver (mode='isolated', a preset) can return more, up to Libra's "
    "result_max_bytes; with result_path there is no limit"
)


class LibraOperator(JobOperator):
    """
    Run a job where it runs best: in Libra's shared driver or in a dedicated one.

    A dedicated driver runs on Libra's host (client) or on a worker of the cluster (cluster).

    Pass one of ``sql``, ``python`` and ``application``. The decision tree of ``docs/deciding.md``
    chooses the place when the task runs. It considers ``workload``, measurements of earlier runs,
    Spark's statistics of the tables, and the network between Libra and the cluster. The log and
    XCom ``deploy_mode_decision`` explain the decision. Parameters, results, XComs, log and links
    are the same everywhere. A retry rejoins a job that is still running, wherever that is.

    :param sql: one statement, or the path of a ``.sql`` file next to the Dag (templated, and so is
        the file's content).
    :param python: Python code that can use ``spark`` (templated), or the path of a ``.py`` file
        next to the Dag, whose content is not templated.
    :param application: path of a ``.py`` or ``.jar`` file (templated). A file next to the Dag or
        elsewhere on the worker's machine is uploaded.
    :param application_args: arguments of the application or of the Python code (templated).
    :param java_class: the main class of a JAR (templated).
    :param conf: Spark properties (templated); they require a dedicated driver.
    :param parameters: values for ``:name`` (a dict) or ``?`` (a list) in ``sql`` (templated).
    :param py_files: Python files, zips and folders of packages (templated). Like the next four
        parameters, they require a dedicated driver.
    :param jars: further JARs (templated).
    :param files: files for the working directory of each executor (templated).
    :param archives: archives to unpack there, such as ``env.tar.gz#env`` (templated).
    :param packages: Maven coordinates (templated).
    :param env_vars: environment variables of the driver (templated), which then runs on a worker.
    :param session: Libra's session (templated), which only the shared driver has; see
        LibraStatementOperator.
    :param pool_name: the FAIR pool if the shared driver runs the job (templated).
    :param workload: what you know about the job: a ``Workload``, or a dict of its fields.
    :param mode: ``shared`` or ``isolated`` if you choose it yourself, or None.
    :param deploy_mode: ``client`` or ``cluster`` if you choose it yourself, or None.
    :param preset: the size of a dedicated driver, unless ``conf`` sets it: ``etl``, ``analytics``
        or ``ml``.
    :param policy: thresholds of the tree for this task, such as ``{"large_collect": "2 GB"}``.
    :param result_limit: how many rows may be returned. More rows are an error; rows are never
        dropped silently.
    :param result_path: write the rows there as Parquet (templated), and return their ``uri``,
        ``rows``, ``bytes`` and Spark's ``schema`` instead.
    :param fetch: what the task returns, see SparkClusterJobOperator.
    :param timeout: how long the job may run once it has started ("10 min").
    :param libra_conn_id: a connection of type ``libra``. If it is not defined, all jobs run on
        workers.
    :param spark_master_conn_id: a connection of type ``spark_master``. If it is not defined, Libra
        submits the drivers that run on workers.

    ``deferrable``, ``poll_interval``, ``patience``, ``queued_timeout``: see JobOperator.
    """

    template_fields: Sequence[str] = (
        *("sql", "python", "application", "application_args", "java_class", "conf", "parameters"),
        *("py_files", "jars", "files", "archives", "packages", "env_vars", "session", "pool_name"),
        *("result_path", "libra_conn_id", "spark_master_conn_id"),
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
    ui_color = "#f3edfb"

    def __init__(
        self,
        *,
        sql: str | None = None,
        python: str | None = None,
        application: str | None = None,
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
        session: str | None = None,
        pool_name: str | None = None,
        workload: Workload | Mapping[str, Any] | None = None,
        mode: str | None = None,
        deploy_mode: str | None = None,
        preset: str | None = None,
        policy: Mapping[str, Any] | None = None,
        result_limit: int | None = None,
        result_path: str | None = None,
        fetch: str | None = None,
        timeout: float | str | timedelta | None = None,
        libra_conn_id: str = LibraHook.default_conn_name,
        spark_master_conn_id: str = SparkMasterHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_work({"sql": sql, "python": python, "application": application})
        check_fetch(fetch, result_path=result_path)
        wishes = SparkJob(kind=Kind.SQL, code="…", mode=mode, deploy_mode=deploy_mode)
        possible_places(wishes, Facts())
        Policy.of(policy or {})
        if preset is not None:
            preset_of(preset)
        self.sql = sql
        self.python = python
        self.application = application
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
        self.session = session
        self.pool_name = pool_name
        self.workload = Workload.of(workload)
        self.mode = mode
        self.deploy_mode = deploy_mode
        self.preset = preset
        self.policy = policy or {}
        self.result_limit = result_limit
        self.result_path = result_path
        self.fetch = fetch
        self.timeout = (
            None if timeout is None else duration_in_seconds(timeout, parameter="timeout")
        )
        self.libra_conn_id = libra_conn_id
        self.spark_master_conn_id = spark_master_conn_id

    def plan(self, context: Context) -> JobPlan:
        """Decide where the job runs, or continue that of an earlier try; raises BadInput."""
        decider = PlacementDecider(
            job=self.job(),
            workload=self.workload,
            preset=self.preset,
            policy=self.policy,
            libra_conn_id=self.libra_conn_id,
            spark_master_conn_id=self.spark_master_conn_id,
        )
        return self._plan_of(decider.choice(context), context)

    def plan_of_deferred(self, context: Context) -> JobPlan:
        """The plan on which this try decided before its deferral."""
        placement = Placement.kept(context["task_state_store"])
        if placement is None:
            raise LibraError(
                f"The placement of the job of {self.task_id} is unknown; clear the task"
            )
        return self._plan_of(placement, context)

    def job(self) -> SparkJob:
        """The job as the parameters describe it, before its placement; raises BadInput."""
        conf = spark_conf(self.conf)
        return self._described(
            conf=conf, mode=self.mode, deploy_mode=self.deploy_mode, timeout=self.timeout
        )

    def _plan_of(self, placement: Placement, context: Context) -> JobPlan:
        describe, folder = partial(self._placed, placement), beside(context)
        if placement.backend is Backend.LIBRA:
            is_shared = placement.place is Place.SHARED
            return StatementPlan(
                LibraHook(self.libra_conn_id),
                describe,
                beside=folder,
                fetch=self.fetch or "all",
                ships_all=not is_shared,
                advice=_WAYS_OUT if is_shared else "",
            )
        connection_of = {Backend.SPARK_MASTER: self.spark_master_conn_id}
        return ClusterPlan(
            server_of(placement.backend, connection_of[placement.backend]),
            describe,
            beside=folder,
            fetch=self.fetch,
            libra_conn_id=self.libra_conn_id,
            patience=self.watching.silence,
        )

    def _placed(self, placement: Placement) -> SparkJob:
        """The job as it runs at *placement*."""
        place, at_libra = placement.place, placement.backend is Backend.LIBRA
        is_shared = place is Place.SHARED
        deploy_mode = None if is_shared else place.deploy_mode
        conf = spark_conf({**placement.conf, **(self.conf or {})}, deploy_mode=deploy_mode)
        return self._described(
            conf=conf,
            mode=place.mode,
            deploy_mode=deploy_mode,
            name=None if "spark.app.name" in conf else f"{self.dag_id}.{self.task_id}",
            pool_name=self.pool_name if is_shared else None,
            timeout=self.timeout if at_libra else None,
            driver_timeout=None if at_libra else self.timeout,
        )

    def _described(self, **placed: Any) -> SparkJob:
        return SparkJob.from_work(
            sql=self.sql,
            python=self.python,
            application=self.application,
            application_args=self.application_args,
            java_class=self.java_class,
            parameters=self.parameters,
            py_files=self.py_files,
            jars=self.jars,
            files=self.files,
            archives=self.archives,
            packages=self.packages,
            env_vars=self.env_vars or {},
            session=self.session,
            result_limit=self.result_limit,
            result_path=self.result_path,
            **placed,
        )
