"""How much room all artifacts together may take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from libra_provider.core.units import readable_size
from libra_provider.server.errors import StorageFull


class Quota:
    """At most *most* bytes; *free* is asked to remove as many as are missing. On one event loop."""

    def __init__(self, most: int, free: Callable[[int], Awaitable[None]]) -> None:
        self._most = most
        self._free = free
        self.used = 0

    async def take(self, size: int) -> None:
        """Count *size* more bytes as used; raises NoRoom."""
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
        self.used += size

    def give_back(self, size: int) -> None:
        """Count *size* bytes less."""
        self.used -= size

    def _missing(self, size: int) -> int:
        return self.used + size - self._most
