"""Reads the body of a request in pieces, with a minimum speed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.types import Message, Receive, Send

from libra_provider.core.units import MIB, readable_duration, readable_size
from libra_provider.server.errors import Refusal, TooSlow
from libra_provider.server.timing import DEFAULT, RequestTiming

_PIECE = MIB // 4


class BodyStream:
    """``receive`` and ``send`` of one request with a body, which comes at a pace, or not at all.

    *check* is called with the bytes so far, and raises what is to be answered to so many.
    ``is_held_back``: the client waits for permission to send its body (``Expect``).
    """

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        check: Callable[[int], None],
        timing: RequestTiming = DEFAULT.requests,
        is_held_back: bool = False,
    ) -> None:
        self._receive = receive
        self._send = send
        self._check, self._timing = check, timing
        self._is_held_back = is_held_back
        self._size = 0
        self._is_over = False
        self._is_refused = False
        self._begin_pace()

    async def receive(self) -> Message:
        """Return the next part of the body; raises TooSlow, and what *check* raises."""
        if self._is_over:
            return await self._receive()
        self._is_held_back = False
        try:
            message = await self._next()
            self._size += len(message.get("body", b""))
            self._check(self._size)
        except Refusal:
            self._is_refused = True
            raise
        self._is_over = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Answer, once all of the body is here: who still sends may not hear an answer.

        If it is not to be had, the connection ends with the answer.
        """
        if message["type"] == "http.response.start" and not await self._skip():
            close = (b"connection", b"close")
            message = {**message, "headers": [*message.get("headers", ()), close]}
        await self._send(message)

    async def _skip(self) -> bool:
        """Drop the rest of the body; return whether it has ended."""
        try:
            while not (self._is_over or self._is_refused or self._is_held_back):
                await self.receive()
        except Refusal:
            return False
        return self._is_over

    async def _next(self) -> Message:
        """Return the next message; only the time of waiting for it counts."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._seconds_left):
                message = await self._receive()
        except TimeoutError as error:
            size, within = self._timing.pace_bytes, self._timing.pace
            pace = f"{readable_size(size)} in {readable_duration(within)}"
            raise TooSlow(
                f"The body arrived too slowly, with less than {pace}; send it again."
            ) from error
        self._seconds_left -= loop.time() - began
        self._bytes_left -= len(message.get("body", b""))
        if self._bytes_left <= 0:
            self._begin_pace()
        return message

    def _begin_pace(self) -> None:
        self._seconds_left = self._timing.pace
        self._bytes_left = self._timing.pace_bytes


async def pieces(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes of *body*, in pieces large enough for a thread each."""
    piece = bytearray()
    async for part in body:
        piece += part
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
