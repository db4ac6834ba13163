"""Drivers on the cluster, through the masters' REST API; they outlive Libra."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import cached_property, partial

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.standalone import page_lookup, pages
from libra_provider.clients.standalone.pages import LogPart
from libra_provider.clients.standalone.submission import DriverSubmission, killing
from libra_provider.clients.steps import arun
from libra_provider.clients.stop import Stop
from libra_provider.core.errors import (
    JobKilled,
    ServerError,
    ServerUnreachable,
    UndecidedSubmission,
)
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
from libra_provider.server.timing import DEFAULT, ClusterTiming

_log = logging.getLogger(__name__)
_UNDECIDED = "The answer to its submission was lost, and whether there is a driver is unknown"
_NO_REST = (
    "it was tried for {after}; the REST port must be that of Libra's setting isolated.rest_urls, "
    "and on at the master (spark.master.rest.enabled=true)"
)


class ClusterRunner:
    """One driver at the master for each statement, whose id is its tag."""

    ends_with_libra = False

    def __init__(
        self,
        settings: Settings,
        artifacts: ArtifactStore,
        timing: ClusterTiming = DEFAULT.cluster,
    ) -> None:
        self._settings = settings
        self._artifacts = artifacts
        self._timing = timing

    @cached_property
    def _client(self) -> Client:
        return masters.client(self._settings)

    @cached_property
    def _poller(self) -> DriverPoller:
        return DriverPoller(self._client, masters.ui_urls(self._settings), self._timing)

    async def close(self) -> None:
        """Look no more, and give the connections to the masters back."""
        if "_client" in self.__dict__:  # only then it has asked anything
            await self._poller.close()
            await self._client.aclose()

    async def run(self, errand: IsolatedRun) -> StatementEnded:
        """Submit once, or take up what was submitted, and watch it to its end."""
        try:
            driver_id = errand.statement.driver_id or await self._submit_once(errand)
        except UndecidedSubmission as error:
            return lost(errand.job_id, f"{_UNDECIDED}: {error.detail}")
        except JobKilled:
            return _killed(errand, "It was killed before it was submitted.")
        except ServerUnreachable as error:
            raise _advised(error, self._timing.submit.patience) from error
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

    async def _submit_once(self, errand: IsolatedRun) -> str:
        """The driver of *errand*, submitted now or by an earlier Libra; raises what submit does."""
        statement, settings = errand.statement, self._settings
        job = await to_worker(job_of(statement, settings), statement, settings, self._artifacts)
        submission = DriverSubmission(
            job=job,
            tag=errand.job_id,
            since=statement.started_at or utc_now(),
            master=settings.master,
            ui_urls=masters.ui_urls(settings),
        )
        name, tell = f"Statement {errand.job_id}", partial(_tell, errand)
        once = submission.once(name, self._timing.submit, must_end=errand.killed.is_set, tell=tell)
        # An earlier Libra may have sent it, and never have received the answer.
        steps = once.submit(may_exist=errand.resumed)
        accepted = await arun(
            steps,
            lambda step: self._client.arun(submission.answer(step)),
            sleep=partial(_sleep, errand.killed),
        )
        return accepted.status.job_id

    async def _kill_when_told(self, errand: IsolatedRun, driver_id: str) -> None:
        await errand.killed.wait()
        stop = Stop(
            job_id=driver_id,
            timing=self._timing.stop,
            kill_first=True,
            tell=partial(_tell, errand),
        )
        await arun(stop.stop(), lambda step: self._client.arun(killing(step)))


async def _sleep(killed: asyncio.Event, seconds: float) -> None:
    """Wait *seconds*, or until the kill of a statement that ran until now."""
    if killed.is_set():
        await asyncio.sleep(seconds)
    else:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(killed.wait(), seconds)


def _tell(errand: IsolatedRun, level: int, text: str, *facts: object) -> None:
    _log.log(level, f"Statement %s: {text}", errand.job_id, *facts)


def _advised(error: ServerUnreachable, after: float) -> ServerUnreachable:
    """*error*, after which nothing was submitted, with what to check."""
    advice = _NO_REST.format(after=readable_duration(after))
    return ServerUnreachable(error.server, f"{error.problem}; {advice}")


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
