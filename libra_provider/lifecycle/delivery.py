"""Whether a job goes by way of Libra, and its way there, as the task log shows it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from libra_provider.clients.artifact import Artifact, aliased
from libra_provider.clients.libra.shipment import (
    Shipment,
    check_parameters,
    is_bootstrapped,
    local_files,
    order_of,
    ordered,
)
from libra_provider.core.errors import BadInput, Rejected
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.paths import scheme
from libra_provider.core.units import readable_size
from libra_provider.hooks.libra import LibraHook

log = logging.getLogger(__name__)
_CONFLICT = 409
_QUICK = 2.0  # seconds; what takes no longer is told only when it is done
_SAY_AGAIN = 10.0  # seconds
_CHOICES = (
    "give a connection to Libra (libra_conn_id), which ships it; or a path that all workers have "
    "(local:/…); or a URL (https:, s3a:, hdfs:)"
)
_RUNNER = (
    "without a connection to Libra (libra_conn_id) it needs result_path, and sql_runner of "
    "SparkClusterJobOperator: where the workers have libra_provider/jobs/sql_runner.py"
)
_TEXT = (
    "workers do not have it: give a connection to Libra (libra_conn_id), which ships it; or a file "
    "that all workers have as application (local:/…)"
)
_RESULT = (
    "without a connection to Libra (libra_conn_id), only what is written to result_path comes back"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryNeeds:
    """What a task wants of its job besides its run.

    ``promised``: an end without a result is a failure. ``runner``: where the workers have what runs
    SQL, ``libra_provider/jobs/sql_runner.py`` inside the unpacked runtime zip.
    """

    promised: bool = False
    runner: str | None = None

    def needs_libra(self, job: SparkJob) -> bool:
        """Whether *job* cannot do without."""
        if local_files(job) or job.kind is Kind.PYTHON:
            return True
        if job.kind is Kind.SQL:
            return not (self.runner and job.result_path)
        return self.gives(job) and not (self.runner and job.result_path)

    def gives(self, job: SparkJob) -> bool:
        """Whether something is to come back."""
        own = job.kind in (Kind.SQL, Kind.PYTHON) or bool(job.result_path or job.result_limit)
        return own or self.promised

    def check(self, job: SparkJob) -> None:
        """Raise BadInput where nothing can come back of *job*, and something is to.

        Likewise for more parameters than can be sent.
        """
        check_parameters(job)
        if not self.gives(job) or is_bootstrapped(job):
            return
        if job.kind is Kind.JAR:
            expected = "a JAR hands nothing in; have it write its rows"
        else:
            expected = f"a file on {scheme(str(job.application))}: is run as it is; ship it"
        name = next((n for n in ("result_path", "result_limit") if getattr(job, n)), "fetch")
        raise BadInput(name, getattr(job, name, "a result"), expected)

    def refuse_without_libra(self, job: SparkJob) -> None:
        """Raise BadInput that explains the choices, where Libra is needed and is not there."""
        if local := local_files(job):
            parameter, item = local[0]
            raise BadInput(parameter, item, f"workers do not have it: {_CHOICES}")
        if job.kind is Kind.PYTHON:
            raise BadInput("python", "…", _TEXT)
        if job.kind is Kind.SQL:
            missing = "sql_runner" if job.result_path else "result_path"
            raise BadInput(missing, None, _RUNNER)
        if not job.result_path:
            raise BadInput("result_path", None, _RESULT)
        raise BadInput("sql_runner", None, _RUNNER)

    def without_libra(self, job: SparkJob, tag: str) -> SparkJob:
        """*job* as it is sent where all that it needs is on the workers."""
        if not self.gives(job):
            return job
        order = order_of(job, tag, returns=self.promised)
        return ordered(job, order, str(self.runner))


def shipped(libra: LibraHook, job: SparkJob, tag: str, *, promised: bool) -> SparkJob:
    """*job* as a master gets it, once Libra has what its driver will need; it may be repeated."""
    shipment = Shipment(job, returns=promised)
    try:
        return libra.ship(shipment, tag, told=UploadProgress(time.monotonic))
    except Rejected as error:
        if error.status != _CONFLICT:
            raise
        problem = f"{error.problem} A try that was interrupted had announced it; clear the task"
        raise Rejected(error.server, error.status, problem) from error


def shipped_file(libra: LibraHook, path: str, *, parameter: str) -> str:
    """How Libra's statements name the file *path*, which may have a ``#name``, once it is there."""
    file = path.partition("#")[0]
    kept = libra.upload(file, parameter=parameter, told=UploadProgress(time.monotonic))
    artifact, fragment = aliased(kept, path, parameter=parameter)
    return artifact.uri + fragment


class UploadProgress:
    """Tells the log which files are sent, and of a long one how much of it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._says_at: dict[Artifact, float] = {}

    def __call__(self, artifact: Artifact, sent: int) -> None:
        """Take note that *sent* bytes of *artifact* are on their way."""
        now = self._clock()
        says_at = self._says_at.setdefault(artifact, now + _QUICK)
        if sent == artifact.size:
            log.info("%s is shipped to Libra: %s", artifact.name, readable_size(sent))
        elif now >= says_at:
            self._says_at[artifact] = now + _SAY_AGAIN
            shown = readable_size(sent), readable_size(artifact.size)
            log.info("%s: %s of %s are sent to Libra", artifact.name, *shown)
