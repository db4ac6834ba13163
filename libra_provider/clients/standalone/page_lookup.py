"""Finds the web pages of the leading master, and of the worker that runs a driver."""

from __future__ import annotations

import time
from collections.abc import Sequence

from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.observation import STREAMS
from libra_provider.clients.standalone import pages
from libra_provider.core.errors import ServerError
from libra_provider.core.masking import masked_text
from libra_provider.core.status import DriverLocation


def leading(ui_urls: Sequence[str]) -> Dialogue[pages.Cluster]:
    """Return the page of the leading master; that of a standby lists nothing.

    Raises ServerError if none of *ui_urls* leads to it.
    """
    problem = ServerError("spark master", "no ui_urls are set; set them in the connection")
    for url in ui_urls:
        try:
            found: pages.Cluster = yield Ask(pages.cluster(), url)
        except ServerError as error:
            problem = error
        else:
            if found.status == "ALIVE":
                return found
            problem = ServerError(url, f"this master is {found.status}")
    raise problem


def worker_ui(location: DriverLocation, ui_urls: Sequence[str]) -> Dialogue[str]:
    """Return the URL of the page of the worker at *location*, or of the master's proxy for it.

    With ``spark.ui.reverseProxy``, a worker's own address is often unreachable.
    """
    cluster = yield from leading(ui_urls)
    own = [each.ui_url for each in cluster.workers if each.worker_id == location.worker_id]
    proxied = [f"{url}/proxy/{location.worker_id}" for url in ui_urls]
    problem = ServerError(
        ", ".join(ui_urls), f"the master does not list worker {location.worker_id}"
    )
    for url in [*own, *proxied] if own else []:
        try:
            yield Ask(pages.worker_page(), url)
        except ServerError as error:
            problem = problem if url in proxied else error
        else:
            return url
    raise problem


class ClusterPages:
    """The pages of one cluster, shared by the views of its drivers.

    The master's page is cached for *fresh_for* seconds, unless a caller requests otherwise.
    """

    def __init__(self, ui_urls: Sequence[str], *, fresh_for: float = 0.0) -> None:
        self._ui_urls = tuple(ui_urls)
        self._fresh_for = fresh_for
        self._page: tuple[float, pages.Cluster] | None = None
        self._workers: dict[str | None, str] = {}

    def leading(self, *, fresh_for: float | None = None) -> Dialogue[pages.Cluster]:
        """Return the page of the leading master; raises ServerError."""
        seconds = self._fresh_for if fresh_for is None else fresh_for
        if self._page and time.monotonic() < self._page[0] + seconds:
            return self._page[1]
        found = yield from leading(self._ui_urls)
        self._page = (time.monotonic(), found)
        return found

    def worker_ui(self, location: DriverLocation) -> Dialogue[str]:
        """Return the URL of the page of the worker at *location*; raises ServerError."""
        if location.worker_id not in self._workers:
            self._workers[location.worker_id] = yield from worker_ui(location, self._ui_urls)
        return self._workers[location.worker_id]


def first_exception(driver_id: str, worker_ui: str) -> Dialogue[str]:
    """Return the first exception at the end of the driver's log, without secrets; empty if none."""
    for stream in STREAMS:
        log: pages.LogPart = yield Ask(pages.driver_log(driver_id, stream), worker_ui)
        if found := pages.first_exception(log.text):
            return masked_text(found)
    return ""
