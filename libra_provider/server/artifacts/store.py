"""The files that drivers fetch, each kept once under the hash of its bytes."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from libra_provider.core.units import readable_size
from libra_provider.server.artifacts.in_use import hold
from libra_provider.server.artifacts.upload import IncomingFile
from libra_provider.server.body_stream import pieces
from libra_provider.server.errors import StorageFull, UnknownArtifact
from libra_provider.server.model.artifact import Artifact, is_sha256
from libra_provider.server.settings import Settings
from libra_provider.server.timing import DEFAULT

T = TypeVar("T")
_log = logging.getLogger(__name__)
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(slots=True)
class StoredArtifact:
    """An artifact in the store."""

    path: Path
    size: int
    used_at: float

    @property
    def sha256(self) -> str:
        """The hash under which it is stored."""
        return self.path.name


class ArtifactStore:
    """The store in ``artifacts_dir`` of *settings*; lives on one event loop.

    The hashes that *needed* returns, which may block, are never removed. A file with a hash as its
    name is complete: it is renamed after its last byte.
    """

    def __init__(
        self,
        settings: Settings,
        needed: Callable[[], Collection[str]],
        *,
        in_use_for: float = DEFAULT.artifact_in_use,
    ) -> None:
        self._in_use_for = in_use_for
        self._folder = settings.artifacts_dir
        self._seconds = settings.artifact_seconds
        self._needed = needed
        self._most = settings.artifacts_max_bytes
        self._used = 0  # bytes
        self._kept: dict[str, StoredArtifact] = {}
        # A file that is uploaded again while it is being removed must not be removed, too.
        self._changing = asyncio.Lock()
        # Dedicated threads, so that a slow disk does not block the shared ones.
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="artifacts")

    async def open(self) -> None:
        """Read what is stored; remove uploads that were interrupted when Libra last stopped."""
        self._kept = {each.sha256: each for each in await self._in_thread(self._found)}
        self._used = sum(each.size for each in self._kept.values())

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False)

    @property
    def count(self) -> int:
        """The number of artifacts."""
        return len(self._kept)

    @property
    def size(self) -> int:
        """The bytes that all artifacts take, stored and incoming ones."""
        return self._used

    def absent(self, artifacts: Iterable[Artifact]) -> list[Artifact]:
        """Return those of *artifacts* that are not stored; mark the others as used now."""
        missing = []
        for each in artifacts:
            if kept := self._kept.get(each.sha256):
                kept.used_at = time.time()
            else:
                missing.append(each)
        return missing

    async def hold(self, job_id: str, artifacts: Iterable[Artifact]) -> None:
        """Keep *artifacts*, which *job_id* does not name, until its end, across restarts."""
        await self._in_thread(hold, self._folder, job_id, [each.sha256 for each in artifacts])

    async def use(self, artifact: Artifact) -> StoredArtifact:
        """Return the stored *artifact* and mark it as used now; raises UnknownArtifact."""
        if kept := self._kept.get(artifact.sha256):
            kept.used_at = time.time()
            try:
                await self._in_thread(os.utime, kept.path)
            except FileNotFoundError:
                _log.warning("Another program has removed %s", kept.path)
                self._forget([kept])
            else:
                return kept
        sentence = f"Libra does not have artifact {artifact}"
        raise UnknownArtifact(f"{sentence}; upload it with PUT /api/v1/artifacts/{artifact}.")

    async def receive(
        self, artifact: Artifact, stream: AsyncIterator[bytes], declared: int
    ) -> tuple[StoredArtifact, bool]:
        """Store *artifact*; return it and whether it is new. If not, *stream* is not read.

        *declared* is the number of bytes to come (0: unknown). Raises BadInput for bytes with
        another hash, StorageFull, and what *stream* raises; nothing is stored then.
        """
        with suppress(UnknownArtifact):
            return await self.use(artifact), False
        try:
            return await self._received(artifact.sha256, stream, declared)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise StorageFull(f"The disk of {self._folder} is full; free some space.") from error

    async def _received(
        self, sha256: str, stream: AsyncIterator[bytes], declared: int
    ) -> tuple[StoredArtifact, bool]:
        taken, size, is_new = declared, 0, False
        await self._take(taken)
        try:
            incoming = await self._in_thread(IncomingFile, self._folder / "incoming")
            try:
                async for piece in pieces(stream):
                    size += len(piece)
                    if size > taken:
                        await self._take(size - taken)
                        taken = size
                    await self._in_thread(incoming.write, piece)
                incoming.check(sha256)
                kept, is_new = await self._keep(incoming, sha256, size)
            finally:
                await self._in_thread(incoming.drop)
        finally:
            self._used -= taken - size if is_new else taken
        return kept, is_new

    async def _keep(
        self, incoming: IncomingFile, sha256: str, size: int
    ) -> tuple[StoredArtifact, bool]:
        async with self._changing:
            if known := self._kept.get(sha256):  # another upload was first
                return known, False
            kept = StoredArtifact(self._folder / sha256, size, time.time())
            await self._in_thread(incoming.keep, kept.path)
            self._kept[sha256] = kept
            return kept, True

    async def _take(self, size: int) -> None:
        """Count *size* more bytes as used; raises StorageFull."""
        if self._missing(size) > 0:
            await self._free(self._missing(size))
        if self._missing(size) > 0:
            sentence = (
                f"{readable_size(size)} more do not fit: artifacts may take"
                f" {readable_size(self._most)} here (artifacts_max_bytes), and what is there is"
                " named by unfinished jobs or was used a moment ago; try again when jobs have"
                " ended, or raise the limit."
            )
            raise StorageFull(sentence)
        self._used += size

    def _missing(self, size: int) -> int:
        """How many bytes are missing for *size* more; negative if there is room."""
        return self._used + size - self._most

    async def sweep(self) -> None:
        """Remove what was unused for longer than ``artifact_seconds``, and no job needs."""
        oldest = time.time() - self._seconds
        if any(each.used_at < oldest for each in self._kept.values()):
            async with self._changing:
                needed = await self._in_thread(self._needed)
                await self._remove(self._unneeded(needed, oldest))

    async def _free(self, size: int) -> None:
        """Remove up to *size* bytes that no job needs, the least recently used first."""
        async with self._changing:
            needed = await self._in_thread(self._needed)
            victims = []
            for each in self._unneeded(needed, time.time() - self._in_use_for):
                if size <= 0:
                    break
                victims.append(each)
                size -= each.size
            await self._remove(victims)

    def _unneeded(self, needed: Collection[str], oldest: float) -> list[StoredArtifact]:
        found = [each for each in self._kept.values() if each.used_at < oldest]
        return sorted(
            (each for each in found if each.sha256 not in needed), key=lambda each: each.used_at
        )

    async def _remove(self, victims: Collection[StoredArtifact]) -> None:
        self._forget(victims)
        for each in victims:
            _log.info("Removed artifact %s (%s bytes), which no job needs", each.sha256, each.size)
            await self._in_thread(partial(each.path.unlink, missing_ok=True))

    def _forget(self, gone: Collection[StoredArtifact]) -> None:
        for each in gone:
            if self._kept.pop(each.sha256, None):
                self._used -= each.size

    def _found(self) -> list[StoredArtifact]:
        incoming = self._folder / "incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = [file for file in self._folder.iterdir() if is_sha256(file.name)]
        return [
            StoredArtifact(each, (stat := each.stat()).st_size, stat.st_mtime) for each in files
        ]

    async def _in_thread(self, act: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(act, *arguments))
