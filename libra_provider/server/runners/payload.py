"""Prepare a job for its dedicated driver, with the URLs to upload its result."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from libra_provider.clients import runtime_zip
from libra_provider.clients.libra.external_jobs import UploadUrls
from libra_provider.clients.libra.shipment import Shipment, is_bootstrapped, spec_of, with_spec
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.paths import scheme
from libra_provider.jobs import bootstrap
from libra_provider.server.artifacts.store import ArtifactStore
from libra_provider.server.model.artifact import Artifact
from libra_provider.server.model.statement import Statement
from libra_provider.server.runners.base import promises
from libra_provider.server.settings import Settings
from libra_provider.server.signed_urls import LIFE, Purpose, Signer


async def to_worker(
    job: SparkJob, statement: Statement, settings: Settings, artifacts: ArtifactStore
) -> SparkJob:
    """Return *job* as it is submitted to the master; its files are stored among *artifacts*."""
    if not is_bootstrapped(job):
        return job
    shipment = Shipment(_where_it_lies(job), returns=promises(statement))
    files = [Artifact(each.sha256, each.name) for each in shipment.artifacts]
    await artifacts.hold(statement.job_id, files)
    for each, artifact in zip(shipment.artifacts, files, strict=True):
        await artifacts.receive(artifact, aiter(each.content), each.size)
    at = _announced(statement, files, Signer.of(settings))
    return shipment.sent(statement.job_id, at, ca=_ca(settings))


def beside_libra(job: SparkJob, statement: Statement, settings: Settings, folder: Path) -> SparkJob:
    """Return *job* for ``spark-submit`` on this host; its files are written to *folder*."""
    if not is_bootstrapped(job):
        return job
    signer = Signer.of(replace(settings, public_url=_local_address(settings)))
    at = _announced(statement, [], signer)
    spec = spec_of(job, statement.job_id, returns=promises(statement)) | {
        **_texts(job, folder),
        "runtime": _written(
            folder / runtime_zip.runtime_zip().name, runtime_zip.runtime_zip().content
        ),
        "ca": _ca(settings),
        "result_url": at.result_url,
        "report_url": at.report_url,
    }
    return with_spec(job, spec, bootstrap.__file__)


def _where_it_lies(job: SparkJob) -> SparkJob:
    """*job* with a URL for a file that workers have at the same path, beside its modules."""
    path = job.application
    return job.replace(application=Path(path).as_uri()) if path and not scheme(path) else job


def _texts(job: SparkJob, folder: Path) -> Mapping[str, Any]:
    """Write its code to a file, since an environment variable has little room."""
    text = (job.code or "").encode()
    if job.kind is Kind.SQL:
        return {"sql": None, "sql_url": _written(folder / "statement.sql", text)}
    if job.kind is Kind.PYTHON:
        return {"application": _written(folder / "statement.py", text)}
    return {}


def _announced(statement: Statement, files: Sequence[Artifact], signer: Signer) -> UploadUrls:
    """Return the URLs from which the driver downloads *files*, and to which it uploads."""
    expires, tag = statement.submitted_at + LIFE, statement.job_id
    return UploadUrls(
        {(each.sha256, each.name): signer.artifact_url(each, expires=expires) for each in files},
        signer.url(Purpose.RESULT, tag, expires=expires),
        signer.url(Purpose.REPORT, tag, expires=expires),
    )


def _local_address(settings: Settings) -> str:
    """Return the URL of Libra for drivers on this host, on loopback if possible."""
    # A certificate is for a name, and seldom valid for this host's loopback address.
    if settings.tls_certificate:
        return settings.public_address
    everywhere = settings.host in ("0.0.0.0", "::")  # noqa: S104  # compared, not bound
    return f"http://127.0.0.1:{settings.port}" if everywhere else settings.address


def _ca(settings: Settings) -> str | None:
    return settings.tls_ca.read_text() if settings.tls_ca else None


def _written(path: Path, content: bytes) -> str:
    """Write *content* to a file that only this user can read; return its path."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    return str(path)
