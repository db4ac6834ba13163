"""Whether an application is gone from its cluster, executors included: they may still write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import page_lookup, pages
from libra_provider.core.errors import BadInput, ServerError
from libra_provider.server import masters
from libra_provider.server.settings import Settings
from libra_provider.server.timing import DEFAULT, DriverTiming


async def doubts(
    settings: Settings,
    application_id: str | None,
    *,
    within: float,
    timing: DriverTiming = DEFAULT.driver,
) -> str:
    """Return what is unknown of the application's end after *within* seconds; empty if it is gone.

    With a local master, everything has ended with the driver's JVM.
    """
    if application_id is None or not settings.master.startswith("spark://"):
        return ""
    unknown = f"executors of {application_id} may still run"
    try:
        urls, verify = masters.ui_urls(settings), settings.isolated.verify
        look = _Look(application_id, urls, verify, timing)
        await asyncio.wait_for(look.until_gone(), within)
    except (BadInput, ServerError) as error:
        return f"{unknown} ({error}; set isolated.ui_urls to the master's web UI)"
    except TimeoutError:
        return f"{unknown} ({look.found})"
    return ""


class _Look:
    """``found`` is what is left of the application; *ui_urls* are the web UIs of its masters."""

    def __init__(
        self,
        application_id: str,
        ui_urls: Sequence[str],
        verify: bool | str,
        timing: DriverTiming,
    ) -> None:
        self._application_id, self._ui_urls, self._timing = application_id, ui_urls, timing
        self._client = Client([ServerAddress(url=url, verify=verify) for url in ui_urls])
        self._lost_since: float | None = None
        self.found = "no web UI has responded"

    async def until_gone(self) -> None:
        """Return once nothing is left; raises ServerError if the web UIs do not respond."""
        try:
            while await self._is_left():  # noqa: ASYNC110  # Spark has no notification
                await asyncio.sleep(self._timing.gone_again)
        finally:
            await self._client.aclose()

    async def _is_left(self) -> bool:
        try:
            self.found = await self._client.arun(_remains(self._application_id, self._ui_urls))
        except ServerError:
            now = time.monotonic()
            self._lost_since = self._lost_since or now
            if now - self._lost_since >= self._timing.gone_unseen:
                raise
            return True
        self._lost_since = None
        return bool(self.found)


def _remains(application_id: str, ui_urls: Sequence[str]) -> Dialogue[str]:
    """Return what is left of the application, in words; raises ServerError without a web UI."""
    cluster = yield from page_lookup.leading(ui_urls)
    if application_id in [each.application_id for each in cluster.applications]:
        return "the master still lists it"
    for worker in cluster.alive:
        running: Sequence[str] = yield Ask(pages.executors(), worker.ui_url)
        if application_id in running:
            return f"{worker.worker_id} still has one"
    return ""
