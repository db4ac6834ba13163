"""What a body may cost Libra before anybody has looked at it."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libra_provider.core.units import readable_duration, readable_size
from libra_provider.server import problem_details
from libra_provider.server.problems import Refusal, TooLarge, TooSlow

BODY_SECONDS = 60.0


class Limits:
    """Middleware: bodies have at most *most* bytes and arrive within a minute, else 413 or 408."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then let the application have it."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(headers, receive)
        except Refusal as refusal:
            await problem_details.of(refusal)(scope, receive, send)
            return
        if body is not None:
            await self._app(scope, _handing_out(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        """The body, or None when the client has gone; raises TooLarge and TooSlow."""
        self._check(int(headers.get("content-length", "0")))
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while (message := await receive())["type"] == "http.request":
                    body += message.get("body", b"")
                    self._check(len(body))  # a chunked body declares nothing
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError as error:
            within = readable_duration(BODY_SECONDS)
            raise TooSlow(f"The body did not arrive within {within}; send it again.") from error
        return None

    def _check(self, size: int) -> None:
        if size > self._most:
            sentence = (
                f"The body is larger than {readable_size(self._most)}, which is what this Libra"
                " reads (max_request_bytes); put large data into a table or file."
            )
            raise TooLarge(sentence)


def _handing_out(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives *body* first, then whatever the client does."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay
