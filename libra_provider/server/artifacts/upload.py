"""A file that is being uploaded to the store; its methods block, and run on threads."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from libra_provider.core.errors import BadInput


class IncomingFile:
    """A new file in *folder*, hashed as it is written, and invisible until :meth:`keep`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / secrets.token_hex(16)
        opened = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        # Buffered: its lock lets close() wait for a write that another thread has begun.
        self._file = os.fdopen(opened, "wb")
        self._hash = hashlib.sha256()

    def write(self, piece: bytes) -> None:
        """Add *piece*; raises OSError."""
        self._file.write(piece)
        self._hash.update(piece)

    def check(self, sha256: str) -> None:
        """Raise BadInput unless *sha256* is the hash of all that was written."""
        if (found := self._hash.hexdigest()) != sha256:
            expected = f"the received content has {found}; send the whole file again"
            raise BadInput("sha256", sha256, expected)

    def keep(self, path: Path) -> None:
        """Rename the file to *path*, safe against power failures; raises OSError."""
        self._file.flush()
        # Read-only, so that it cannot be changed through a link.
        os.fchmod(self._file.fileno(), 0o400)
        os.fsync(self._file.fileno())
        self._file.close()
        self._path.rename(path)
        sync(path.parent)

    def drop(self) -> None:
        """Remove the file, unless it was kept."""
        self._path.unlink(missing_ok=True)
        with suppress(OSError):  # a full disk, which no longer matters
            self._file.close()


def sync(folder: Path) -> None:
    """Flush the file names in *folder* to the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
