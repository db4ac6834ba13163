"""An ISOLATED statement as the job of a driver of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from libra_provider.clients.submission import TAG
from libra_provider.core.errors import BadInput
from libra_provider.core.job import DeployMode, Kind, SparkJob
from libra_provider.core.properties import CORES_MAX, spark_conf, whole_number
from libra_provider.server.runners.files import permitted
from libra_provider.server.settings import Settings
from libra_provider.server.statement import Order, Statement

_NOT_YOURS = {
    "spark.master": "Libra names the master; leave it out",
    "spark.submit.deployMode": "the field deployMode says it; leave it out",
    "spark.driver.supervise": "Libra does not restart drivers; leave it out",
    TAG: "it is Libra's own",
}
_FILES = ("spark.jars", "spark.files", "spark.archives", "spark.submit.pyFiles")


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """The part of an order that only ISOLATED statements have, checked."""

    deploy_mode: str
    deploy_mode_by_default: bool
    spark_config: Mapping[str, str]
    file_path: str | None = None
    main_class: str | None = None
    args: tuple[str, ...] = ()

    def fields(self) -> dict[str, Any]:
        """It, as fields of an Order."""
        return asdict(self)


def isolation(
    kind: str,
    *,
    settings: Settings,
    deploy_mode: str | None = None,
    spark_config: Mapping[str, object] | None = None,
    file_path: str | None = None,
    main_class: str | None = None,
    args: tuple[str, ...] = (),
) -> Isolation:
    """How a statement of *kind* runs in a driver of its own; raises BadInput."""
    mode = _deploy_mode(kind, deploy_mode, settings)
    conf = _conf(spark_config or {}, mode, settings)
    if kind != Kind.PYTHON:
        if not file_path:
            raise BadInput("filePath", file_path, "it must name a Python file or a JAR")
        permitted(file_path, settings.file_roots, parameter="filePath", deploy_mode=mode)
        if kind in (Kind.JAR, Kind.JAR_CLASS) and not main_class:
            raise BadInput("mainClass", main_class, "a JAR needs the name of its main class")
    return Isolation(
        deploy_mode=mode,
        deploy_mode_by_default=deploy_mode is None,
        spark_config=conf,
        file_path=file_path,
        main_class=main_class,
        args=args,
    )


def _deploy_mode(kind: str, given: str | None, settings: Settings) -> str:
    inline = kind == Kind.PYTHON
    mode = given or (DeployMode.CLIENT if inline else settings.isolated.deploy_mode)
    if mode not in list(DeployMode):
        raise BadInput("deployMode", mode, f"it is one of {', '.join(DeployMode)}")
    if mode == DeployMode.CLUSTER and not settings.master.startswith("spark://"):
        expected = f"Libra's master is {settings.master}, which has no workers; use client"
        raise BadInput("deployMode", mode, expected)
    if mode == DeployMode.CLUSTER and inline:
        expected = "a worker fetches a file: put the code into one, or say client"
        raise BadInput("deployMode", mode, expected)
    return mode


def _conf(given: Mapping[str, object], mode: str, settings: Settings) -> dict[str, str]:
    for key, advice in _NOT_YOURS.items():
        if key in given:
            raise BadInput(f"sparkConfig[{key!r}]", given[key], advice)
    conf = spark_conf(given, deploy_mode=mode, parameter="sparkConfig")
    _with_files(conf, mode, settings)  # asked only: they are found when it starts
    _count_executors(conf)
    # Asked here, so that who asks for too much is told before anything is accepted.
    settings.isolated.caps.complete(
        SparkJob(kind=Kind.JAR, application="a", java_class="A", conf=conf)
    )
    return conf


def _with_files(conf: Mapping[str, str], mode: str, settings: Settings) -> dict[str, str]:
    """*conf* with the files that it names as a driver finds them; raises BadInput."""
    found = {
        key: ",".join(_with_fragment(each.strip(), key, mode, settings) for each in text.split(","))
        for key, text in conf.items()
        if key in _FILES
    }
    return {**conf, **found}


def _with_fragment(item: str, key: str, mode: str, settings: Settings) -> str:
    path, sharp, name = item.partition("#")
    parameter = f"sparkConfig[{key!r}]"
    return (
        permitted(path, settings.file_roots, parameter=parameter, deploy_mode=mode) + sharp + name
    )


def _count_executors(conf: dict[str, str]) -> None:
    """A standalone master does not count executors: it gives cores until there are enough."""
    number = conf.get("spark.executor.instances")
    if number is None or CORES_MAX in conf:
        return
    each = conf.setdefault("spark.executor.cores", "1")
    count = whole_number("sparkConfig['spark.executor.instances']", number)
    conf[CORES_MAX] = str(int(count) * int(each))


def job_of(statement: Statement, settings: Settings, application: str | None = None) -> SparkJob:
    """The job of an ISOLATED *statement*; *application* is where its inline code lies.

    Its files are looked at again, for what lies there now: raises BadInput.
    """
    order: Order = statement.order
    mode = str(order.deploy_mode)
    if order.file_path:
        roots = settings.file_roots
        application = permitted(order.file_path, roots, parameter="filePath", deploy_mode=mode)
    is_jar = order.kind in (Kind.JAR, Kind.JAR_CLASS)
    job = SparkJob(
        kind=Kind.JAR if is_jar else Kind.PYTHON_FILE,
        application=application,
        java_class=order.main_class if is_jar else None,
        application_args=list(order.args),
        conf=_with_files(order.spark_config, mode, settings),
        name=None if "spark.app.name" in order.spark_config else _name(statement),
    )
    return settings.isolated.caps.complete(job)


def _name(statement: Statement) -> str:
    return (statement.order.description or "").strip() or f"Libra {statement.job_id}"
