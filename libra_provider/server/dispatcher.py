"""Takes statements in, hands them to the driver when there is room, tells who waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, TypeVar

from libra_provider.server.driver.messages import (
    CloseSession,
    Ended,
    Estimated,
    Kill,
    Ready,
    Run,
)
from libra_provider.server.driver.process import end_leftovers
from libra_provider.server.driver.supervisor import Supervisor
from libra_provider.server.ledger import Ledger
from libra_provider.server.problems import IllegalMove, NotReady, QueueFull
from libra_provider.server.sessions import Sessions
from libra_provider.server.settings import Settings
from libra_provider.server.statement import Epoch, Order, PoolQueue, State, Statement

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Dispatcher:
    """Every statement between its acceptance and its end; lives on one event loop."""

    def __init__(self, settings: Settings, ledger: Ledger, driver: Supervisor) -> None:
        self._settings = settings
        self._ledger = ledger
        self._driver = driver
        # One thread: the ledger's commits keep their order, and the event loop never waits for it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._room = asyncio.Semaphore(settings.max_running)
        self._open: dict[str, asyncio.Event] = {}
        self._running: set[str] = set()
        self._draining = False
        self._task: asyncio.Task[None]
        self.sessions = Sessions(settings.max_sessions)

    async def start(self) -> None:
        """Settle what an earlier Libra left behind, then start driver and queue."""
        if last := await self.ask(self._ledger.last_epoch):
            await asyncio.to_thread(end_leftovers, last.tag)
        for left in await self.ask(self._ledger.in_state, State.RUNNING):
            await self._lose(left.job_id, "Libra itself ended while it ran")
        for waiting in await self.ask(self._ledger.in_state, State.PENDING):
            self._enqueue(waiting)
        self._driver.start(self)
        self._task = asyncio.create_task(self._hand_over(), name="dispatcher")

    async def stop(self) -> None:
        """Give running statements a moment, stop the driver, call the rest LOST."""
        self._draining = True
        self._task.cancel()
        running = [self._open[job_id].wait() for job_id in self._running]
        if running:
            waits = [asyncio.ensure_future(each) for each in running]
            _, late = await asyncio.wait(waits, timeout=self._settings.drain_seconds)
            for each in late:
                each.cancel()
        await self._driver.stop()
        for job_id in list(self._running):
            await self._lose(job_id, "Libra was stopped while it ran")
        self._thread.shutdown()

    async def ask(self, question: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """What the ledger's method *question* returns, without blocking the loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: question(*arguments, **named))

    async def submit(self, order: Order, key: str | None = None) -> Statement:
        """The accepted statement, committed; raises QueueFull, NotReady, KeyReused."""
        if self._draining:
            raise NotReady("Libra is stopping; submit again once it is back.", retry_after=5)
        if key and (known := await self.ask(self._ledger.by_key, key, order)):
            return known
        if self._queue.qsize() >= self._settings.max_pending:
            sentence = f"{self._queue.qsize()} statements wait already; submit again later."
            raise QueueFull(sentence, retry_after=5)
        self.sessions.touch(order.session)
        statement, new = await self.ask(self._ledger.accept, order, key)
        if new:
            self._enqueue(statement)
        return statement

    def _enqueue(self, statement: Statement) -> None:
        self._open[statement.job_id] = asyncio.Event()
        self._queue.put_nowait(statement.job_id)

    async def wait(self, job_id: str, seconds: float | None = None) -> Statement:
        """The statement once it is over, or as it stands after *seconds* (None: no limit)."""
        if over := self._open.get(job_id):
            try:
                await asyncio.wait_for(over.wait(), seconds)
            except TimeoutError:
                _log.debug("%s is not over after %s s", job_id, seconds)
        return await self.ask(self._ledger.get, job_id)

    async def get(self, job_id: str) -> Statement:
        """The statement as it stands, with its progress; raises UnknownStatement."""
        return await self.ask(self._ledger.get, job_id)

    async def many(self, job_ids: Sequence[str]) -> Sequence[Statement]:
        """Those of *job_ids* that are known, oldest first, with their progress."""
        return await self.ask(self._ledger.get_many, job_ids)

    async def page(self, **filters: Any) -> Sequence[Statement]:
        """What :meth:`Ledger.page` finds, with the progress of what runs."""
        return await self.ask(self._ledger.page, **filters)

    def queues(self) -> Sequence[PoolQueue]:
        """How many statements wait and run in each pool, by name."""
        return ()

    async def check(self) -> Epoch:
        """The epoch on which a statement would start now; raises NotReady with the reason."""
        if self._driver.facts is None or self._driver.epoch is None:
            why = f"No driver takes statements now: {self._driver.problem}."
            raise NotReady(why, retry_after=2)
        return self._driver.epoch

    async def estimate(
        self,
        session: str,
        code: str,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
    ) -> Estimated:
        """Spark's statistics of a query that is not run; raises NotReady when nobody answers."""
        del session, code, parameters
        raise NotReady("The driver gave no estimate; ask again.", retry_after=5)

    async def kill(self, job_id: str) -> Statement:
        """The statement after it was told to stop; one that is over stays as it is."""
        statement = await self.ask(self._ledger.get, job_id)
        if statement.state is State.PENDING:
            try:
                return await self._settle(job_id, State.CANCELLED, error="It was killed unstarted.")
            except IllegalMove:
                statement = await self.ask(self._ledger.get, job_id)
        if statement.state is State.RUNNING:
            await self._driver.say(Kill(job_id))
        return statement

    async def close_session(self, name: str) -> None:
        """Forget the session's temp views and settings; raises UnknownSession."""
        self.sessions.close(name)
        await self._driver.say(CloseSession(name))

    async def _hand_over(self) -> None:
        while True:
            job_id = await self._queue.get()
            await self._room.acquire()
            await self._begin(job_id, await self._driver.ready())

    async def _begin(self, job_id: str, epoch: Epoch) -> None:
        self._running.add(job_id)
        try:
            # RUNNING is committed before the driver hears of it: after a crash, a statement that
            # may have run must never look as if it had not.
            statement = await self.ask(self._ledger.move, job_id, State.RUNNING, epoch=epoch.number)
        except IllegalMove:  # killed while it waited
            self._leave(job_id)
            return
        # The epoch may have ended meanwhile, and the statement with it.
        if job_id in self._running:
            await self._driver.say(self._run(statement))

    def _run(self, statement: Statement) -> Run:
        order = statement.order
        return Run(
            job_id=statement.job_id,
            session=order.session,
            code=order.code,
            pool=order.pool,
            parameters=order.parameters,
            description=order.description,
            as_text=order.as_text,
            result_limit=order.result_limit or self._settings.result_limit,
            result_max_bytes=self._settings.result_max_bytes,
            result_path=order.result_path,
        )

    async def epoch_begins(self) -> Epoch:
        """A number for the driver that is about to start."""
        return await self.ask(self._ledger.open_epoch)

    async def epoch_ready(self, epoch: Epoch, ready: Ready) -> None:
        """Note where the driver is, for its statements."""
        facts = {"host": ready.host, "application_id": ready.application_id}
        await self.ask(self._ledger.note_epoch, epoch.number, spark_ui=ready.spark_ui, **facts)

    async def epoch_ended(self, epoch: Epoch, reason: str) -> None:
        """Call LOST what ran there."""
        for job_id in list(self._running):
            await self._lose(job_id, f"driver epoch {epoch.number} is over ({reason})")

    async def statement_ended(self, ended: Ended) -> None:
        """Commit the outcome, then tell who waits."""
        outcome = asdict(ended)
        job_id, state = outcome.pop("job_id"), State(outcome.pop("state"))
        try:
            await self._settle(job_id, state, **outcome)
        except IllegalMove as error:
            _log.warning("The driver reports what cannot be: %s", error)

    async def _lose(self, job_id: str, why: str) -> None:
        advice = "it may have written; check before running it again"
        await self._settle(job_id, State.LOST, error=f"{why[0].upper()}{why[1:]}; {advice}.")

    async def _settle(self, job_id: str, to: State, **outcome: Any) -> Statement:
        statement = await self.ask(self._ledger.move, job_id, to, **outcome)
        self._leave(job_id)
        if over := self._open.pop(job_id, None):
            over.set()
        return statement

    def _leave(self, job_id: str) -> None:
        if job_id in self._running:
            self._running.discard(job_id)
            self._room.release()
