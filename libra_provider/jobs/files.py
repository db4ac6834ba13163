"""Files of a job, fetched once by its driver, which serves its executors."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from libra_provider.jobs.bootstrap import fetch
from libra_provider.jobs.job_spec import JobSpec

# Python imports from such a file itself; for any other, its folder is searched.
_PACKAGES = (".zip", ".egg", ".jar")


def fetch_files(spec: JobSpec) -> None:
    """Fetch the files of *spec*, for Spark's contexts and ``sys.path``; raises FetchError.

    As ``spark-submit`` does for ``--py-files``, ``--files`` and ``--archives``, except that each
    executor would fetch a URL by itself, and that ``--files`` are also in the working directory of
    the driver, as they are in those of its executors.
    """
    python = [str(fetch(each, ca=spec.ca)) for each in spec.py_files]
    files = [str(fetch(each, ca=spec.ca)) for each in spec.files]
    archives = [_archive(each, spec) for each in spec.archives]
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


def _archive(place: str, spec: JobSpec) -> str:
    """Fetch *place* and return its URI, with the name after ``#`` if it has one."""
    url, sign, name = place.partition("#")
    # As a URI: Spark mistakes the name for a part of a path that contains a space.
    return f"{fetch(url, ca=spec.ca).as_uri()}{sign}{name}"


def _put_here(file: Path) -> None:
    # An earlier start of this driver may have done so.
    with contextlib.suppress(FileExistsError):
        Path(file.name).symlink_to(file)


def _search_in(places: list[str]) -> None:
    sys.path[:0] = places
    # For Python processes that the program starts.
    searched = [*places, os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, searched))


def _append_to_properties(lists: dict[str, list[str]]) -> None:
    """Append to the JVM's properties, which each context that the program creates reads."""
    if not any(lists.values()):
        return
    from pyspark import SparkContext  # noqa: PLC0415 - a job without files may need no Spark

    SparkContext._ensure_initialized()  # noqa: SLF001 - before the first context
    jvm: Any = SparkContext._jvm  # noqa: SLF001
    properties = jvm.java.lang.System
    for key, values in lists.items():
        before = properties.getProperty(key)
        if values:
            properties.setProperty(key, ",".join([before, *values] if before else values))
