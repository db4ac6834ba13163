"""Watches every driver of this Libra by one page of the master per round."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from libra_provider.clients.http.client import Client
from libra_provider.clients.standalone import page_lookup
from libra_provider.clients.standalone.view import DriverView
from libra_provider.core.errors import ServerError
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.server.timing import DEFAULT, ClusterTiming

_log = logging.getLogger(__name__)
_AT_ONCE = 16  # requests of one round that run at the same time


class WatchedDriver:
    """What is known about one driver, and when to poll it again."""

    def __init__(
        self,
        driver_id: str,
        view: DriverView,
        notify: Callable[[JobStatus], None],
        timing: ClusterTiming = DEFAULT.cluster,
    ) -> None:
        self.driver_id, self.notify, self._timing = driver_id, notify, timing
        self.over: asyncio.Future[JobStatus] = asyncio.get_running_loop().create_future()
        self._view = view
        self._word: str | None = ""
        self._status: JobStatus | None = None
        self._since = self._looked = time.monotonic()
        self._unreachable = False

    def is_due(self, words: Mapping[str, str] | None) -> bool:
        """Whether to poll it now, given the states on the master's page (None: no page)."""
        silence = time.monotonic() - self._looked
        if words is None:
            return self._status is None or silence >= self._timing.without_page
        word = words.get(self.driver_id)
        # A driver that is no longer listed as active has ended, or was forgotten.
        if word is None or word != self._word:
            self._word = word
            return True
        return silence >= self._patience()

    def _patience(self) -> float:
        status, now = self._status, time.monotonic()
        if status is None:
            return 0.0
        if status.state is JobState.WAITING:
            return self._timing.waiting
        known = status.location is not None and status.location.application_id is not None
        is_settled = known or now - self._since > self._timing.new_for
        return float("inf") if is_settled else self._timing.new

    async def look(self, client: Client) -> None:
        """Poll the driver once and report changes; if the master does not respond, retry later."""
        self._looked = time.monotonic()
        try:
            status = (await client.arun(self._view.look())).status
        except ServerError as error:
            self._warn(error)
            self._word = ""
            return
        self._unreachable = False
        if self._status is None or status.state is not self._status.state:
            self._since = self._looked
        changed, self._status = status != self._status, status
        if changed:
            self.notify(status)
        if status.state.is_terminal and not self.over.done():
            self.over.set_result(status)

    def _warn(self, error: ServerError) -> None:
        if not self._unreachable:
            _log.warning("%s; retrying until it reports the state of %s", error, self.driver_id)
        self._unreachable = True


class DriverPoller:
    """Polls all drivers together; sends no requests while there are none."""

    def __init__(
        self, client: Client, ui_urls: Sequence[str], timing: ClusterTiming = DEFAULT.cluster
    ) -> None:
        self._client, self._ui_urls, self._timing = client, ui_urls, timing
        self._watched: dict[str, WatchedDriver] = {}
        self._rounds: asyncio.Task[None] | None = None

    async def end_of(self, driver_id: str, notify: Callable[[JobStatus], None]) -> JobStatus:
        """Wait for the last status of *driver_id*; call *notify* with each new one."""
        view = DriverView(driver_id, self._ui_urls, with_log=False)
        watched = self._watched[driver_id] = WatchedDriver(driver_id, view, notify, self._timing)
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._keep_looking(), name="driver poller")
        try:
            return await watched.over
        finally:
            del self._watched[driver_id]

    async def close(self) -> None:
        """Stop polling; a request that is under way would outlive the connections."""
        if self._rounds:
            self._rounds.cancel()
            await asyncio.wait([self._rounds])

    async def _keep_looking(self) -> None:
        while self._watched:
            try:
                await self._round()
            except Exception:  # noqa: BLE001 - one unexpected response must not end all watches
                _log.exception("Could not poll the drivers")
            await asyncio.sleep(self._timing.every)
        self._rounds = None

    async def _round(self) -> None:
        words = await self._words()
        slots = asyncio.Semaphore(_AT_ONCE)

        async def look(watched: WatchedDriver) -> None:
            async with slots:
                await watched.look(self._client)

        due = [each for each in list(self._watched.values()) if each.is_due(words)]
        await asyncio.gather(*map(look, due))

    async def _words(self) -> Mapping[str, str] | None:
        """Spark's state of each active driver, or None if no page is available."""
        try:
            cluster = await self._client.arun(page_lookup.leading(self._ui_urls))
        except ServerError:
            return None
        return {each.driver_id: each.state for each in cluster.drivers}
