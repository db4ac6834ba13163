"""Connections to clients that may be slow, or never send a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from libra_provider.server.api import errors
from libra_provider.server.timing import RequestTiming

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as Protocol
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as Protocol

_MOST_HEAD_BYTES = 64 * 1024


def head_timeout_protocol(seconds: float) -> type[HeadTimeoutProtocol]:
    """The protocol that closes connections whose headers take more than *seconds*."""

    class TimedProtocol(HeadTimeoutProtocol):
        head_seconds = seconds

    return TimedProtocol


class HeadTimeoutProtocol(Protocol):
    """uvicorn's protocol, which by itself has no limit for the headers, in time or in size."""

    head_seconds = RequestTiming().head
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read on; a head that is late or too long ends the connection."""
        self._expect_head()
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._awaits_head:
            self._stop_expecting()
        elif self._head_bytes > _MOST_HEAD_BYTES:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting for a request."""
        self._stop_expecting()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Abort an idle connection: over TLS, closing it would wait for the client."""
        super().shutdown()
        if self._awaits_head and not self.transport.get_write_buffer_size():
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Respond with a problem to invalid HTTP, which no other code gets to see."""
        answer = errors.problem(400, f"Libra cannot parse this request: {msg}")
        headers = b"".join(b"%s: %s\r\n" % pair for pair in answer.raw_headers)
        head = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n" + headers + b"\r\n"
        self.transport.write(head + bytes(answer.body))
        self.transport.close()

    @property
    def _awaits_head(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn declares it as always there
        return cycle is None or cycle.response_complete

    def _expect_head(self) -> None:
        if self._awaits_head and self._deadline is None:
            self._deadline = self.loop.call_later(self.head_seconds, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        if self._awaits_head:
            self.transport.close()

    def _stop_expecting(self) -> None:
        self._head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
