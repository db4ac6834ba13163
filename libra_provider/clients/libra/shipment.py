"""Ships the files of a job to its driver through Libra, with signed URLs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libra_provider.clients import runtime_zip
from libra_provider.clients.artifact import Artifact, packed, text
from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.libra.artifacts import OnProgress, store
from libra_provider.clients.libra.contract import Contract
from libra_provider.clients.libra.external_jobs import Announcement, UploadUrls, announce
from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.masking import MASK
from libra_provider.core.parameters import as_variable
from libra_provider.core.paths import LISTS, scheme
from libra_provider.core.units import KIB, readable_size

SPEC_VARIABLE = "LIBRA_JOB"
"""The environment variable that contains what a driver runs (jobs/bootstrap.py)."""
VERSION = 1
"""The version of the driver protocol, as jobs/bootstrap.py has it, which explains it."""
# The bootstrap downloads these and serves them to the executors; the JVM downloads jars itself.
_LOCALISED = ("py_files", "files", "archives")
# Spark stores both in one directory, where names must be unique.
_IN_ONE_FOLDER = ("py_files", "files")
_OF_THE_BOOTSTRAP = ("", "file", "local", "http", "https")
_PYTHON, _DRIVER_PYTHON = "spark.pyspark.python", "spark.pyspark.driver.python"
# Linux allows environment variables of up to 128 KiB. Half of a job spec is for parameters
# (core/field_rules.py), a quarter for SQL, and the rest for the URLs of about a hundred files.
_LARGEST_SPEC = 96 * KIB
_LARGEST_TEXT = 24 * KIB  # of JSON; longer SQL is shipped as a file
# Libra's own default.
_ROWS = 1000


def local_files(job: SparkJob) -> list[tuple[str, str]]:
    """Return the local files of *job*, which must be shipped: the parameter and path of each."""
    items = [("application", job.application)] if job.application else []
    items += [(each, item) for each in LISTS for item in getattr(job, each)]
    return [(parameter, item) for parameter, item in items if not scheme(item)]


def is_bootstrapped(job: SparkJob) -> bool:
    """Return whether our bootstrap can run *job*; only such jobs return results and receipts."""
    if job.kind is Kind.PYTHON_FILE:
        return scheme(str(job.application)) in _OF_THE_BOOTSTRAP
    return job.kind in (Kind.SQL, Kind.PYTHON)


class Shipment:
    """A job with all files that its driver needs.

    ``returns``: the job must return a result. Raises BadInput for files that cannot be read.
    """

    def __init__(self, job: SparkJob, *, returns: bool = False) -> None:
        self._job, self._returns = job, returns
        self._files = {
            (parameter, item): packed(item, parameter=parameter)
            for parameter, item in local_files(job)
        }
        _check_names(self._files)
        self._code = _code(job)
        ours = (runtime_zip.runtime_zip(), runtime_zip.bootstrap()) if is_bootstrapped(job) else ()
        self._ours = [text(each.name, each.content) for each in ours]

    @property
    def artifacts(self) -> list[Artifact]:
        """Return the files that Libra must have before the job is announced, without duplicates."""
        code = [self._code] if self._code else []
        return list(dict.fromkeys([*self._ours, *code, *self._files.values()]))

    @property
    def announcement(self) -> Announcement:
        """Return the announcement of the job."""
        job = self._job
        return Announcement(
            kind=str(job.kind),
            artifacts=self.artifacts,
            description=job.name,
            tags=job.origin,
            result_limit=_row_limit(job),
            result_path=job.result_path,
            returns=self._returns,
            supervised=job.supervise,
        )

    def sent(self, tag: str, at: UploadUrls, *, ca: str | None = None) -> SparkJob:
        """Return the job to submit to the master; its driver trusts *ca* (certificates, PEM)."""
        job = self._job
        found = {key: at.url(each) + each.fragment for key, each in self._files.items()}
        lists = {each: [found.get((each, i), i) for i in getattr(job, each)] for each in LISTS}
        application = found.get(("application", str(job.application)), job.application)
        if not self._ours:
            return job.trusted(application=application, **lists)
        archive, bootstrap = self._ours
        spec = spec_of(job, tag, returns=self._returns) | {
            "application": application,
            "result_url": at.result_url,
            "report_url": at.report_url,
            "runtime": at.url(archive),
            "ca": ca,
        }
        for each in _LOCALISED:
            spec[each] = [url for (parameter, _), url in found.items() if parameter == each]
            lists[each] = [item for item in getattr(job, each) if scheme(item)]
        if self._code:
            spec |= _as_file(job, at.url(self._code))
        conf = _with_python(job.conf)
        return with_spec(job, spec, at.url(bootstrap)).trusted(**lists, conf=conf)


def spec_of(job: SparkJob, tag: str, *, returns: bool) -> dict[str, Any]:
    """Return the job spec of *job* for a driver without Libra."""
    return {
        "version": VERSION,
        "tag": tag,
        "kind": str(job.kind),
        "application": job.application,
        "sql": job.code if job.kind is Kind.SQL else None,
        "parameters": job.parameters,
        "py_files": [],
        "files": [],
        "archives": [],
        "result_limit": _row_limit(job),
        "result_path": job.result_path,
        "returns": returns,
        "result_url": None,
        "report_url": None,
        "runtime": None,
        "ca": None,
    }


def with_spec(job: SparkJob, spec: Mapping[str, Any], bootstrap: str) -> SparkJob:
    """Return a job that runs *bootstrap*, a path on the workers or a URL, with the spec *spec*."""
    written = as_variable(spec)
    if len(written) > _LARGEST_SPEC:
        raise _too_large(job, spec)
    return job.trusted(
        kind=Kind.PYTHON_FILE,
        code=None,
        application=bootstrap,
        parameters=None,
        mode=None,
        deploy_mode=None,
        result_limit=None,
        result_path=None,
        env_vars={**job.env_vars, SPEC_VARIABLE: written},
    )


def ship(
    contract: Contract,
    shipment: Shipment,
    tag: str,
    *,
    ca: str | None = None,
    progress: OnProgress | None = None,
) -> Dialogue[SparkJob]:
    """Upload *shipment* and announce its job; return the job to submit to the master.

    It is idempotent for a *tag*; files that Libra has are not uploaded again.
    """
    for artifact in shipment.artifacts:
        yield from store(contract, artifact, progress)
    announced: UploadUrls = yield Ask(announce(tag, shipment.announcement))
    return shipment.sent(tag, announced, ca=ca)


def _check_names(files: Mapping[tuple[str, str], Artifact]) -> None:
    """Raise BadInput if two different files would get the same name."""
    found: dict[str, str] = {}
    for (parameter, item), artifact in files.items():
        if parameter not in _IN_ONE_FOLDER:
            continue
        if found.setdefault(artifact.name, artifact.sha256) != artifact.sha256:
            expected = (
                f"another file is also named {artifact.name}; rename one of them with PATH#NAME"
            )
            raise BadInput(parameter, item, expected)


def _too_large(job: SparkJob, spec: Mapping[str, Any]) -> BadInput:
    """The error for a job spec that is too large, which names what makes it so."""
    most = readable_size(_LARGEST_SPEC)
    if _is_long(spec["sql"] or ""):
        expected = f"it is too long for a job spec ({most}); set libra_conn_id to upload it"
        return BadInput("sql", MASK, expected)
    expected = f"the job spec is larger than {most}; pack them into an archive"
    return BadInput("py_files", f"{len(job.py_files)} files and others", expected)


def _is_long(code: str) -> bool:
    return len(as_variable(code)) > _LARGEST_TEXT


def _code(job: SparkJob) -> Artifact | None:
    """Return the code of *job* as a file: always for Python, and for long SQL; otherwise None."""
    code = job.code or ""
    if job.kind is Kind.PYTHON:
        return text("inline.py", code.encode())
    return text("statement.sql", code.encode()) if _is_long(code) else None


def _with_python(conf: Mapping[str, str]) -> dict[str, str]:
    """Return *conf*; if its Python is packed in an archive, the worker's Python starts the driver.

    The bootstrap then continues in the packed one, as executors do (jobs/packed_python.py).
    """
    python = conf.get(_PYTHON, "")
    packed_yet = "/" in python and not python.startswith("/")
    return ({_DRIVER_PYTHON: "python3"} if packed_yet else {}) | dict(conf)


def _as_file(job: SparkJob, url: str) -> dict[str, Any]:
    return {"application": url} if job.kind is Kind.PYTHON else {"sql": None, "sql_url": url}


def _row_limit(job: SparkJob) -> int | None:
    return None if job.result_path else job.result_limit or _ROWS
