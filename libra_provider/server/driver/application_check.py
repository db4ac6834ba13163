"""Whether an application is gone from its cluster, executors included: they may still write."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import page_lookup, pages
from libra_provider.core.errors import BadInput, ServerError
from libra_provider.server import masters
from libra_provider.server.settings import Settings

_AGAIN = 0.1
# A page that is not there now seldom comes back while the next driver waits: about three seconds.
_FAILURES = 30


async def doubts(settings: Settings, application_id: str | None, *, within: float) -> str:
    """What is not known of the application's end after *within* seconds; empty if it is gone.

    With a master in the driver's own JVM, everything has ended with that.
    """
    if application_id is None or not settings.master.startswith("spark://"):
        return ""
    unknown = f"whether executors of {application_id} still run is not known"
    try:
        look = _Look(application_id, masters.ui_urls(settings), settings.isolated.verify)
        await asyncio.wait_for(look.until_gone(), within)
    except (BadInput, ServerError) as error:
        return f"{unknown} ({error}; isolated.ui_urls says where the master's page is)"
    except TimeoutError:
        return f"{unknown} ({look.found})"
    return ""


class _Look:
    """``found`` says what is left of the application; *ui_urls* are the pages of its masters."""

    def __init__(self, application_id: str, ui_urls: Sequence[str], verify: bool | str) -> None:
        self._application_id, self._ui_urls = application_id, ui_urls
        self._client = Client([ServerAddress(url=url, verify=verify) for url in ui_urls])
        self._failures = 0
        self.found = "no page has answered"

    async def until_gone(self) -> None:
        """Return once nothing is left; raises ServerError when the pages stay away."""
        try:
            while await self._is_left():  # noqa: ASYNC110  # nobody tells, one has to look
                await asyncio.sleep(_AGAIN)
        finally:
            await self._client.aclose()

    async def _is_left(self) -> bool:
        try:
            self.found = await self._client.arun(_remains(self._application_id, self._ui_urls))
        except ServerError:
            self._failures += 1
            if self._failures >= _FAILURES:
                raise
            return True
        return bool(self.found)


def _remains(application_id: str, ui_urls: Sequence[str]) -> Dialogue[str]:
    """What is left of the application, in words; raises ServerError where a page is away."""
    cluster = yield from page_lookup.leading(ui_urls)
    if application_id in [each.application_id for each in cluster.applications]:
        return "the master still lists it"
    for worker in cluster.alive:
        running: Sequence[str] = yield Ask(pages.executors(), worker.ui_url)
        if application_id in running:
            return f"{worker.worker_id} still has one"
    return ""
