"""A driver on a standalone cluster, polled through REST port and web pages together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.observation import LogLine, Observation
from libra_provider.clients.standalone import page_lookup, pages, rest
from libra_provider.clients.standalone.diagnosis import why_starving, why_waiting
from libra_provider.clients.standalone.driver_log import DriverLog
from libra_provider.clients.standalone.page_lookup import ClusterPages
from libra_provider.core.errors import ServerError
from libra_provider.core.polling import utc_now
from libra_provider.core.states import JobState
from libra_provider.core.status import DriverLocation, JobStatus

# A page behind a firewall takes seconds to fail: the state must not wait for it at each poll.
_PAGES_REST = timedelta(seconds=60)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a poll has found out, and when."""

    state: JobState
    detail: str
    has_executors: bool | None
    moment: datetime


class DriverView:
    """Polls one driver, and remembers what earlier polls have found out.

    If pages cannot be read, the observation lacks their part, and has a warning once. Without
    *with_log*, it has no lines; the log is then read only until it shows the application's id.
    Views of one cluster may share its *pages*.
    """

    # A triggerer holds thousands.
    __slots__ = (
        *("_has_executors", "_log", "_pages", "_pages_from", "_seen", "_warned", "_with_log"),
        *("_worker_id", "_worker_ui", "driver_id"),
    )

    def __init__(
        self, driver_id: str, pages: ClusterPages | Sequence[str], *, with_log: bool = True
    ) -> None:
        self.driver_id = driver_id
        self._pages = pages if isinstance(pages, ClusterPages) else ClusterPages(pages)
        self._with_log = with_log
        self._log = DriverLog(driver_id)
        self._worker_id = self._worker_ui = ""
        self._has_executors = False
        self._seen: _Seen | None = None
        self._warned = False
        self._pages_from = _LONG_AGO

    @property
    def job_id(self) -> str:
        """The driver's id."""
        return self.driver_id

    def look(self) -> Dialogue[Observation]:
        """Return the status of the driver, and the lines of its log since the last poll."""
        return (yield from self.details((yield from self.state())))

    def state(self) -> Dialogue[JobStatus]:
        """Return the status of the driver from the master's REST port."""
        status: JobStatus = yield Ask(rest.status(self.driver_id))
        return status

    def has_details(self, status: JobStatus) -> bool:
        """Return whether pages add something to *status*; it may already say why it waits."""
        if status.state is JobState.WAITING:
            return not status.detail
        unknown = self._log.application_id is None or not self._has_executors
        return self._with_log or unknown or status.state is not JobState.RUNNING

    def details(self, status: JobStatus) -> Dialogue[Observation]:
        """Return *status* with what the pages add to it; errors of pages become a warning."""
        lines: list[LogLine] = []
        warning = ""
        if status.state.is_terminal or utc_now() >= self._pages_from:
            try:
                lines = yield from self._new_lines(status)
                status = yield from self._explain(status)
            except ServerError as error:
                status, warning = self._without_pages(status, error)
        status = self._located(status)
        self._seen = _Seen(status.state, status.detail, status.has_executors, utc_now())
        return Observation(status, tuple(lines), warning, more=self._log.more)

    def known(self, status: JobStatus) -> JobStatus:
        """Return *status* with the location and reasons that earlier polls have found out."""
        if status.location and status.location.worker_id != self._worker_id:
            return status  # nothing is known about this worker yet
        status = self._located(status)
        seen = self._seen
        if seen is None or seen.state is not status.state:
            return status
        return replace(
            status, detail=status.detail or seen.detail, has_executors=seen.has_executors
        )

    def whole_log(self) -> Dialogue[list[LogLine]]:
        """Return every line that the driver has written; raises ServerError without its page."""
        status: JobStatus = yield Ask(rest.status(self.driver_id))
        if status.location is None:
            return []
        ui = yield from self._ui_at(status.location)
        return (yield from DriverLog(self.driver_id).new_lines(ui, to_the_end=True))

    def _without_pages(self, status: JobStatus, error: ServerError) -> tuple[JobStatus, str]:
        why = f"Could not read the web pages about {self.driver_id}: {error}"
        if status.state is JobState.FAILED:
            detail = "; ".join(
                filter(None, [status.detail, f"its log could not be read ({error})"])
            )
            status = replace(status, detail=detail)
        warned, self._warned = self._warned, True
        self._pages_from = utc_now() + _PAGES_REST
        return status, "" if warned else why

    def _explain(self, status: JobStatus) -> Dialogue[JobStatus]:
        """Return *status* with the explanation that the pages add to it."""
        match status.state:
            case JobState.WAITING:
                self._has_executors = False  # a relaunched driver starts over
                cluster = yield from self._pages.leading()
                return replace(status, detail=why_waiting(self.driver_id, cluster))
            case JobState.RUNNING if self._log.application_id and not self._has_executors:
                cluster = yield from self._pages.leading()
                return self._with_executors(status, cluster)
            case JobState.FAILED if status.location:
                ui = yield from self._ui_at(status.location)
                why = yield from page_lookup.first_exception(self.driver_id, ui)
                return replace(status, detail="; ".join(filter(None, [status.detail, why])))
            case JobState.LOST:
                cluster = yield from self._pages.leading()
                return replace(status, detail=f"{status.detail}; {self._last_seen(cluster)}")
            case _:
                return status

    def _with_executors(self, status: JobStatus, cluster: pages.Cluster) -> JobStatus:
        for application in cluster.applications:
            if application.application_id == self._log.application_id:
                reason = why_starving(application, cluster)
                self._has_executors = not reason
                return replace(status, detail=reason, has_executors=not reason)
        return status

    def _last_seen(self, cluster: pages.Cluster) -> str:
        seen = "was never seen by this try"
        if self._seen:
            seen = f"was last seen {self._seen.state} at {self._seen.moment:%H:%M:%S} UTC"
        return f"it {seen}; the master lists {len(cluster.ended_drivers)} ended drivers"

    def _new_lines(self, status: JobStatus) -> Dialogue[list[LogLine]]:
        wanted = self._with_log or self._log.application_id is None
        if status.location is None or not wanted:
            return []
        ui = yield from self._ui_at(status.location)
        lines = yield from self._log.new_lines(ui, to_the_end=status.state.is_terminal)
        return lines if self._with_log else []

    def _ui_at(self, location: DriverLocation) -> Dialogue[str]:
        """Return the page of the driver's worker; a supervised driver may restart on another."""
        if location.worker_id != self._worker_id:
            url = yield from self._pages.worker_ui(location)
            self._log = self._log if not self._worker_id else DriverLog(self.driver_id)
            self._worker_id, self._worker_ui = str(location.worker_id), url
        return self._worker_ui

    def _located(self, status: JobStatus) -> JobStatus:
        if status.location is None:
            return status
        port, ui = self._log.spark_ui_port, self._worker_ui
        page = pages.driver_log_page(ui, self.driver_id) if ui else None
        location = replace(
            status.location,
            application_id=self._log.application_id,
            spark_ui=f"http://{status.location.host}:{port}" if port else None,
            log_url=page,
        )
        return replace(status, location=location)
