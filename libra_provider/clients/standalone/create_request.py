"""The body of a create request in the master's submission protocol.

A Python file runs through SparkSubmit inside the driver's JVM, in client mode. So the job has the
same properties and ``sys.path`` as with ``spark-submit --deploy-mode client``, except for

- ``spark.libra.tag`` and ``spark.libra.run``, by which a submission is found again;
- ``spark.driver.host``, and the ids, ports, times and folders that differ between any two runs;
- the environment, which is the worker's with ``env_vars``, not the submitter's;
- the working directory, which is the driver's own on the worker;
- an application given by http(s) or ftp, whose folder (``sys.path[0]``) is that directory.
"""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.paths import scheme
from libra_provider.core.properties import DRIVER_TIMEOUT, PROPERTY_OF

TAG = "spark.libra.tag"
ORIGIN = "spark.libra.run"
# The master requires this field but does not interpret it.
_CLIENT_VERSION = "4.3.0"
_SUBMIT = "org.apache.spark.deploy.SparkSubmit"
_TIMEOUT_PLUGIN = "org.apache.spark.deploy.DriverTimeoutPlugin"
_OPTION_OF = {
    "py_files": "--py-files",
    "jars": "--jars",
    "files": "--files",
    "archives": "--archives",
    "packages": "--packages",
}
# SparkSubmit acts on these only when they are its arguments, not when they are system properties.
_ACTED_ON = (
    *(PROPERTY_OF[name] for name in _OPTION_OF),
    "spark.jars.excludes",
    "spark.jars.repositories",
    "spark.jars.ivy",
    "spark.jars.ivySettings",
    "spark.kerberos.principal",
    "spark.kerberos.keytab",
)
# As bin/spark-submit sets it: driver and executors must hash strings alike (lookup()).
_PYTHON_ENVIRONMENT = {"PYTHONHASHSEED": "0"}
_ON_THE_WORKER = ("", "file", "local")
# The worker replaces it with the path at which it has stored the application.
_FETCHED = "{{USER_JAR}}"


def create_request(
    job: SparkJob, tag: str, *, master: str, bootstrap: str | None = None
) -> dict[str, Any]:
    """Return the body; *bootstrap* is the path of ``jobs/bootstrap.py`` on the workers.

    Properties are passed in ``sparkProperties`` only: Spark redacts these in the driver's log, but
    not ``appArgs``.
    """
    properties = _properties(job, tag, master)
    resource = (
        _python_resource(job, properties, bootstrap)
        if job.kind is Kind.PYTHON_FILE
        else _jar_resource(job, properties)
    )
    return {
        "action": "CreateSubmissionRequest",
        "clientSparkVersion": _CLIENT_VERSION,
        "sparkProperties": properties,
        **resource,
    }


def main_class(job: SparkJob) -> str | None:
    """Return the main class of the driver of *job*, as the master lists it."""
    return _SUBMIT if job.kind is Kind.PYTHON_FILE or _has_packages(job) else job.java_class


def _has_packages(job: SparkJob) -> bool:
    return bool(job.packages) or PROPERTY_OF["packages"] in job.conf


def _properties(job: SparkJob, tag: str, master: str) -> dict[str, str]:
    properties = {
        **job.conf,
        "spark.app.name": job.conf.get("spark.app.name") or job.name or "libra",
        "spark.master": master,
        "spark.submit.deployMode": "cluster",
        TAG: tag,
    }
    for name in _OPTION_OF:
        if values := getattr(job, name):
            properties[PROPERTY_OF[name]] = ",".join(values)
    if job.supervise:
        properties["spark.driver.supervise"] = "true"
    if job.origin:
        properties[ORIGIN] = "/".join(job.origin.values())
    if job.driver_timeout:
        properties[DRIVER_TIMEOUT] = f"{math.ceil(job.driver_timeout / 60)}min"
    if DRIVER_TIMEOUT in properties:
        _with_item(properties, "spark.plugins", _TIMEOUT_PLUGIN)
    return properties


def _with_item(properties: dict[str, str], key: str, item: str) -> None:
    """Append *item* to the list under *key* unless it contains it."""
    items = [each for text in properties.get(key, "").split(",") if (each := text.strip())]
    properties[key] = ",".join(items if item in items else [*items, item])


def _python_resource(
    job: SparkJob, properties: dict[str, str], bootstrap: str | None
) -> dict[str, Any]:
    options = _submit_options(job, properties)
    for key in _ACTED_ON:
        properties.pop(key, None)
    resource, script = _fetched(str(job.application))
    # Only SparkSubmit's own script may be a URL; what the bootstrap runs is a path.
    program = [bootstrap, _path(script)] if bootstrap and resource else [script]
    return {
        "appResource": resource,
        "mainClass": _SUBMIT,
        "appArgs": [*options, *program, *job.application_args],
        "environmentVariables": {**_PYTHON_ENVIRONMENT, **job.env_vars},
    }


def _submit_options(job: SparkJob, properties: dict[str, str]) -> list[str]:
    """Return the arguments for SparkSubmit as the main class.

    Without ``--master`` there, the job would run in ``local[*]`` on one worker, silently.
    """
    words = ["--master", properties["spark.master"], "--deploy-mode", "client"]
    words += ["--name", properties["spark.app.name"]]
    for name, option in _OPTION_OF.items():
        if values := getattr(job, name):
            words += [option, ",".join(values)]
    for key in _ACTED_ON:
        if key in job.conf:
            words += ["--conf", f"{key}={job.conf[key]}"]
    return words


def _fetched(application: str) -> tuple[str, str]:
    """Return what the worker downloads for a Python *application*, and what SparkSubmit runs.

    The worker gets a resource even if it needs none: masters with
    ``spark.master.rest.allowedAppResourcePatterns`` reject an empty one. A file runs at its own
    path, next to the modules that it imports. URLs that may require the job's credentials are left
    to SparkSubmit, because the worker does not have them.
    """
    found = scheme(application)
    if found in _ON_THE_WORKER:
        return _file_uri(application), application
    if found in ("http", "https", "ftp"):
        return application, _FETCHED
    return "", application


def _jar_resource(job: SparkJob, properties: dict[str, str]) -> dict[str, Any]:
    application = str(job.application)
    local = scheme(application) in _ON_THE_WORKER
    if python := properties.get("spark.submit.pyFiles"):
        for each in python.split(","):
            _with_item(properties, "spark.files", each)
    main, arguments = job.java_class, list(job.application_args)
    if _has_packages(job):
        # Without SparkSubmit, only the driver would get the packages, not the executors.
        script = application if local else _FETCHED
        options = [*_submit_options(job, properties), "--class", str(main), script]
        main, arguments = _SUBMIT, [*options, *arguments]
    else:
        jars = properties.get("spark.jars")
        properties["spark.jars"] = f"{application},{jars}" if jars else application
    return {
        # The worker downloads it, and does not support "local:".
        "appResource": _file_uri(application) if local else application,
        "mainClass": main,
        "appArgs": arguments,
        "environmentVariables": dict(job.env_vars),
    }


def _path(application: str) -> str:
    """Return the path of a file on the worker, given as a path or a URI."""
    return unquote(urlsplit(application).path) if scheme(application) else application


def _file_uri(application: str) -> str:
    # With one slash, as Spark itself does: patterns of a master expect that.
    return "file:" + PurePosixPath(_path(application)).as_uri().removeprefix("file://")
