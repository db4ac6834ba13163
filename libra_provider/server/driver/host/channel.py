"""The host's connection to the API process, and its heartbeats."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable

from libra_provider.server.driver.host.timing import DEFAULT
from libra_provider.server.driver.messages import Heartbeat, Message, decode, encode


class Channel:
    """The socket at *descriptor*: any thread may send, one receives."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._lock = threading.Lock()

    def say(self, message: Message) -> None:
        """Send *message*; returns when it has left this process."""
        with self._lock:
            self._socket.sendall(encode(message))

    def messages(self) -> Iterable[Message]:
        """Yield each message of the API process until that process ends."""
        with self._socket.makefile("rb") as lines:
            yield from map(decode, lines)

    def start_heartbeats(
        self, is_over: Callable[[], bool], *, every: float = DEFAULT.heartbeat
    ) -> None:
        """Send a heartbeat *every* second until *is_over*, which waits for the JVM if it stalls.

        On a separate thread with its own connection to the JVM: statements do not delay it.
        """

        def beat() -> None:
            while not is_over():
                self.say(Heartbeat())
                time.sleep(every)

        threading.Thread(target=beat, daemon=True, name="heartbeat").start()
