"""An ISOLATED statement as the job of a dedicated driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from libra_provider.core.errors import BadInput
from libra_provider.core.field_rules import check_reserved
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import DeployMode, Kind
from libra_provider.core.polling import utc_now
from libra_provider.core.properties import CORES_MAX, spark_conf, whole_number
from libra_provider.server.files import FILES, permitted
from libra_provider.server.model.artifact import Artifact, named
from libra_provider.server.model.statement import Statement, StatementSpec
from libra_provider.server.settings import Settings
from libra_provider.server.signed_urls import LIFE, Signer

_FIELDS = {"conf": "sparkConfig", "deploy_mode": "deployMode"}


def completed(
    spec: StatementSpec, settings: Settings, *, given: Mapping[str, object]
) -> StatementSpec:
    """*spec* with the deploy mode and the properties, of those *given*, of its dedicated driver.

    Raises BadInput for what these settings do not allow.
    """
    mode = _deploy_mode(spec.deploy_mode, settings)
    conf = _conf(given, mode, settings)
    if spec.file_path:
        _permitted(spec.file_path, "filePath", mode, settings, named)
    by_default = spec.deploy_mode is None
    return replace(spec, deploy_mode=mode, deploy_mode_by_default=by_default, spark_config=conf)


def _deploy_mode(given: str | None, settings: Settings) -> str:
    mode = given or settings.isolated.deploy_mode
    if mode == DeployMode.CLUSTER and not settings.master.startswith("spark://"):
        expected = f"Libra's master is {settings.master}, which has no workers; use client"
        raise BadInput("deployMode", mode, expected)
    return mode


def _conf(given: Mapping[str, object], mode: str, settings: Settings) -> dict[str, str]:
    check_reserved(given, _FIELDS)
    conf = spark_conf(given, deploy_mode=mode, parameter="sparkConfig")
    _with_files(conf, mode, settings, named)  # only checked now; resolved when it starts
    _count_executors(conf)
    # Checked here, so that an excessive request is refused before it is accepted.
    settings.isolated.caps.complete(
        SparkJob(kind=Kind.JAR, application="a", java_class="A", conf=conf)
    )
    return conf


def _with_files(
    conf: Mapping[str, str], mode: str, settings: Settings, artifact: Callable[[Artifact], str]
) -> dict[str, str]:
    """*conf* with its files as a driver finds them; raises BadInput."""

    def found(key: str, item: str) -> str:
        path, sharp, name = item.strip().partition("#")
        path = _permitted(path, f"sparkConfig[{key!r}]", mode, settings, artifact)
        return path + sharp + name

    return {
        key: ",".join(found(key, each) for each in text.split(",")) if key in FILES else text
        for key, text in conf.items()
    }


def _permitted(
    path: str, parameter: str, mode: str, settings: Settings, artifact: Callable[[Artifact], str]
) -> str:
    roots = settings.file_roots
    return permitted(path, roots, parameter=parameter, deploy_mode=mode, artifact=artifact)


def _fetched(settings: Settings, folder: Path | None) -> Callable[[Artifact], str]:
    """A function that returns where a driver finds an artifact: in *folder*, or at a URL."""
    if folder is not None:
        return lambda each: str(each.linked(settings.artifacts_dir, folder))
    return lambda each: Signer.of(settings).artifact_url(each, expires=utc_now() + LIFE)


def _count_executors(conf: dict[str, str]) -> None:
    """Limit cores instead of executors, which a standalone master does not count."""
    number = conf.get("spark.executor.instances")
    if number is None or CORES_MAX in conf:
        return
    each = conf.setdefault("spark.executor.cores", "1")
    count = whole_number("sparkConfig['spark.executor.instances']", number)
    conf[CORES_MAX] = str(int(count) * int(each))


def job_of(statement: Statement, settings: Settings, *, folder: Path | None = None) -> SparkJob:
    """The job of an ISOLATED *statement*; *folder* is that of a driver beside Libra.

    Its files are checked again, since they may have changed: raises BadInput.
    """
    spec: StatementSpec = statement.spec
    mode = str(spec.deploy_mode)
    artifact = _fetched(settings, folder)
    path = spec.file_path
    is_jar = spec.kind in (Kind.JAR, Kind.JAR_CLASS)
    job = SparkJob(
        kind=Kind.JAR if is_jar else spec.kind,
        code=spec.code or None,
        parameters=spec.parameters,
        application=path and _permitted(path, "filePath", mode, settings, artifact),
        java_class=spec.main_class if is_jar else None,
        application_args=list(spec.args),
        conf=_with_files(spec.spark_config, mode, settings, artifact),
        name=None if "spark.app.name" in spec.spark_config else _name(statement),
        result_path=spec.result_path,
        result_limit=None if spec.result_path else spec.result_limit or settings.result_limit,
    )
    return settings.isolated.caps.complete(job)


def _name(statement: Statement) -> str:
    return (statement.spec.description or "").strip() or f"Libra {statement.job_id}"
