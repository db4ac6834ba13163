"""Polls many drivers of one cluster together, from the master's page."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.standalone import rest
from libra_provider.clients.standalone.diagnosis import why_waits
from libra_provider.clients.standalone.page_lookup import ClusterPages
from libra_provider.clients.standalone.pages import Cluster, Driver
from libra_provider.clients.standalone.rest import STATE_OF_WORD
from libra_provider.clients.standalone.view import DriverView
from libra_provider.core.errors import ServerError
from libra_provider.core.states import JobState
from libra_provider.core.status import DriverLocation, JobStatus

# A page lists every driver of the cluster; up to this many are polled one by one instead.
_FEW = 4


@dataclass(frozen=True)
class PageTiming:
    """How old the master's page, which can have megabytes, may be; seconds."""

    states: float = 1.0
    """For the states of drivers."""
    details: float = 5.0
    """For where one runs, and why it waits."""
    retry: float = 60.0
    """Until a page that could not be read is requested again: behind a firewall, that takes seconds
    to fail, and the states would wait for it each time."""


_DEFAULT = PageTiming()


class DriverGroup:
    """The drivers of the cluster whose masters have their pages at *ui_urls*."""

    def __init__(self, ui_urls: Sequence[str], timing: PageTiming = _DEFAULT) -> None:
        self._pages, self._timing = ClusterPages(ui_urls, fresh_for=timing.details), timing
        self._page_from = 0.0

    def view(self, job_id: str, *, with_log: bool) -> ListedDriver:
        """Return a view of driver *job_id* that shares the master's page with the others."""
        return ListedDriver(job_id, self._pages, with_log=with_log)

    def together(self, views: Sequence[ListedDriver]) -> Dialogue[Mapping[str, JobStatus] | None]:
        """Return the status of those that the page lists as active; none if there are only a few.

        Returns None if no page can be read. Raises ServerError if the master does not respond.
        """
        if len(views) <= _FEW:
            return {}
        cluster = yield from self._page()
        if cluster is None:
            return None
        listed = {each.driver_id: each for each in cluster.drivers}
        reader = _Reader(cluster)
        return {
            view.job_id: view.listed_as(driver, reader)
            for view in views
            if (driver := listed.get(view.job_id)) and driver.state in STATE_OF_WORD
        }

    def _page(self) -> Dialogue[Cluster | None]:
        if time.monotonic() >= self._page_from:
            try:
                return (yield from self._pages.leading(fresh_for=self._timing.states))
            except ServerError:
                yield Ask(rest.ready())
                self._page_from = time.monotonic() + self._timing.retry
        else:
            yield Ask(rest.ready())
        return None


class ListedDriver(DriverView):
    """A driver whose status is read from the master's page."""

    __slots__ = ("_listed",)

    def __init__(self, driver_id: str, pages: ClusterPages, *, with_log: bool) -> None:
        super().__init__(driver_id, pages, with_log=with_log)
        self._listed: JobStatus | None = None

    def listed_as(self, driver: Driver, reader: _Reader) -> JobStatus:
        """Return its status by the page, as the same object for as long as it is equal."""
        state, worker = STATE_OF_WORD[driver.state], driver.worker_id
        why = reader.why_waits(driver) if worker is None else ""
        if self._listed is None or _facts(self._listed) != (state, worker, why):
            location = reader.location(driver)
            self._listed = JobStatus(job_id=self.job_id, state=state, detail=why, location=location)
        return self._listed


class _Reader:
    """One page, and its diagnoses, which are cached for drivers with the same request."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._reasons: dict[tuple[int, int], str] = {}
        self._places = {
            each.worker_id: _place(each.worker_id, each.host) for each in cluster.workers
        }

    def why_waits(self, driver: Driver) -> str:
        """Return why *driver* waits; empty if it does not."""
        if STATE_OF_WORD[driver.state] is not JobState.WAITING:
            return ""
        request = (driver.cores, driver.memory_mib)
        if request not in self._reasons:
            self._reasons[request] = why_waits(driver, self._cluster)
        return self._reasons[request]

    def location(self, driver: Driver) -> DriverLocation | None:
        """Return where *driver* runs, in the form of the REST port; None if it does not run yet."""
        worker = driver.worker_id
        if worker is None:
            return None
        return self._places.get(worker) or _place(worker, None)


def _facts(status: JobStatus) -> tuple[JobState, str | None, str]:
    """Return what the page shows of a driver with *status*: state, worker, why it waits."""
    worker = status.location.worker_id if status.location else None
    return status.state, worker, status.detail


def _place(worker_id: str, host: str | None) -> DriverLocation:
    return DriverLocation(where=f"on worker {worker_id}", host=host, worker_id=worker_id)
