"""A request body too large for memory, which is read while it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

_SLOWEST = 2**16  # bytes per second


@dataclass(frozen=True, slots=True)
class Content:
    """*size* bytes in *pieces*; starts over for each request, sync or async."""

    size: int
    pieces: Callable[[], Iterator[bytes]]

    @property
    def len(self) -> int:
        """The attribute from which requests takes Content-Length."""
        return self.size

    @property
    def longest(self) -> float:
        """The maximum upload time in seconds; a slower upload is considered stuck."""
        return self.size / _SLOWEST

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        import asyncio  # noqa: PLC0415 - most commands send no file, and it loads slowly

        pieces = self.pieces()
        # Reading a file would block the event loop.
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece
