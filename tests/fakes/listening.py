"""A server of threads on a loopback port, for as long as its block lasts."""

from __future__ import annotations

import socketserver
import threading
from typing import Self

from libra_provider.cluster.startable import Startable


class Listening(Startable):
    """What fakes share that hand *server* their requests."""

    def __init__(self, server: socketserver.ThreadingMixIn) -> None:
        assert isinstance(server, socketserver.TCPServer)
        self._server = server
        server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
