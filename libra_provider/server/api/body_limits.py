"""What a body may cost Libra before anybody has looked at it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libra_provider.core.units import readable_duration, readable_size
from libra_provider.server.api import errors
from libra_provider.server.body_stream import BodyStream
from libra_provider.server.errors import BodyTooLarge, Refusal, TooSlow
from libra_provider.server.settings import Settings
from libra_provider.server.signed_urls import Purpose
from libra_provider.server.timing import DEFAULT, RequestTiming


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How many bytes a body may have; the sentence of the refusal names *setting*."""

    most: int
    setting: str
    advice: str

    def check(self, size: int) -> None:
        """Raise BodyTooLarge for a body of *size* bytes, if it is."""
        if size > self.most:
            sentence = (
                f"The body is larger than {readable_size(self.most)}, which is what this Libra"
                f" reads ({self.setting}); {self.advice}."
            )
            raise BodyTooLarge(sentence)


class BodyLimitMiddleware:
    """Middleware: what is larger than *settings* allow is 413, what arrives too slowly is 408.

    A body has a minute, and is read before anybody sees it; but artifacts and results are handed
    on as they come, for as long as they do.
    """

    def __init__(
        self, app: ASGIApp, *, settings: Settings, timing: RequestTiming = DEFAULT.requests
    ) -> None:
        self._app, self._timing = app, timing
        advice = "put large data into a table or file"
        self._limit = BodyLimit(settings.max_request_bytes, "max_request_bytes", advice)
        self._streamed = _streamed(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, or have it read, within the limits."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        streamed = [each for path, each in self._streamed.items() if scope["path"].startswith(path)]
        limit = streamed[0] if streamed else self._limit
        try:
            limit.check(int(headers.get("content-length", "0")))
            if streamed:
                await self._stream(limit, scope, receive, send)
            else:
                body = await _read(limit, receive, self._timing.body)
                await self._app(scope, _handing_out(body, receive), send)
        except Refusal as refusal:
            await errors.of(refusal)(scope, receive, send)
        except ClientDisconnect:
            return

    async def _stream(self, limit: BodyLimit, scope: Scope, receive: Receive, send: Send) -> None:
        is_held_back = "expect" in Headers(scope=scope)
        body = BodyStream(
            receive, send, check=limit.check, timing=self._timing, is_held_back=is_held_back
        )
        await self._app(scope, body.receive, body.send)


def _streamed(settings: Settings) -> Mapping[str, BodyLimit]:
    """The limits of what is handed on as it comes, by how its path begins."""
    file = BodyLimit(
        settings.artifact_max_bytes, "artifact_max_bytes", "put it where workers see it"
    )
    # JSON takes more than the values, which are counted once they are here.
    most = 2 * settings.result_max_bytes
    result = BodyLimit(most, "twice result_max_bytes", "write the rows with resultPath")
    return {"/api/v1/artifacts/": file, f"/{Purpose.RESULT}/": result}


async def _read(limit: BodyLimit, receive: Receive, seconds: float) -> bytes:
    """The body; raises TooSlow after *seconds*, BodyTooLarge, and ClientDisconnect."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while (message := await receive())["type"] == "http.request":
                body += message.get("body", b"")
                limit.check(len(body))  # a chunked body declares nothing
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError as error:
        within = readable_duration(seconds)
        raise TooSlow(f"The body did not arrive within {within}; send it again.") from error
    raise ClientDisconnect


def _handing_out(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives *body* first, then whatever the client does."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay
