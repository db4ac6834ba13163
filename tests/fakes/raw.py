"""A server of bytes on a real port, with a thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

from libra_provider.cluster.startable import Startable


class RawServer(Startable):
    """A context manager. ``url`` is where it listens; ``_serve`` gets each connection."""

    schema = "http"

    def __init__(self) -> None:
        self.connections = 0
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def url(self) -> str:
        return f"{self.schema}://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                self.connections += 1
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def start(self) -> Self:
        self._threads[0].start()
        return self

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()
