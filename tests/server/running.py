"""Libra on a real port of this process, its driver host a real process that only lacks Spark."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import requests
import uvicorn

from libra_provider.server.app import create_app
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.serving import configured, listening
from libra_provider.server.settings import Settings
from libra_provider.server.timing import ServerTiming

FAKE_HOST = (sys.executable, str(Path(__file__).with_name("fake_host.py")))


class RunningLibra:
    """A context manager; its methods are requests to the server."""

    def __init__(self, settings: Settings, timing: ServerTiming | None = None) -> None:
        self._listener = listening(settings)
        self.port = self._listener.getsockname()[1]
        settings = replace(settings, port=self.port)
        self.url = settings.address
        self.folder = settings.data_dir
        self._ledger = Ledger(settings.ledger_url)
        timing = timing or ServerTiming()
        app = create_app(settings, self._ledger, host_command=FAKE_HOST, timing=timing)
        self._server = uvicorn.Server(configured(app, settings, timing))
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],))
        self._session = requests.Session()

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._server.should_exit = True
        self._thread.join()
        self._ledger.close()
        self._listener.close()

    def ready(self, *, code: int = 200) -> str:
        """What ``/readyz`` says once it answers *code*."""
        deadline = time.monotonic() + 300
        while (reply := self.get("/readyz")).status_code != code:
            assert time.monotonic() < deadline, reply.text
            time.sleep(0.02)
        return reply.text

    def request(self, verb: str, path: str, **how: Any) -> requests.Response:
        return self._session.request(verb, self.url + path, timeout=360, **how)

    def get(self, path: str, **how: Any) -> requests.Response:
        return self.request("GET", path, **how)

    def post(self, path: str, **how: Any) -> requests.Response:
        return self.request("POST", path, **how)

    def delete(self, path: str, **how: Any) -> requests.Response:
        return self.request("DELETE", path, **how)
