"""Files that travel with a job, fetched once by its driver, which serves its executors."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from libra_provider.jobs.bootstrap import fetched
from libra_provider.jobs.job_spec import JobSpec

# Python searches such a file itself; of any other, its folder.
_PACKAGES = (".zip", ".egg", ".jar")


def localise(order: JobSpec) -> None:
    """Have Spark's contexts and ``sys.path`` find the files of *order*; raises FetchError.

    As ``spark-submit`` has it for ``--py-files``, ``--files`` and ``--archives``, but that a file
    of a URL would be fetched from there by each executor; and files are in the working directory of
    the driver, as they are in that of its executors.
    """
    python = [str(fetched(each, ca=order.ca)) for each in order.py_files]
    files = [str(fetched(each, ca=order.ca)) for each in order.files]
    archives = [_archive(each, order) for each in order.archives]
    for each in files:
        _put_here(Path(each))
    _search_in([each if each.endswith(_PACKAGES) else str(Path(each).parent) for each in python])
    _append_to_properties(
        {
            "spark.submit.pyFiles": python,
            "spark.files": [*python, *files],
            "spark.archives": archives,
        }
    )


def _archive(place: str, order: JobSpec) -> str:
    """*place*, with the name that is after its ``#``, if it has one."""
    url, sign, name = place.partition("#")
    # After a path with a space, Spark takes the name for a part of the path.
    return f"{fetched(url, ca=order.ca).as_uri()}{sign}{name}"


def _put_here(file: Path) -> None:
    # An earlier start of this driver may have done so.
    with contextlib.suppress(FileExistsError):
        Path(file.name).symlink_to(file)


def _search_in(places: list[str]) -> None:
    sys.path[:0] = places
    # For the Pythons that the program starts by itself.
    searched = [*places, os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, searched))


def _append_to_properties(lists: dict[str, list[str]]) -> None:
    """Every context of this driver, also of a session that the program makes, reads them there."""
    if not any(lists.values()):
        return
    from pyspark import SparkContext  # noqa: PLC0415 - a job without files may do without Spark

    SparkContext._ensure_initialized()  # noqa: SLF001 - the JVM has to know before the first context
    jvm: Any = SparkContext._jvm  # noqa: SLF001
    properties = jvm.java.lang.System
    for key, values in lists.items():
        before = properties.getProperty(key)
        if values:
            properties.setProperty(key, ",".join([before, *values] if before else values))
