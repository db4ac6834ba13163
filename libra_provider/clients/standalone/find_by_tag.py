"""Finds the driver of a submission whose response was lost, by its tag.

A driver's stderr begins with its Launch Command, which contains all properties of the submission.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.standalone import page_lookup, pages
from libra_provider.clients.standalone.create_request import TAG
from libra_provider.clients.submit_once import TagMatches
from libra_provider.core.errors import ServerError
from libra_provider.core.status import DriverLocation

# The clocks of a master and a submitter may differ by this much.
_CLOCKS = 300.0  # seconds
_HEAD = 2**18  # bytes; a class path alone may be longer than a part of the log
_COMMAND = "Launch Command: "


@dataclass(frozen=True, slots=True, kw_only=True)
class TagQuery:
    """A submission of which only its tag is known; it was sent between *since* and *until*.

    ``main_class`` is that of its driver, or None if unknown.
    """

    tag: str
    since: datetime
    until: datetime | None = None
    main_class: str | None = None

    def may_be(self, driver: pages.Driver) -> bool:
        """Return whether *driver*, as the master lists it, can be the one of this submission."""
        if self.main_class not in (None, driver.main_class):
            return False
        if self.until and driver.submitted > self.until.timestamp() + _CLOCKS:
            return False
        return driver.submitted > self.since.timestamp() - _CLOCKS


def carriers(sought: TagQuery, ui_urls: Sequence[str]) -> Dialogue[TagMatches]:
    """Return the drivers with the tag of *sought*.

    Raises ServerError if the page of no leading master can be read.
    """
    cluster = yield from page_lookup.leading(ui_urls)
    active = {each.driver_id for each in cluster.drivers}
    verdicts: dict[str, str] = {}
    candidates = filter(sought.may_be, [*cluster.drivers, *cluster.ended_drivers])
    for driver in sorted(candidates, key=lambda each: (each.submitted, each.driver_id)):
        alive = driver.driver_id in active
        verdicts[driver.driver_id] = yield from _verdict(driver, sought.tag, ui_urls, alive=alive)
    return TagMatches(
        carriers=[driver_id for driver_id, found in verdicts.items() if found == _CARRIES],
        waiting=[driver_id for driver_id, found in verdicts.items() if found == _WAITS],
        undecided={name: found for name, found in verdicts.items() if found not in _SETTLED},
    )


_CARRIES, _WAITS, _ANOTHER = "it has the tag", "it has not started", "it is another driver"
_SETTLED = (_CARRIES, _WAITS, _ANOTHER)


def _verdict(
    driver: pages.Driver, tag: str, ui_urls: Sequence[str], *, alive: bool
) -> Dialogue[str]:
    """Return one of the three above, or why it is unknown."""
    if driver.worker_id is None:
        # A driver that ended without a worker has never run.
        return _WAITS if alive else _ANOTHER
    try:
        head = yield from _head(driver, ui_urls)
    except ServerError as error:
        return str(error)
    if f"{TAG}={tag}" in head:
        return _CARRIES
    if _COMMAND in head:
        return _ANOTHER
    return _WAITS if alive else "it ended without a log"


def _head(driver: pages.Driver, ui_urls: Sequence[str]) -> Dialogue[str]:
    location = DriverLocation(where="", worker_id=driver.worker_id)
    worker = yield from page_lookup.worker_ui(location, ui_urls)
    part: pages.LogPart = yield Ask(
        pages.driver_log(driver.driver_id, "stderr", offset=0, length=_HEAD), worker
    )
    return part.text
