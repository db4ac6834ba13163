"""A request's body that is too large to be held: it is read while it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

_SLOWEST = 2**16  # bytes per second


@dataclass(frozen=True, slots=True)
class Content:
    """*size* bytes in *pieces*, begun anew for each sending; for both ways of sending."""

    size: int
    pieces: Callable[[], Iterator[bytes]]

    @property
    def len(self) -> int:
        """What requests asks for, to say the length before the first piece."""
        return self.size

    @property
    def longest(self) -> float:
        """How many seconds its way may take; beyond them it is going nowhere."""
        return self.size / _SLOWEST

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        import asyncio  # noqa: PLC0415 - most commands send no file, and it loads slowly

        pieces = self.pieces()
        # Reading a file would hold the event loop.
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece
