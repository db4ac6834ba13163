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
_UNDECIDED = "The response to its submission was lost, so it is unknown whether it has a driver"
_NO_REST = (
    "tried for {after}; check Libra's setting isolated.rest_urls, and that the REST server of the "
    "master is enabled (spark.master.rest.enabled=true)"
)


class ClusterRunner:
    """Submits one driver per statement to the master; its tag is the statement's id."""

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
        """Stop polling, and close the connections to the masters."""
        if "_client" in self.__dict__:  # else nothing was opened
            await self._poller.close()
            await self._client.aclose()

    async def run(self, run: IsolatedRun) -> StatementEnded:
        """Submit the driver once, or find it, and watch it until its end."""
        try:
            driver_id = run.statement.driver_id or await self._submit_once(run)
        except UndecidedSubmission as error:
            return lost(run.job_id, f"{_UNDECIDED}: {error.detail}")
        except JobKilled:
            return _killed(run, "It was killed before it was submitted.")
        except ServerUnreachable as error:
            raise _advised(error, self._timing.submit.patience) from error
        run.note(driver_id=driver_id)
        killer = asyncio.create_task(self._kill_on_request(run, driver_id))
        try:
            last = await self._poller.end_of(driver_id, partial(_note, run))
        finally:
            killer.cancel()
        return _ended(run, driver_id, last, await run.receipt())

    async def log_part(self, statement: Statement, stream: str, offset: int) -> LogPart:
        """Read a part of the driver's log from its worker's page; raises NotReady."""
        place = statement.location
        if statement.driver_id is None or place is None or place.worker_id is None:
            return LogPart("", 0, 0, 0)
        try:
            return await self._client.arun(self._log(statement.driver_id, place, stream, offset))
        except ServerError as error:
            sentence = f"The log of {statement.driver_id} is unavailable now: {error}."
            raise NotReady(sentence, retry_after=5) from error

    def _log(
        self, driver_id: str, place: DriverLocation, stream: str, offset: int
    ) -> Dialogue[LogPart]:
        worker = yield from page_lookup.worker_ui(place, masters.ui_urls(self._settings))
        call = pages.driver_log(driver_id, stream, offset=offset, length=PART)
        part: LogPart = yield Ask(call, worker)
        return part

    async def _submit_once(self, run: IsolatedRun) -> str:
        """Submit the driver of *run* unless that was done before a restart; return its id."""
        statement, settings = run.statement, self._settings
        job = await to_worker(job_of(statement, settings), statement, settings, self._artifacts)
        submission = DriverSubmission(
            job=job,
            tag=run.job_id,
            since=statement.started_at or utc_now(),
            master=settings.master,
            ui_urls=masters.ui_urls(settings),
        )
        name, log_message = f"Statement {run.job_id}", partial(_log_message, run)
        once = submission.once(
            name, self._timing.submit, must_end=run.killed.is_set, log_message=log_message
        )
        # Libra may have sent it before a restart without receiving the response.
        steps = once.submit(may_exist=run.resumed)
        accepted = await arun(
            steps,
            lambda step: self._client.arun(submission.answer(step)),
            sleep=partial(_sleep, run.killed),
        )
        return accepted.status.job_id

    async def _kill_on_request(self, run: IsolatedRun, driver_id: str) -> None:
        await run.killed.wait()
        stop = Stop(
            job_id=driver_id,
            timing=self._timing.stop,
            kill_first=True,
            log_message=partial(_log_message, run),
        )
        await arun(stop.stop(), lambda step: self._client.arun(killing(step)))


async def _sleep(killed: asyncio.Event, seconds: float) -> None:
    """Wait *seconds*, or until the statement is killed, unless it was killed before."""
    if killed.is_set():
        await asyncio.sleep(seconds)
    else:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(killed.wait(), seconds)


def _log_message(run: IsolatedRun, level: int, text: str, *facts: object) -> None:
    _log.log(level, f"Statement %s: {text}", run.job_id, *facts)


def _advised(error: ServerUnreachable, after: float) -> ServerUnreachable:
    """*error*, completed by what to check; nothing was submitted."""
    advice = _NO_REST.format(after=readable_duration(after))
    return ServerUnreachable(error.server, f"{error.problem}; {advice}")


def _note(run: IsolatedRun, status: JobStatus) -> None:
    location = status.location
    if status.state is JobState.WAITING:
        why = status.detail or "for a worker"
        location = DriverLocation(where=f"at the master, waiting: {why}")
    if location:
        run.note(location=location)


def _killed(run: IsolatedRun, sentence: str) -> StatementEnded:
    return StatementEnded(job_id=run.job_id, state=State.CANCELLED, error=sentence)


def _ended(
    run: IsolatedRun, driver_id: str, last: JobStatus, receipt: Receipt | None
) -> StatementEnded:
    """The end of the statement by the *last* status of its driver, or by the driver's receipt."""
    if last.state is JobState.SUCCEEDED:
        return succeeded(run, receipt)
    if last.state is JobState.KILLED:
        by_us = run.killed.is_set()
        return _killed(run, "It was killed." if by_us else f"{driver_id} was killed elsewhere.")
    reported = known_end(run, receipt)
    if last.state is JobState.LOST:
        return reported or lost(run.job_id, f"{driver_id}: {last.detail}")
    # The worker may have been lost after the driver sent its receipt.
    if reported and (last.worker_lost or reported.state == State.FAILED):
        return reported
    why = last.detail or f"{driver_id} failed; see its log."
    return StatementEnded(job_id=run.job_id, state=State.FAILED, error=why)
