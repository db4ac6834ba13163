"""A Python environment in one of the job's archives, for the driver as for its executors.

An executor finds ``spark.pyspark.python=./NAME/bin/python`` in the archive ``….tar.gz#NAME`` after
it has unpacked it. The driver's Python starts before there is anything to unpack: the worker's
Python (``spark.pyspark.driver.python``) runs the bootstrap, and is replaced by the packed one here.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from libra_provider.jobs.bootstrap import fetch
from libra_provider.jobs.job_spec import JobSpec
from libra_provider.jobs.reporting import ATTEMPT

_ENTERED = "LIBRA_PYTHON"


def enter(spec: JobSpec, attempt: str) -> None:
    """Start this program again in the job's packed Python, if it has one; else return.

    Raises FetchError, and OSError for an archive that has no such Python.
    """
    python = Path(os.environ.get("PYSPARK_PYTHON", ""))
    if os.environ.pop(_ENTERED, None) or python.is_absolute() or len(python.parts) < 2:
        return
    archives = (each.rpartition("#") for each in spec.archives)
    url = next((url for url, _, name in archives if url and name == python.parts[0]), None)
    if url is None:
        return
    _unpack(fetch(url, ca=spec.ca), Path(python.parts[0]))
    os.environ.update({_ENTERED: str(python), ATTEMPT: attempt})
    sys.stdout.flush()
    own = str(Path.cwd() / python)
    os.execv(own, [own, *sys.argv])  # noqa: S606 - the job's Python


def _unpack(archive: Path, target: Path) -> None:
    if target.exists():  # by an earlier start of this driver
        return
    # A driver that is killed meanwhile must not leave a folder that looks complete.
    unfinished = tempfile.mkdtemp(dir=Path.cwd())
    try:
        with tarfile.open(archive) as file:
            # Newer Pythons need a filter; a packed environment has links to the machine's Python.
            how = {"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}
            file.extractall(unfinished, **how)  # type: ignore[arg-type]  # noqa: S202 - the job's archive
        Path(unfinished).rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
