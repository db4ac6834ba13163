"""Whose driver at Libra runs a job, and what the job may ask for there."""

from __future__ import annotations

from collections.abc import Mapping

from libra_provider.core.errors import BadInput
from libra_provider.core.job import Kind, Mode, SparkJob
from libra_provider.core.masking import MASK
from libra_provider.core.properties import PROPERTY_OF, RESOURCES

_PROPERTIES_ARE_SET: Mapping[str, str] = {
    Kind.SQL: "the shared driver has its properties already; use SET in the session, or "
    "mode='isolated'",
    Kind.PYTHON: "the shared driver has its properties already; use spark.conf.set, or "
    "mode='isolated'",
    Kind.JAR_CLASS: "the shared driver has its properties already; say mode='isolated'",
}
_SAID_ELSEWHERE = {
    "spark.master": "Libra names the master; leave it out",
    "spark.submit.deployMode": "the parameter deploy_mode says it; leave it out",
    "spark.driver.supervise": "Libra does not start drivers again; leave it out",
    "spark.libra.tag": "it is Libra's own",
}
_PRINTS = "a main class returns no rows; have it print or write them"
_NOT_FOR_MAIN_CLASSES = {"result_limit": _PRINTS, "result_path": _PRINTS}
_NOT_FOR_OWN_DRIVERS = {
    "session": "sessions are the shared driver's, and this job has a driver of its own",
    "pool_name": "pools are the shared driver's, and this job has a driver of its own",
}
_NOT_AT_LIBRA = {
    **{
        parameter: f"Libra takes it as conf[{PROPERTY_OF[parameter]!r}]"
        for parameter in ("py_files", "jars", "files", "archives", "packages")
    },
    "env_vars": "Libra passes no environment on; use conf or application_args",
    "supervise": "Libra does not start drivers again; let the task be retried",
    "driver_timeout": "at Libra, timeout says it",
}


def why_isolated(job: SparkJob) -> str:
    """What in *job* only a driver of its own can give; empty where the shared one will do."""
    if job.mode is Mode.ISOLATED:
        return "mode isolated"
    if job.kind in (Kind.PYTHON_FILE, Kind.JAR):
        return f"kind {job.kind}"
    if job.kind is Kind.SQL:
        return ""
    return next((key for key in RESOURCES if key in job.conf), "")


def check_statement(job: SparkJob) -> None:
    """Raise BadInput for what Libra would refuse, or could not do, whoever its users are."""
    isolated = why_isolated(job)
    _check_modes(job, isolated)
    _check_conf(job, isolated)
    _check_absent(job, _NOT_AT_LIBRA)
    if isolated:
        _check_absent(job, _NOT_FOR_OWN_DRIVERS)
    if job.kind in (Kind.JAR, Kind.JAR_CLASS):
        _check_absent(job, _NOT_FOR_MAIN_CLASSES)


def _check_modes(job: SparkJob, isolated: str) -> None:
    if job.mode is Mode.SHARED and job.kind is Kind.PYTHON_FILE:
        expected = "a Python file has a driver of its own; give its path as python instead"
        raise BadInput("mode", str(job.mode), expected)
    if job.mode is Mode.SHARED and isolated:
        raise BadInput("mode", str(job.mode), f"{isolated} needs a driver of its own")
    if job.deploy_mode and not isolated:
        expected = "only a driver of its own has one; say mode='isolated' too, or leave it out"
        raise BadInput("deploy_mode", str(job.deploy_mode), expected)


def _check_conf(job: SparkJob, isolated: str) -> None:
    for key, advice in _SAID_ELSEWHERE.items():
        if key in job.conf:
            raise BadInput(f"conf[{key!r}]", job.conf[key], advice)
    if job.conf and not isolated:
        raise BadInput("conf", sorted(job.conf), _PROPERTIES_ARE_SET[job.kind])


def _check_absent(job: SparkJob, not_there: Mapping[str, str]) -> None:
    for parameter, advice in not_there.items():
        if given := getattr(job, parameter):
            raise BadInput(parameter, MASK if parameter == "env_vars" else given, advice)
