"""Drivers on the cluster, through the masters' REST API; they outlive Libra."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime
from functools import cached_property, partial

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.standalone import page_lookup, pages, rest
from libra_provider.clients.standalone.create_request import create_request
from libra_provider.clients.standalone.find_by_tag import TagMatches, TagQuery, carriers
from libra_provider.clients.standalone.pages import LogPart
from libra_provider.core.errors import (
    JobLost,
    ProtocolError,
    ServerBusy,
    ServerError,
    ServerUnreachable,
)
from libra_provider.core.job import SparkJob
from libra_provider.core.polling import utc_now
from libra_provider.core.states import JobState
from libra_provider.core.status import DriverLocation, JobStatus
from libra_provider.core.units import readable_duration
from libra_provider.server import masters
from libra_provider.server.artifacts.store import ArtifactStore
from libra_provider.server.driver.messages import StatementEnded
from libra_provider.server.errors import NotReady
from libra_provider.server.model.receipt import Receipt
from libra_provider.server.model.statement import State, Statement
from libra_provider.server.runners.base import IsolatedRun, known_end, lost, succeeded
from libra_provider.server.runners.job import job_of
from libra_provider.server.runners.payload import to_worker
from libra_provider.server.runners.poller import DriverPoller
from libra_provider.server.settings import Settings
from libra_provider.server.statement_logs import PART

_log = logging.getLogger(__name__)
_SILENCE = 300.0  # seconds for which a master may be away before a submission
# A POST that was delayed arrives late: what is not there now may be there soon.
_GRACE = 10.0  # seconds
_AGAIN = 1.0  # seconds
_KILL_AGAIN = 5.0  # seconds
_UNDECIDED = (
    "The answer to its submission was lost, and whether there is a driver cannot be said: {doubt};"
    " look for spark.libra.tag={tag} at the head of the drivers' stderr"
)
_NO_REST = (
    "it was asked for {asked}; the REST port must be that of Libra's setting isolated.rest_urls, "
    "and on at the master (spark.master.rest.enabled=true)"
)


class ClusterRunner:
    """One driver at the master for each statement, whose id is its tag."""

    ends_with_libra = False

    def __init__(self, settings: Settings, artifacts: ArtifactStore) -> None:
        self._settings = settings
        self._artifacts = artifacts

    @cached_property
    def _client(self) -> Client:
        return masters.client(self._settings)

    @cached_property
    def _poller(self) -> DriverPoller:
        return DriverPoller(self._client, masters.ui_urls(self._settings))

    async def close(self) -> None:
        """Look no more, and give the connections to the masters back."""
        if "_client" in self.__dict__:  # only then it has asked anything
            await self._poller.close()
            await self._client.aclose()

    async def run(self, errand: IsolatedRun) -> StatementEnded:
        """Submit once, or take up what was submitted, and watch it to its end."""
        try:
            driver_id = errand.statement.driver_id or await self._submit_once(errand)
        except JobLost as error:
            return lost(errand.job_id, error.detail)
        if driver_id is None:
            return _killed(errand, "It was killed before it was submitted.")
        errand.note(driver_id=driver_id)
        killer = asyncio.create_task(self._kill_when_told(errand, driver_id))
        try:
            last = await self._poller.end_of(driver_id, partial(_note, errand))
        finally:
            killer.cancel()
        return _ended(errand, driver_id, last, await errand.receipt())

    async def log_part(self, statement: Statement, stream: str, offset: int) -> LogPart:
        """A part of what the driver has written, from its worker's page; raises NotReady."""
        place = statement.location
        if statement.driver_id is None or place is None or place.worker_id is None:
            return LogPart("", 0, 0, 0)
        try:
            return await self._client.arun(self._log(statement.driver_id, place, stream, offset))
        except ServerError as error:
            sentence = f"The log of {statement.driver_id} cannot be read now: {error}."
            raise NotReady(sentence, retry_after=5) from error

    def _log(
        self, driver_id: str, place: DriverLocation, stream: str, offset: int
    ) -> Dialogue[LogPart]:
        worker = yield from page_lookup.worker_ui(place, masters.ui_urls(self._settings))
        call = pages.driver_log(driver_id, stream, offset=offset, length=PART)
        part: LogPart = yield Ask(call, worker)
        return part

    async def _submit_once(self, errand: IsolatedRun) -> str | None:
        """The driver of *errand*; None if it was killed before there was one."""
        statement, settings = errand.statement, self._settings
        job = await to_worker(job_of(statement, settings), statement, settings, self._artifacts)
        # An earlier Libra may have sent it, and never have heard the answer.
        uncertain, problem = errand.resumed, None
        since = statement.started_at or utc_now()
        gives_up_at = time.monotonic() + _SILENCE
        while True:
            if uncertain and (driver_id := await self._adopted(errand, job, since)):
                return driver_id
            if errand.killed.is_set():
                return None
            if problem and time.monotonic() > gives_up_at:
                raise _told(problem)
            try:
                return await self._submitted(errand, job)
            except ServerError as error:
                problem, uncertain = error, _may_have_arrived(error)
                if not uncertain and not isinstance(error, ServerUnreachable | ServerBusy):
                    raise
                _log.info("Statement %s is not submitted yet: %s", errand.job_id, error)
                await asyncio.sleep(getattr(error, "retry_after", _AGAIN))

    async def _submitted(self, errand: IsolatedRun, job: SparkJob) -> str:
        call = rest.submit(job, errand.job_id, master=self._settings.master)
        return await self._client.asend(call)

    async def _adopted(self, errand: IsolatedRun, job: SparkJob, since: datetime) -> str | None:
        """The driver that carries the tag, once it can be said; raises JobLost if it cannot."""
        main_class = create_request(job, errand.job_id, master=self._settings.master)["mainClass"]
        began = time.monotonic()
        while True:
            await asyncio.sleep(_AGAIN)
            found, doubt = await self._search(errand.job_id, main_class, since)
            if found.carriers:
                return await self._first(errand, found)
            waited = time.monotonic() - began
            if doubt and waited > _SILENCE:
                raise JobLost(errand.job_id, _UNDECIDED.format(doubt=doubt, tag=errand.job_id))
            if not doubt and not found.waiting and waited > _GRACE:
                return None

    async def _search(self, tag: str, main_class: str, since: datetime) -> tuple[TagMatches, str]:
        """What carries *tag*, and what keeps one from being sure."""
        ui_urls = masters.ui_urls(self._settings)
        sought = TagQuery(tag=tag, since=since, main_class=main_class)
        try:
            found = await self._client.arun(carriers(sought, ui_urls))
        except ServerError as error:
            return TagMatches(), f"the master's page cannot be read ({error})"
        return found, f"it may be one of {found.names}" if found.undecided else ""

    async def _first(self, errand: IsolatedRun, found: TagMatches) -> str:
        """The oldest driver with the tag; a second one would do the work twice."""
        first, *others = found.carriers
        for other in others:
            text = "%s and %s are both statement %s; the second is told to stop"
            _log.warning(text, first, other, errand.job_id)
            await self._kill(other)
        return first

    async def _kill_when_told(self, errand: IsolatedRun, driver_id: str) -> None:
        await errand.killed.wait()
        while True:
            await self._kill(driver_id)
            await asyncio.sleep(_KILL_AGAIN)

    async def _kill(self, driver_id: str) -> None:
        try:
            said = await self._client.asend(rest.kill(driver_id))
            _log.info("%s is told to stop: %s", driver_id, said)
        except ServerError as error:
            _log.warning("%s cannot be told to stop: %s", driver_id, error)


def _told(problem: ServerError) -> ServerError:
    """*problem*, after which nothing was submitted; of a port where nobody is, what to do."""
    if not isinstance(problem, ServerUnreachable):
        return problem
    advice = _NO_REST.format(asked=readable_duration(_SILENCE))
    return ServerUnreachable(problem.server, f"{problem.problem}; {advice}")


def _may_have_arrived(error: ServerError) -> bool:
    # A proxy that answers in its own words may have passed the request on.
    return bool(getattr(error, "may_have_arrived", isinstance(error, ProtocolError)))


def _note(errand: IsolatedRun, status: JobStatus) -> None:
    location = status.location
    if status.state is JobState.WAITING:
        why = status.detail or "for a worker"
        location = DriverLocation(where=f"at the master, waiting: {why}")
    if location:
        errand.note(location=location)


def _killed(errand: IsolatedRun, sentence: str) -> StatementEnded:
    return StatementEnded(job_id=errand.job_id, state=State.CANCELLED, error=sentence)


def _ended(
    errand: IsolatedRun, driver_id: str, last: JobStatus, receipt: Receipt | None
) -> StatementEnded:
    """*last* in Libra's words; what the driver itself has said is better than what is missing."""
    if last.state is JobState.SUCCEEDED:
        return succeeded(errand, receipt)
    if last.state is JobState.KILLED:
        by_us = errand.killed.is_set()
        return _killed(errand, "It was killed." if by_us else f"{driver_id} was killed elsewhere.")
    said = known_end(errand, receipt)
    if last.state is JobState.LOST:
        return said or lost(errand.job_id, f"{driver_id}: {last.detail}")
    # A driver that had said how it ends may have lost its worker then.
    if said and (last.worker_lost or said.state == State.FAILED):
        return said
    why = last.detail or f"{driver_id} failed; its log may say why."
    return StatementEnded(job_id=errand.job_id, state=State.FAILED, error=why)
