"""Spark properties: which values can work, in Spark's own spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from libra_provider.core.errors import BadInput
from libra_provider.core.masking import MASK, SECRET_KEY
from libra_provider.core.units import spark_size

CORES_MAX = "spark.cores.max"
DRIVER_TIMEOUT = "spark.driver.timeout"
# A job that sets one of these needs a dedicated driver.
RESOURCES = (
    "spark.driver.memory",
    "spark.driver.cores",
    "spark.executor.memory",
    "spark.executor.cores",
    "spark.executor.instances",
)
# Parameters of a job, and the properties with the same meaning.
PROPERTY_OF = {
    "name": "spark.app.name",
    "jars": "spark.jars",
    "files": "spark.files",
    "archives": "spark.archives",
    "py_files": "spark.submit.pyFiles",
    "packages": "spark.jars.packages",
    "driver_timeout": DRIVER_TIMEOUT,
}
_SIZES = (
    "spark.driver.memory",
    "spark.driver.memoryOverhead",
    "spark.executor.memory",
    "spark.executor.memoryOverhead",
    "spark.executor.pyspark.memory",
    "spark.kryoserializer.buffer",
    "spark.kryoserializer.buffer.max",
)
_SIZES_OR_NONE = ("spark.driver.maxResultSize", "spark.memory.offHeap.size")
_COUNTS = ("spark.driver.cores", "spark.executor.cores", CORES_MAX, "spark.task.cpus")
_NOT_HERE = {
    "mesos://": "Mesos was removed in Spark 4; use a standalone master",
    "k8s://": "Kubernetes is not supported yet; use a standalone master",
    "yarn": "YARN is not supported yet; use a standalone master",
}
# In cluster mode these are set elsewhere already, and two values could differ.
_SET_ELSEWHERE = {
    "spark.master": "remove it; the connection defines the master",
    "spark.driver.supervise": "remove it; use the parameter supervise",
    "spark.libra.tag": "it is reserved for Libra",
    "spark.libra.run": "it is reserved for Libra",
}


def spark_conf(
    given: Mapping[str, object] | None,
    *,
    deploy_mode: str | None = None,
    parameter: str = "conf",
) -> dict[str, str]:
    """*given* as Spark properties in Spark's own spelling.

    Booleans become ``true``/``false`` and sizes what Spark can read ("1.5 GB" → "1536m"). Raises
    BadInput for a key that is not ``spark.*``, a value that is not a string, number or boolean, an
    invalid size, a number of cores that is not a positive integer, a master of an unsupported
    kind, a ``spark.submit.deployMode`` other than *deploy_mode*, and in cluster mode for what the
    connection or another parameter sets. *parameter* is the name that errors use.
    """
    return {
        key: _property(f"{parameter}[{key!r}]", key, value, deploy_mode)
        for key, value in (given or {}).items()
    }


def _property(parameter: str, key: str, value: object, deploy_mode: str | None) -> str:
    if not key.startswith("spark."):
        raise BadInput(parameter, value, "Spark reads only properties that start with 'spark.'")
    shown = MASK if SECRET_KEY.search(key) else value
    if not isinstance(value, str | int | float):
        raise BadInput(parameter, shown, "expected a string, a number or a boolean")
    if "\0" in str(value):
        raise BadInput(parameter, shown, "expected no NUL characters")
    if key == "spark.submit.deployMode" and deploy_mode and value != deploy_mode:
        raise BadInput(parameter, value, f"this job runs in {deploy_mode} mode; remove it")
    if key == "spark.master":
        check_master(parameter, str(value))
    if deploy_mode == "cluster" and key in _SET_ELSEWHERE:
        raise BadInput(parameter, value, _SET_ELSEWHERE[key])
    return _SPELLING.get(key, _text)(parameter, value)


def _text(_parameter: str, value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _size(parameter: str, value: object) -> str:
    return spark_size(value, parameter=parameter)


def _size_or_none(parameter: str, value: object) -> str:
    return "0" if str(value) == "0" else spark_size(value, parameter=parameter)


def whole_number(parameter: str, value: object) -> str:
    """*value* as digits, if it is a number of at least 1; raises BadInput."""
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise BadInput(parameter, value, "expected a whole number of at least 1")
    return text


def _without_password(parameter: str, value: object) -> str:
    if "@" in str(value):
        expected = (
            "a password in it would appear in the driver's log; "
            "put it into a file on the workers and set spark.jars.ivySettings to that file"
        )
        raise BadInput(parameter, MASK, expected)
    return _text(parameter, value)


_SPELLING: dict[str, Callable[[str, object], str]] = {
    **dict.fromkeys(_SIZES, _size),
    **dict.fromkeys(_SIZES_OR_NONE, _size_or_none),
    **dict.fromkeys(_COUNTS, whole_number),
    "spark.jars.repositories": _without_password,
}


def check_master(parameter: str, master: str) -> None:
    """Raise BadInput for a master of a kind that is not supported."""
    for start, advice in _NOT_HERE.items():
        if master.startswith(start):
            raise BadInput(parameter, master, advice)
