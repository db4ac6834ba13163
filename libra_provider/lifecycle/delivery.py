"""Finds the files of a job, decides whether it needs Libra, and uploads them there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from libra_provider.clients.artifact import Artifact, packed
from libra_provider.clients.libra.shipment import (
    Shipment,
    is_bootstrapped,
    local_files,
    spec_of,
    with_spec,
)
from libra_provider.core.errors import BadInput, Rejected
from libra_provider.core.field_rules import check_parameters, names
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.paths import LISTS, located, read_text, scheme
from libra_provider.core.units import readable_size
from libra_provider.hooks.libra import LibraHook

log = logging.getLogger(__name__)
_CONFLICT = 409
_QUICK = 2.0  # seconds; for a shorter upload, only its end is logged
_LOG_EVERY = 10.0  # seconds
_CHOICES = (
    "set libra_conn_id to upload it to Libra, or pass a path on all workers (local:/…) or a URL "
    "(https:, s3a:, hdfs:)"
)
_RUNNER = (
    "without a connection to Libra (libra_conn_id), SQL needs result_path, and sql_runner of "
    "SparkClusterJobOperator: the path of libra_provider/jobs/sql_runner.py on the workers"
)
_NO_CODE = (
    "the workers do not have the code: set libra_conn_id to upload it to Libra, or pass a file on "
    "all workers as application (local:/…)"
)
_RESULT = (
    "without a connection to Libra (libra_conn_id), results can only be written to result_path"
)


def located_lists(job: SparkJob, beside: Path) -> dict[str, list[str]]:
    """The lists of files of *job* by parameter, local paths absolute; raises BadInput."""
    return {
        each: [located(item, beside, parameter=each) for item in getattr(job, each)]
        for each in LISTS
    }


def python_code(text: str, beside: Path) -> str:
    """*text*, or the content of the file whose path it is; *beside* is its folder if relative."""
    if not text.endswith(".py") or "\n" in text:
        return text
    path = located(text, beside, parameter="python")
    code = read_text(Path(path), parameter="python")
    if not code.strip():
        raise BadInput("python", text, "the file is empty")
    return code


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryNeeds:
    """What a job needs of Libra: transfer of its files, its code and its result.

    ``promised``: a job that ends without a result has failed. ``runner``: the path of
    ``libra_provider/jobs/sql_runner.py`` on the workers, inside the unpacked runtime zip, or None.
    """

    promised: bool = False
    runner: str | None = None

    def needs_libra(self, job: SparkJob) -> bool:
        """Whether *job* cannot run without Libra."""
        if local_files(job) or job.kind is Kind.PYTHON:
            return True
        if job.kind is Kind.SQL:
            return not (self.runner and job.result_path)
        return self.gives(job) and not (self.runner and job.result_path)

    def gives(self, job: SparkJob) -> bool:
        """Whether *job* returns a result."""
        own = job.kind in (Kind.SQL, Kind.PYTHON) or bool(job.result_path or job.result_limit)
        return own or self.promised

    def check(self, job: SparkJob) -> None:
        """Raise BadInput if *job* cannot return the result that is expected of it.

        Also if its parameters are too large to be sent.
        """
        check_parameters(job.given, names(Kind(job.kind)))
        if not self.gives(job) or is_bootstrapped(job):
            return
        if job.kind is Kind.JAR:
            expected = "a JAR returns no result; let it write its rows"
        else:
            expected = (
                f"a file at {scheme(str(job.application))}: cannot return it; pass a local file"
            )
        name = next((n for n in ("result_path", "result_limit") if getattr(job, n)), "fetch")
        raise BadInput(name, getattr(job, name, "a result"), expected)

    def refuse_without_libra(self, job: SparkJob) -> None:
        """Raise BadInput that explains what to do without Libra, which *job* needs."""
        if local := local_files(job):
            parameter, item = local[0]
            raise BadInput(parameter, item, f"the workers do not have it; {_CHOICES}")
        if job.kind is Kind.PYTHON:
            raise BadInput("python", "…", _NO_CODE)
        if job.kind is Kind.SQL:
            missing = "sql_runner" if job.result_path else "result_path"
            raise BadInput(missing, None, _RUNNER)
        if not job.result_path:
            raise BadInput("result_path", None, _RESULT)
        raise BadInput("sql_runner", None, _RUNNER)

    def without_libra(self, job: SparkJob, tag: str) -> SparkJob:
        """*job* as it is submitted if the workers have everything that it needs."""
        if not self.gives(job):
            return job
        spec = spec_of(job, tag, returns=self.promised)
        return with_spec(job, spec, str(self.runner))


def shipped(libra: LibraHook, job: SparkJob, tag: str, *, promised: bool) -> SparkJob:
    """Upload to Libra what the driver of *job* needs; return it as it is submitted. Idempotent."""
    shipment = Shipment(job, returns=promised)
    try:
        return libra.ship(shipment, tag, progress=UploadProgress(time.monotonic))
    except Rejected as error:
        if error.status != _CONFLICT:
            raise
        problem = f"{error.problem} An interrupted try had announced the job; clear the task"
        raise Rejected(error.server, error.status, problem) from error


def shipped_file(libra: LibraHook, path: str, *, parameter: str) -> str:
    """Upload the file *path*, which may have a ``#name``; return its name in Libra's statements."""
    artifact = packed(path, parameter=parameter)
    return libra.upload(artifact, progress=UploadProgress(time.monotonic)).uri


class UploadProgress:
    """Logs which files are uploaded, and the progress of long uploads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next_line: dict[Artifact, float] = {}

    def __call__(self, artifact: Artifact, sent: int) -> None:
        """Log that *sent* bytes of *artifact* have been sent, unless it was logged just now."""
        now = self._clock()
        due = self._next_line.setdefault(artifact, now + _QUICK)
        if sent == artifact.size:
            log.info("Uploaded %s (%s) to Libra", artifact.name, readable_size(sent))
        elif now >= due:
            self._next_line[artifact] = now + _LOG_EVERY
            shown = readable_size(sent), readable_size(artifact.size)
            log.info("Uploading %s to Libra: %s of %s", artifact.name, *shown)
