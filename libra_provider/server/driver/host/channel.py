"""The host's connection to the API process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable

from libra_provider.server.driver.messages import Message, decode, encode


class Channel:
    """The socket at *descriptor*: any thread may send, one receives."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._lock = threading.Lock()

    def say(self, message: Message) -> None:
        """Send *message*; returns when it has left this process."""
        with self._lock:
            self._socket.sendall(encode(message))

    def heard(self) -> Iterable[Message]:
        """Yield each message of the API process until that process ends."""
        with self._socket.makefile("rb") as lines:
            yield from map(decode, lines)
