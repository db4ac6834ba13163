"""A TCP proxy before a real HTTP server, that loses, holds back or delays what a test chooses."""

from __future__ import annotations

import random
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedIOBase

from tests.fakes.listening import Listening

_ANSWER_WITHIN = 60.0  # seconds


@dataclass(frozen=True)
class Passing:
    """A request on its way: its method, its path, and which one it is, from 0."""

    method: str
    path: str
    number: int

    @property
    def creates(self) -> bool:
        """Whether it makes a driver or a statement."""
        return self.method == "POST" and self.path.endswith(("/create", "/statements"))


@dataclass(frozen=True)
class Fate:
    """What becomes of a request: it may arrive or not, late or at once, and be answered or not."""

    arrives: bool = True
    after: float = 0.0  # seconds, whether or not the client still waits
    is_answered: bool = True


PASSES = Fate()
LOST_REQUEST = Fate(arrives=False)
LOST_ANSWER = Fate(is_answered=False)


def delayed(seconds: float) -> Fate:
    """It arrives *seconds* later, when its client may long have given up."""
    return Fate(after=seconds)


def creations_lost_at_random(seed: int, share: float = 0.7) -> Callable[[Passing], Fate]:
    """Of all requests that create something, *share* lose the request or the answer."""
    dice = random.Random(seed)

    def fate(passing: Passing) -> Fate:
        if not passing.creates or dice.random() >= share:
            return PASSES
        return dice.choice([LOST_REQUEST, LOST_ANSWER])

    return fate


class Proxy(Listening):
    """Passes requests on to *port* of this machine, each as *fate* decides; a context manager.

    It listens on a port that is free, unless told on which.

    Each request has a connection of its own; it ends with the answer.
    """

    def __init__(
        self,
        port: int,
        fate: Callable[[Passing], Fate] = lambda _: PASSES,
        *,
        listens_on: int = 0,
    ) -> None:
        self.fate = fate
        self.seen: list[Passing] = []
        self._target = ("127.0.0.1", port)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                proxy._pass_on(self.rfile, self.connection)

        super().__init__(socketserver.ThreadingTCPServer(("127.0.0.1", listens_on), Handler))

    def _pass_on(self, client: BufferedIOBase, connection: socket.socket) -> None:
        request = _whole_request(client)
        if not request:
            return
        fate = self.fate(self._noted(request))
        self._closing.wait(fate.after)
        if not fate.arrives or self._closing.is_set():
            return
        answer = self._answer(request)
        if fate.is_answered:
            connection.sendall(answer)

    def _noted(self, request: bytes) -> Passing:
        method, path, _ = request.split(b"\r\n", 1)[0].decode().split(" ", 2)
        with self._lock:
            self.seen.append(Passing(method, path, len(self.seen)))
            return self.seen[-1]

    def _answer(self, request: bytes) -> bytes:
        """What the server says; nothing where it is away, so that the client is hung up on."""
        pieces = []
        try:
            with socket.create_connection(self._target, timeout=_ANSWER_WITHIN) as server:
                server.sendall(request)
                while piece := server.recv(2**16):
                    pieces.append(piece)
        except OSError:
            return b""
        return _without_more(b"".join(pieces))

    def stop(self) -> None:
        self._closing.set()
        super().stop()


def _whole_request(client: BufferedIOBase) -> bytes:
    """Head and body of the next request, which asks the server to close after its answer."""
    lines = []
    while (line := client.readline()) not in (b"", b"\r\n"):
        lines.append(line)
    if not lines:
        return b""
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (e.partition(b":") for e in lines)
    }
    body = client.read(int(headers.get(b"content-length", b"0")))
    kept = [line for line in lines if not line.lower().startswith(b"connection:")]
    return b"".join([*kept, b"Connection: close\r\n\r\n", body])


def _without_more(answer: bytes) -> bytes:
    """*answer*, telling the client not to use its connection again: the proxy hangs up."""
    return answer.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
