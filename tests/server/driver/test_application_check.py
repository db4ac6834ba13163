"""What is known of an application's end: asked at pages that a real port serves."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from libra_provider.server.driver.application_check import doubts
from libra_provider.server.isolated_settings import IsolatedSettings
from libra_provider.server.settings import Settings
from libra_provider.server.timing import DriverTiming

APPLICATION = "app-1"


class Pages(ThreadingHTTPServer):
    """A master's and its one worker's page, at the same port; how often each says the app is there.

    Both are asked at ``/json/``, the worker below ``/worker``.
    """

    def __init__(self, *, listed: int, executed: int) -> None:
        self.left = {"/json/": listed, "/worker/json/": executed}
        super().__init__(("127.0.0.1", 0), Page)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def body(self, path: str) -> dict[str, Any]:
        self.left[path] -= 1
        is_there = self.left[path] >= 0
        if path == "/worker/json/":
            return {"executors": [{"appid": APPLICATION}] if is_there else []}
        application = {"id": APPLICATION, "name": "Libra", "state": "RUNNING", "cores": 1}
        worker = {
            "id": "worker-1",
            "host": "h",
            "webuiaddress": f"{self.url}/worker",
            "state": "ALIVE",
            "coresfree": 1,
            "memoryfree": 1,
        }
        return {
            "status": "ALIVE",
            "workers": [worker],
            "activeapps": [application] if is_there else [],
            "activedrivers": [],
            "completeddrivers": [],
        }


class Page(BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        body = json.dumps(self.server.body(self.path)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def pages(request: pytest.FixtureRequest) -> Iterator[Pages]:
    listed, executed = request.param
    with Pages(listed=listed, executed=executed) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


def asked(url: str, *, within: float, master: str = "spark://m:7077") -> str:
    settings = Settings(master=master, isolated=IsolatedSettings(ui_urls=[url]))
    timing = DriverTiming(gone_again=0.02, gone_unseen=0.1)
    return asyncio.run(doubts(settings, APPLICATION, within=within, timing=timing))


@pytest.mark.parametrize("pages", [(0, 0), (2, 0), (0, 2), (2, 2)], indirect=True)
def test_an_application_is_gone_when_neither_master_nor_worker_has_it(pages: Pages) -> None:
    assert asked(pages.url, within=60) == ""
    assert max(pages.left.values()) < 0


@pytest.mark.parametrize(
    ("pages", "where"),
    [((10**6, 0), "the master still lists it"), ((0, 10**6), "worker-1 still has one")],
    indirect=["pages"],
)
def test_what_is_left_after_the_time_is_said(pages: Pages, where: str) -> None:
    said = asked(pages.url, within=3)

    assert said == f"executors of {APPLICATION} may still run ({where})"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "no url"])
def test_pages_that_are_not_there_leave_a_doubt_that_names_the_setting(url: str) -> None:
    said = asked(url, within=60)

    assert f"executors of {APPLICATION} may still run" in said
    assert "isolated.ui_urls" in said


def test_with_a_master_inside_the_driver_there_is_nothing_to_ask() -> None:
    assert asked("http://127.0.0.1:1", within=60, master="local[2]") == ""
