"""What the API does with statements: submit, look up, list and kill them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from libra_provider.core.errors import BadInput
from libra_provider.server.artifacts.store import ArtifactStore
from libra_provider.server.driver.messages import CloseSession, EstimateResult
from libra_provider.server.driver.supervisor import Supervisor
from libra_provider.server.errors import ComeBackLater, LedgerUnavailable, NotReady, QueueFull
from libra_provider.server.external_jobs.service import ExternalJobs
from libra_provider.server.files import artifacts_of
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.ledger.writer import LedgerWriter
from libra_provider.server.model.sessions import Sessions
from libra_provider.server.model.statement import Epoch, PoolQueue, State, Statement, StatementSpec
from libra_provider.server.settings import Settings
from libra_provider.server.statement_logs import LogPiece
from libra_provider.server.statements.scheduler import Scheduler
from libra_provider.server.timing import DEFAULT, ServerTiming

T = TypeVar("T")


class StatementService:
    """All statements of this Libra; used on one event loop."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        driver: Supervisor,
        artifacts: ArtifactStore,
        *,
        timing: ServerTiming = DEFAULT,
    ) -> None:
        self._settings, self._timing = settings, timing
        self._artifacts = artifacts
        self._ledger = ledger
        self._driver = driver
        self._writer = LedgerWriter(ledger)
        self._scheduler = Scheduler(
            settings, ledger, self._writer, driver, artifacts, timing=timing
        )
        self._tracked = self._scheduler.tracked
        # Reads use a separate thread, so that a long list delays no commit.
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._arriving = 0
        self.sessions = Sessions(settings.max_sessions)
        self.announced = ExternalJobs(settings, ledger, self._writer)

    async def start(self) -> None:
        """Recover the statements of an earlier run, then start the driver."""
        self._writer.start()
        self._scheduler.know_holdings(await self.ask(self._ledger.get_holdings))
        for left in await self.ask(self._ledger.find_in_state, State.RUNNING):
            self._scheduler.leave_behind(left)
        for waiting in await self.ask(self._ledger.find_in_state, State.PENDING):
            self.sessions.remember(waiting.spec.session)
            self._scheduler.enter(waiting)
        self._driver.start(self._scheduler, after=await self.ask(self._ledger.get_last_epoch))

    async def stop(self) -> None:
        """Wait for running statements for a moment, stop the driver, mark the rest as LOST."""
        self._scheduler.draining = True
        if running := [live.over for live in self._scheduler.ending_with_libra]:
            await asyncio.wait(running, timeout=self._settings.drain_seconds)
        await self._scheduler.isolated.stop()
        await self._driver.stop()
        if lost := self._scheduler.running:
            reason = f"Libra was stopped while it ran{await self._driver.doubts()}"
            for live in lost:
                self._scheduler.lose(live, reason)
        await self._writer.close()
        self._reader.shutdown()

    async def ask(self, question: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Call the ledger's method *question* on the reader's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reader, partial(question, *arguments, **named))

    async def check(self) -> Epoch:
        """Return the epoch on which a statement would start now; raises NotReady if none."""
        await self._writer.write(self._ledger.check_writable)
        return self._epoch()

    def _epoch(self) -> Epoch:
        if epoch := self._scheduler.epoch:
            return epoch
        why = f"No driver accepts statements now: {self._driver.problem}."
        raise NotReady(why, retry_after=2)

    async def submit(self, spec: StatementSpec, key: str | None = None) -> Statement:
        """Accept a statement and return it, committed; raises BadInput, ComeBackLater or KeyReused.

        A statement with the same *key* is returned even if no new one can be accepted.
        """
        try:
            self._admit(spec)
        except (BadInput, ComeBackLater):
            if key and (
                known := await self._writer.write(partial(self._ledger.find_by_key, key, spec))
            ):
                return self._now(known)
            raise
        return await self._accept(spec, key)

    def _admit(self, spec: StatementSpec) -> None:
        if self._scheduler.draining:
            raise NotReady("Libra is stopping; resubmit once it has restarted.", retry_after=5)
        waiting = self._scheduler.waiting + self._arriving
        if waiting >= self._settings.max_pending:
            sentence = (
                f"{waiting} statements are waiting, which is the limit (max_pending); retry later."
            )
            raise QueueFull(sentence, retry_after=5)
        for parameter, artifact in artifacts_of(spec):
            if self._artifacts.absent([artifact]):
                raise artifact.unknown(parameter)
        self.sessions.touch(spec.session)

    async def _accept(self, spec: StatementSpec, key: str | None) -> Statement:
        job_id = secrets.token_hex(16)
        # Accepted and begun in one commit, where there is room at once.
        epoch = None if spec.deploy_mode else self._scheduler.reserve(spec)
        self._arriving += not epoch
        accept = partial(self._ledger.accept, spec, key, job_id=job_id, epoch=epoch)
        new = False
        try:
            statement, new = await self._writer.write(accept)
        except (LedgerUnavailable, asyncio.CancelledError):
            # It may be committed nevertheless, without a client that knows its id.
            self._writer.write_eventually(partial(self._ledger.delete, [job_id]))
            raise
        finally:
            self._arriving -= not epoch
            if epoch and not new:
                self._scheduler.release(spec)
        if not new:
            return self._now(statement)
        return self._scheduler.enter(statement, has_room=epoch is not None).statement

    async def wait(self, job_id: str, seconds: float | None = None) -> Statement:
        """Wait up to *seconds* (None: no limit) for its end; return the statement."""
        if (live := self._tracked.live.get(job_id)) is None:
            found = await self.get(job_id)
            if found.state.is_terminal or not found.spec.announced or seconds == 0:
                return found
            return await self.announced.end_of(job_id, seconds)
        if seconds is None or seconds > 0:
            await asyncio.wait((live.over,), timeout=seconds)
        return live.over.result() if live.over.done() else live.seen

    async def get(self, job_id: str) -> Statement:
        """Return the statement with its progress; raises UnknownStatement."""
        if known := self._tracked.get(job_id):
            return known
        return await self.ask(self._ledger.get, job_id)

    async def many(self, job_ids: Sequence[str]) -> Sequence[Statement]:
        """Return those of *job_ids* that exist, with their progress."""
        here = {job_id: known for job_id in job_ids if (known := self._tracked.get(job_id))}
        elsewhere = [job_id for job_id in job_ids if job_id not in here]
        found = await self.ask(self._ledger.get_many, elsewhere) if elsewhere else []
        return [*here.values(), *found]

    async def states(self, job_ids: Sequence[str]) -> Mapping[str, State]:
        """Return the states of those of *job_ids* that exist."""
        here = {job_id: known.state for job_id in job_ids if (known := self._tracked.get(job_id))}
        elsewhere = [job_id for job_id in job_ids if job_id not in here]
        found = await self.ask(self._ledger.get_states, elsewhere) if elsewhere else {}
        return here | found

    async def page(self, **filters: Any) -> Sequence[Statement]:
        """What :meth:`Ledger.find_page` finds, with the progress of what runs."""
        return [self._now(each) for each in await self.ask(self._ledger.find_page, **filters)]

    def _now(self, statement: Statement) -> Statement:
        """Return *statement*, as read from the ledger, with its progress."""
        if statement.state.is_terminal:
            return statement
        return self._tracked.get(statement.job_id) or statement

    def queues(self) -> Sequence[PoolQueue]:
        """Return the numbers of waiting and running statements of each pool."""
        return self._tracked.queues(self._settings.pools)

    async def estimate(
        self,
        session: str,
        code: str,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
    ) -> EstimateResult:
        """Return Spark's statistics of a query without running it; raises NotReady."""
        self._epoch()
        self.sessions.touch(session)
        return await self._scheduler.estimates.ask(session, code, parameters)

    async def log(self, job_id: str, stream: str, offset: int) -> tuple[Statement, LogPiece]:
        """Return the statement and a part of its log; raises UnknownStatement, NotReady."""
        statement = await self.get(job_id)
        return statement, await self._scheduler.isolated.log(statement, stream, offset)

    async def kill(self, job_id: str) -> Statement:
        """Request the kill of a statement and return it; an ended one does not change.

        An announced one is CANCELLED at once: its submitter has killed its driver before.

        Raises LedgerUnavailable if that could not be committed yet; it will be.
        """
        if (live := self._tracked.live.get(job_id)) is None:
            found = await self.get(job_id)
            cancels = found.spec.announced and not found.state.is_terminal
            return await self.announced.cancel(job_id) if cancels else found
        self._scheduler.kill(live)
        if live.ended:  # all that is missing is the commit
            await asyncio.wait((live.over,), timeout=self._timing.commit)
            if not live.over.done():
                sentence = f"Statement {job_id} is killed, but that cannot be stored now; retry."
                raise LedgerUnavailable(sentence, retry_after=2)
            return live.over.result()
        return live.seen

    async def forget_session(self, name: str) -> None:
        """Drop the session's temporary views and settings on the driver."""
        self._driver.say(CloseSession(name))

    async def remove(self, job_ids: Sequence[str]) -> None:
        """Delete ended statements; raises LedgerUnavailable."""
        await self._writer.write(partial(self._ledger.delete, job_ids))
        self._tracked.forget(job_ids)
