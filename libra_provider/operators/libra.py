"""A job whose place is decided when it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

from airflow.sdk import DAG, Context

from libra_provider.core.decision import Facts, Place
from libra_provider.core.errors import LibraError
from libra_provider.core.job import Backend, Kind, SparkJob
from libra_provider.core.properties import spark_conf
from libra_provider.core.status import JobStatus
from libra_provider.core.units import duration_in_seconds
from libra_provider.core.workload import Workload
from libra_provider.deploy_mode.constraints import possible_places
from libra_provider.deploy_mode.policy import Policy
from libra_provider.deploy_mode.presets import preset_of
from libra_provider.hooks.libra import LibraHook
from libra_provider.hooks.spark_master import SparkMasterHook
from libra_provider.lifecycle.failures import final_where_retrying_cannot_help
from libra_provider.lifecycle.placement import Placement, PlacementDecider
from libra_provider.links import DriverLogLink, SparkMasterLink, SparkUiLink
from libra_provider.operators.arguments import check_fetch, check_work
from libra_provider.operators.base import JobOperator
from libra_provider.operators.cluster_job import SparkClusterJobOperator
from libra_provider.operators.placements import IsolatedPlan, SharedPlan

_LISTS = ("py_files", "jars", "files", "archives")


class LibraOperator(JobOperator):
    """
    Run a job where it runs best: on Libra's shared driver, or on one of its own, beside or afar.

    Give one of ``sql``, ``python`` and ``application``. The decision tree of ``docs/deciding.md``
    picks the place when the task runs, from what the author says in ``workload``, what earlier
    runs have measured, what Spark knows of the tables, and where Libra stands; the log says why,
    and so does XCom ``deploy_mode_decision``. Whatever the place, parameters, results, XComs, log
    and links are the same. A retry stays where the job of the try before still runs.

    :param sql: one statement, or the path of a ``.sql`` file beside the Dag (templated, and so is
        what the file holds).
    :param python: Python code, which finds ``spark`` (templated); or the path of a ``.py`` file
        beside the Dag, whose text is sent as it is, braces and all.
    :param application: path of a ``.py`` or ``.jar`` file (templated); one that lies beside the
        Dag, or anywhere on this machine, is shipped.
    :param application_args: arguments of the application or of the Python code (templated).
    :param java_class: the main class of a JAR (templated).
    :param conf: Spark properties (templated); they need a driver of the job's own.
    :param parameters: values for ``:name`` (a dict) or ``?`` (a list) in ``sql`` (templated).
    :param py_files: Python files, zips and folders of packages (templated); like the next three
        they need a driver of the job's own.
    :param jars: further JARs (templated).
    :param files: files for the working directory of each executor (templated).
    :param archives: archives to unpack there, as ``env.tar.gz#env`` (templated).
    :param packages: Maven coordinates (templated); likewise.
    :param env_vars: environment variables of the driver (templated), which then runs on a worker.
    :param session: Libra's session (templated), which only its shared driver has; see
        LibraStatementOperator.
    :param pool_name: the FAIR pool that counts if the shared driver runs it (templated).
    :param workload: what the author knows of the job: a ``Workload``, or a dict of its fields.
    :param mode: the author's choice, ``shared`` or ``isolated``; None leaves it open.
    :param deploy_mode: the author's choice, ``client`` or ``cluster``; None leaves it open.
    :param preset: the size of a driver of the job's own, where ``conf`` leaves it open: ``etl``,
        ``analytics`` or ``ml``.
    :param policy: thresholds of the tree for this task, such as ``{"large_collect": "2 GB"}``.
    :param result_limit: how many rows may come back; more is an error, never cut silently.
    :param result_path: write the rows there as Parquet (templated) and return ``uri``, ``rows``,
        ``bytes`` and Spark's ``schema`` of them instead.
    :param fetch: what the task returns, see SparkClusterJobOperator.
    :param timeout: how long the job may run once it has begun ("10 min").
    :param libra_conn_id: a connection of type ``libra``; where it is not defined, every job goes to
        a worker.
    :param spark_master_conn_id: a connection of type ``spark_master``; where it is not defined,
        Libra submits what goes to a worker.

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
        self._arm: JobOperator | None = None

    @property
    def arm(self) -> JobOperator:
        """The operator of the place that was chosen, which does the work."""
        assert self._arm is not None  # noqa: S101 - execute and resume_execution begin with it
        return self._arm

    @property
    def connection_id(self) -> str:
        """The connection of the server that runs the job."""
        return self.arm.connection_id

    def plan(self, context: Context) -> SparkJob:
        """What to run, where it was decided to."""
        return self.arm.plan(context)

    def result(self, status: JobStatus) -> Any:
        """What a job that succeeded gives back."""
        return self.arm.result(status)

    def execute(self, context: Context) -> Any:
        """Decide, then do as the operator of that place."""
        with final_where_retrying_cannot_help():
            desk = PlacementDecider(
                job=self.job(),
                workload=self.workload,
                preset=self.preset,
                policy=self.policy,
                libra_conn_id=self.libra_conn_id,
                spark_master_conn_id=self.spark_master_conn_id,
            )
            self._arm = self._armed(desk.choice(context))
        if self._told_to_end:
            self._arm.on_kill()
        # Not execute: Airflow warns of one that is called by an operator.
        return self._arm.see_through(context)

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """Go on as the operator that has deferred."""
        choice = Placement.kept(context["task_state_store"])
        if choice is None:
            raise LibraError(f"Nothing is written down of where the job of {self.task_id} runs.")
        self._arm = self._armed(choice)
        return self._arm.resume_execution(next_method, next_kwargs, context)

    def on_kill(self) -> None:
        """Stop the job when Airflow ends the task."""
        self._told_to_end = True
        if self._arm:
            self._arm.on_kill()

    def job(self) -> SparkJob:
        """The job, as far as a decision goes; raises BadInput."""
        rest: dict[str, Any] = {
            "application_args": self.application_args,
            "java_class": self.java_class,
            "parameters": self.parameters,
            "conf": spark_conf(self.conf),
            "packages": self.packages,
            "env_vars": self.env_vars or {},
            "session": self.session,
            "mode": self.mode,
            "deploy_mode": self.deploy_mode,
            "result_limit": self.result_limit,
            "result_path": self.result_path,
            **{each: getattr(self, each) for each in _LISTS},
        }
        if self.application is not None:
            return SparkJob.from_application(self.application, **rest)
        if self.python is not None:
            return SparkJob(kind=Kind.PYTHON, code=self.python, **rest)
        return SparkJob(kind=Kind.SQL, code=self.sql, **rest)

    def _armed(self, choice: Placement) -> JobOperator:
        """The operator of the chosen place, with what this one was given."""
        by_libra = partial(self._by_libra, deploy_mode=choice.place.deploy_mode)
        makers: dict[tuple[Place, Backend], Callable[..., JobOperator]] = {
            (Place.SHARED, Backend.LIBRA): self._in_libra,
            (Place.ISOLATED_CLIENT, Backend.LIBRA): by_libra,
            (Place.ISOLATED_CLUSTER, Backend.LIBRA): by_libra,
            (Place.ISOLATED_CLUSTER, Backend.SPARK_MASTER): self._past_libra,
        }
        make = makers[choice.place, choice.backend]
        arm = make(conf={**choice.conf, **(self.conf or {})}, **self._same())
        # A Dag of its own gives it the same name, and leaves the real one as it is.
        DAG(self.dag_id, schedule=None).add_task(arm)
        arm.deferrable, arm.watching, arm.on_lost = self.deferrable, self.watching, self.on_lost
        arm.driver_log, arm.lineage = self.driver_log, self.lineage
        arm.link_targets = self.link_targets
        return arm

    def _same(self) -> dict[str, Any]:
        """What all three operators take."""
        return {
            "task_id": self.task_id,
            "execution_timeout": self.execution_timeout,
            "sql": self.sql,
            "python": self.python,
            "application": self.application,
            "application_args": self.application_args,
            "java_class": self.java_class,
            "parameters": self.parameters,
            "result_limit": self.result_limit,
            "result_path": self.result_path,
            "libra_conn_id": self.libra_conn_id,
        }

    def _in_libra(self, **same: Any) -> JobOperator:
        return SharedPlan(
            **same,
            mode="shared",
            session=self.session,
            pool_name=self.pool_name,
            fetch=self.fetch or "all",
            timeout=self.timeout,
        )

    def _by_libra(self, **same: Any) -> JobOperator:
        return IsolatedPlan(
            **same,
            **self._files(),
            packages=self.packages,
            fetch=self.fetch or "all",
            timeout=self.timeout,
        )

    def _past_libra(self, **same: Any) -> JobOperator:
        return SparkClusterJobOperator(
            **same,
            **self._files(),
            packages=self.packages,
            env_vars=self.env_vars,
            driver_timeout=self.timeout,
            fetch=self.fetch,
            spark_master_conn_id=self.spark_master_conn_id,
        )

    def _files(self) -> dict[str, Any]:
        return {each: getattr(self, each) for each in _LISTS}
