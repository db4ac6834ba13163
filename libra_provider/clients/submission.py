"""The body of a create call: a job, in the words of the master's submission protocol."""

from __future__ import annotations

from typing import Any

from libra_provider.core.job import Kind, SparkJob

TAG = "spark.libra.tag"
ORIGIN = "spark.libra.run"
# What the server speaks is read from its answers; the field is required and not interpreted.
_CLIENT_VERSION = "4.3.0"
_PYTHON_MAIN = "org.apache.spark.deploy.SparkSubmit"
_LISTS = {
    "py_files": "--py-files",
    "jars": "--jars",
    "files": "--files",
    "archives": "--archives",
    "packages": "--packages",
}


def create_request(job: SparkJob, tag: str, *, master: str) -> dict[str, Any]:
    """The body of a create call.

    Properties travel in ``sparkProperties`` only: Spark redacts them in the driver's log, and does
    not redact ``appArgs``.
    """
    properties = {
        **job.conf,
        "spark.app.name": job.conf.get("spark.app.name") or job.name or "libra",
        "spark.master": master,
        "spark.submit.deployMode": "cluster",
        TAG: tag,
    }
    if job.supervise:
        properties["spark.driver.supervise"] = "true"
    if job.origin:
        properties[ORIGIN] = "/".join(job.origin.values())
    resource = _python_resource if job.kind is Kind.PYTHON_FILE else _jar_resource
    return {
        "action": "CreateSubmissionRequest",
        "clientSparkVersion": _CLIENT_VERSION,
        "sparkProperties": properties,
        "environmentVariables": dict(job.env_vars),
        **resource(job, properties, master),
    }


def _python_resource(job: SparkJob, properties: dict[str, str], master: str) -> dict[str, Any]:
    """A Python file runs through SparkSubmit inside the driver's JVM.

    Without ``--master`` there, the job would run in ``local[*]`` on one worker, silently.
    """
    lists = [
        word
        for name, option in _LISTS.items()
        if (values := getattr(job, name))
        for word in (option, ",".join(values))
    ]
    inner = ["--master", master, "--deploy-mode", "client", "--name", properties["spark.app.name"]]
    arguments = [*inner, *lists, str(job.application), *job.application_args]
    return {"appResource": "", "mainClass": _PYTHON_MAIN, "appArgs": arguments}


def _jar_resource(job: SparkJob, properties: dict[str, str], _master: str) -> dict[str, Any]:
    properties["spark.jars"] = ",".join([str(job.application), *job.jars])
    for name in ("files", "archives"):
        if values := getattr(job, name):
            properties[f"spark.{name}"] = ",".join(values)
    if job.packages:
        properties["spark.jars.packages"] = ",".join(job.packages)
    return {
        "appResource": job.application,
        "mainClass": job.java_class,
        "appArgs": list(job.application_args),
    }
