"""A server that answers bytes, whether or not they are HTTP, and closes connections as scripted."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.fakes.raw import RawServer


@dataclass(frozen=True)
class Rudeness:
    """What follows each request: *pieces* with *pause* seconds between them, and then *end*.

    ``end`` is "close", "reset", "keep" (the connection stays open, silent), or "next" (it is ready
    for another request).
    """

    pieces: Sequence[bytes] = ()
    end: str = "close"
    pause: float = 0.0


def page(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """An HTTP answer, whose length may be a lie."""
    size = f"Content-Length: {len(body) if length is None else length}"
    return "\r\n".join([f"HTTP/1.1 {status}", size, *headers, "", ""]).encode() + body


class HostileServer(RawServer):
    """Treats every request with *rudeness*; a context manager. ``url`` is where it listens."""

    def __init__(self, rudeness: Rudeness) -> None:
        self.rudeness = rudeness
        self.requests: list[bytes] = []
        super().__init__()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(60)
            while request := _request(connection):
                self.requests.append(request)
                for piece in self._pieces():
                    connection.sendall(piece)
                if self.rudeness.end != "next":
                    self._end(connection)
                    return

    def _pieces(self) -> Iterator[bytes]:
        for piece in self.rudeness.pieces:
            if self._over.is_set():
                return
            yield piece
            time.sleep(self.rudeness.pause)

    def _end(self, connection: socket.socket) -> None:
        if self.rudeness.end == "reset":
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if self.rudeness.end == "keep":
            self._over.wait(10)


def _request(connection: socket.socket) -> bytes:
    """One request, whole; empty when the client has hung up."""
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(65536)
        if not received:
            return b""
        head += received
    head, _, body = head.partition(b"\r\n\r\n")
    sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    size = int(sizes[0].partition(b":")[2]) if sizes else 0
    while len(body) < size:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
