"""The part of LibraHook that ships files and reads results, for a master's jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from libra_provider.clients.artifact import Artifact, packed
from libra_provider.clients.http.call import Call
from libra_provider.clients.http.dialogue import Dialogue
from libra_provider.clients.http.tls import certificates
from libra_provider.clients.libra import external_jobs, paging
from libra_provider.clients.libra import shipment as shipping
from libra_provider.clients.libra.artifacts import OnProgress, store
from libra_provider.clients.libra.contract import Contract
from libra_provider.clients.libra.external_jobs import Announcement, UploadUrls
from libra_provider.clients.libra.results import Returned, WrittenResult
from libra_provider.clients.libra.shipment import Shipment
from libra_provider.core.job import SparkJob
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook

T = TypeVar("T")


class ArtifactHook(ServerHook):
    """The base of LibraHook for shipping; methods with the prefix ``a`` are async."""

    def __init__(self, connection_id: str) -> None:
        super().__init__(connection_id)
        self._contract = Contract()

    def upload(
        self,
        path: str | Path | Artifact,
        *,
        parameter: str = "path",
        progress: OnProgress | None = None,
    ) -> Artifact:
        """Upload the file *path* unless Libra has it; statements refer to it by its ``uri``.

        *progress* is called with the artifact and the number of bytes sent. A Python package
        becomes a zip, for ``py_files``. Raises BadInput, for *parameter*, if *path* cannot be read.
        An Artifact is uploaded as it is.
        """
        artifact = _packed(path, parameter)
        self._run(lambda: store(self._contract, artifact, progress))
        return artifact

    async def aupload(
        self,
        path: str | Path | Artifact,
        *,
        parameter: str = "path",
        progress: OnProgress | None = None,
    ) -> Artifact:
        """Upload the file *path* unless Libra has it, for event loops."""
        artifact = await asyncio.to_thread(_packed, path, parameter)
        await self._arun(lambda: store(self._contract, artifact, progress))
        return artifact

    def announce(self, tag: str, announcement: Announcement) -> UploadUrls:
        """Announce job *tag* to Libra; its driver is submitted by the caller. Idempotent.

        Its artifacts must be uploaded already. The returned URLs are signed: keep them secret.
        """
        return self._ask(external_jobs.announce(tag, announcement))

    async def aannounce(self, tag: str, announcement: Announcement) -> UploadUrls:
        """Announce job *tag* to Libra, for event loops."""
        return await self._aask(external_jobs.announce(tag, announcement))

    def ship(self, shipment: Shipment, tag: str, *, progress: OnProgress | None = None) -> SparkJob:
        """Upload and announce *shipment*; returns the job to submit to a master. Idempotent."""
        ca = certificates(self.client().addresses[0].verify)
        return self._run(
            lambda: shipping.ship(self._contract, shipment, tag, ca=ca, progress=progress)
        )

    async def aship(
        self, shipment: Shipment, tag: str, *, progress: OnProgress | None = None
    ) -> SparkJob:
        """Upload and announce *shipment*, for event loops."""
        ca = certificates((await self.aclient()).addresses[0].verify)
        dialogue = shipping.ship(self._contract, shipment, tag, ca=ca, progress=progress)
        return await self._arun(lambda: dialogue)

    def succeeded(self, tag: str, written: WrittenResult | None = None) -> JobStatus:
        """Report that the driver of job *tag* succeeded, and maybe where it has *written* rows.

        For a driver without a receipt: the result it uploaded becomes the job's result. Returns the
        status; a job that has ended already does not change.
        """
        return self._ask(external_jobs.succeeded(tag, written))

    async def asucceeded(self, tag: str, written: WrittenResult | None = None) -> JobStatus:
        """Report that the driver of job *tag* succeeded, for event loops."""
        return await self._aask(external_jobs.succeeded(tag, written))

    def returned(self, job_id: str) -> Returned:
        """Fetch the result of *job_id*: rows, a value or None, or where rows were written."""
        return self._run(lambda: paging.fetch_result(self._contract, job_id))

    async def areturned(self, job_id: str) -> Returned:
        """Fetch the result of *job_id*, for event loops."""
        return await self._arun(lambda: paging.fetch_result(self._contract, job_id))

    def _ask(self, call: Call[T]) -> T:
        return self._run(lambda: self._contract.send(call))

    async def _aask(self, call: Call[T]) -> T:
        return await self._arun(lambda: self._contract.send(call))

    def _run(self, dialogue: Callable[[], Dialogue[T]]) -> T:
        client = self.client()  # it reads session and pool, before the dialogue is made
        return client.run(dialogue())

    async def _arun(self, dialogue: Callable[[], Dialogue[T]]) -> T:
        client = await self.aclient()
        return await client.arun(dialogue())


def _packed(path: str | Path | Artifact, parameter: str) -> Artifact:
    return path if isinstance(path, Artifact) else packed(Path(path), parameter=parameter)
