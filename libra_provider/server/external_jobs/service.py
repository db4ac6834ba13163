"""What is taken from drivers of their own, and the jobs whose drivers others start.

Each decision is one write to the ledger: what it depends on is read, and what follows is committed,
before another one begins. So of two that contradict each other the first one counts, whoever asks.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from libra_provider.core.polling import utc_now
from libra_provider.core.status import DriverLocation
from libra_provider.core.units import readable_duration
from libra_provider.server.errors import Conflict, JobAlreadyEnded
from libra_provider.server.external_jobs.upload import UploadedResult
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.ledger.writer import LedgerWriter
from libra_provider.server.model.receipt import Receipt
from libra_provider.server.model.statement import State, Statement, StatementSpec
from libra_provider.server.results import store
from libra_provider.server.settings import Settings


class ExternalJobs:
    """Takes announcements, reports and results; lives on one event loop.

    Each method raises UnknownStatement, Over once the job has ended, and LedgerUnavailable.
    """

    def __init__(self, settings: Settings, ledger: Ledger, writer: LedgerWriter) -> None:
        self._settings = settings
        self._ledger = ledger
        self._writer = writer
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    async def announce(self, spec: StatementSpec, tag: str) -> tuple[Statement, bool]:
        """The job *tag*, and whether it is new; Conflict if it was announced otherwise."""
        return await self._writer.write(partial(self._accept, spec, tag))

    async def receipt(self, job_id: str) -> Receipt:
        """What was heard so far of a job that is not over."""
        return (await self._writer.write(partial(self._open, job_id)))[1]

    async def began(self, job_id: str, attempt: str, place: Mapping[str, str | None]) -> Statement:
        """The job after its driver's word that it runs, and where; raises Conflict."""
        return await self._writer.write(partial(self._begin, job_id, attempt, place))

    async def hand_in(self, job_id: str, attempt: str | None, handed: UploadedResult) -> bool:
        """Whether what was handed in is new, and not the same again; raises Conflict."""
        return await self._writer.write(partial(self._take, job_id, attempt, handed))

    async def ended(self, job_id: str, attempt: str, words: Mapping[str, Any]) -> Statement:
        """The job after its driver's last *words*, fields of a Statement; raises Conflict."""
        statement = await self._writer.write(partial(self._end, job_id, attempt, words))
        return self._told(statement)

    async def succeeded(self, job_id: str, words: Mapping[str, Any]) -> Statement:
        """The job, whose submitter says, with the driver's last *words*, that it ended well.

        What was handed in is its result. One that is over stays as it is.
        """
        return self._told(await self._writer.write(partial(self._succeed, job_id, words)))

    async def cancel(self, job_id: str) -> Statement:
        """The job, which its submitter has ended; any other statement stays as it is."""
        stop = partial(self._stop, job_id, State.CANCELLED, "The job was killed by its submitter.")
        return self._told(await self._writer.write(stop))

    async def lose_silent(self) -> None:
        """Call LOST what has given no sign for too long."""
        for statement in await self._writer.write(self._lose_silent):
            self._told(statement)

    async def end_of(self, job_id: str, seconds: float | None) -> Statement:
        """The job once it is over, or as it stands after *seconds* (None: no limit)."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(job_id, set())
        waiting.add(waiter)
        try:
            find = partial(self._ledger.get, job_id)
            # Looked at again: it may have ended before anybody was there to be told.
            if not (found := await self._writer.write(find)).state.is_terminal:
                await asyncio.wait((waiter,), timeout=seconds)
                found = await self._writer.write(find)
            return found
        finally:
            waiting.discard(waiter)
            if not waiting:
                self._waiting.pop(job_id, None)

    def _told(self, statement: Statement) -> Statement:
        if statement.state.is_terminal:
            for waiter in self._waiting.get(statement.job_id, ()):
                if not waiter.done():
                    waiter.set_result(None)
        return statement

    # From here on: on the writer's thread, in its transaction, where a refusal undoes nothing.

    def _accept(self, spec: StatementSpec, tag: str) -> tuple[Statement, bool]:
        if known := self._ledger.get_many([tag]):
            if known[0].spec.digest != spec.digest:
                sentence = f"Job {tag} was announced with another body; use a new tag."
                raise Conflict(sentence, tag)
            return known[0], False
        self._ledger.receipts.put(Receipt(job_id=tag, seen_at=utc_now()))
        return self._ledger.accept(spec, job_id=tag)

    def _open(self, job_id: str) -> tuple[Statement, Receipt]:
        statement = self._ledger.get(job_id)
        if statement.state.is_terminal:
            raise JobAlreadyEnded(
                f"Job {job_id} is {statement.state} already; the request is too late.", job_id
            )
        known = self._ledger.receipts.get(job_id)
        return statement, known or Receipt(job_id=job_id, seen_at=utc_now())

    def _heard(
        self, job_id: str, attempt: str | None, driver_id: str | None = None
    ) -> tuple[Statement, Receipt, bool]:
        """The job, its receipt after a word of *attempt*, and whether that start is a new one."""
        statement, known = self._open(job_id)
        supervised = statement.spec.supervised
        heard = known.heard(attempt, at=utc_now(), supervised=supervised, driver_id=driver_id)
        self._ledger.receipts.put(heard)
        if statement.spec.announced and statement.state is State.PENDING:
            statement = self._ledger.move(statement, State.RUNNING)
        return statement, heard, heard.attempts != known.attempts

    def _begin(self, job_id: str, attempt: str, place: Mapping[str, str | None]) -> Statement:
        statement, receipt, is_new = self._heard(job_id, attempt, place.get("driver_id"))
        if not statement.spec.announced:  # Libra looks after its own drivers itself
            return statement
        known = asdict(statement.location) if statement.location and not is_new else {}
        told = {name: value for name, value in place.items() if value and name != "driver_id"}
        location = DriverLocation(**{**known, "where": "on the cluster", **told})
        located = replace(statement, driver_id=receipt.driver_id, location=location)
        self._ledger.record_driver(located)
        return located

    def _take(self, job_id: str, attempt: str | None, handed: UploadedResult) -> bool:
        _, receipt, _ = self._heard(job_id, attempt)
        if receipt.digest and receipt.digest != handed.digest:
            sentence = f"Job {job_id} has uploaded a different result already; only one is allowed."
            raise Conflict(sentence, job_id)
        _place(handed.rows, store.path_of(self._settings.results_dir, job_id))
        taken = replace(receipt, digest=handed.digest, outcome=handed.outcome)
        self._ledger.receipts.put(taken)
        return receipt.digest is None

    def _end(self, job_id: str, attempt: str, words: Mapping[str, Any]) -> Statement:
        if self._said_already(job_id, attempt, words):
            return self._ledger.get(job_id)
        statement, heard, _ = self._heard(job_id, attempt)
        receipt = replace(heard, last_words=words)
        self._ledger.receipts.put(receipt)
        spec, state = statement.spec, State(words["state"])
        if not spec.announced or (state is State.FAILED and spec.supervised):
            return statement
        outcome = {name: value for name, value in words.items() if name != "state"}
        if state is State.SUCCESS:
            state, outcome = receipt.success(promised=spec.returns)
        return self._ledger.move(statement, state, **outcome)

    def _succeed(self, job_id: str, words: Mapping[str, Any]) -> Statement:
        statement = self._ledger.get(job_id)
        if statement.state.is_terminal or not statement.spec.announced:
            return statement
        statement, heard, _ = self._heard(job_id, None)
        receipt = replace(heard, last_words=words)
        self._ledger.receipts.put(receipt)
        state, outcome = receipt.success(promised=statement.spec.returns)
        return self._ledger.move(statement, state, **outcome)

    def _said_already(self, job_id: str, attempt: str, words: Mapping[str, Any]) -> bool:
        """An answer that was lost is asked for again, also after the end."""
        known = self._ledger.receipts.get(job_id)
        return bool(known and known.attempt == attempt and known.last_words == words)

    def _stop(self, job_id: str, to: State, why: str) -> Statement:
        statement = self._ledger.get(job_id)
        if statement.state.is_terminal or not statement.spec.announced:
            return statement
        return self._ledger.move(statement, to, error=why)

    def _lose_silent(self) -> list[Statement]:
        span = self._settings.announced_seconds
        silent = self._ledger.receipts.find_silent(since=utc_now() - timedelta(seconds=span))
        why = (
            f"The driver has not reported for {readable_duration(span)} (announced_seconds). It may"
            " have written data; check the driver at its master before you rerun the job."
        )
        return [self._stop(job_id, State.LOST, why) for job_id in silent]


def _place(rows: Path | None, path: Path) -> None:
    """Have *rows* at *path*, or nothing; they stay, because the writer may run this twice."""
    if rows is None:
        path.unlink(missing_ok=True)
        return
    beside = rows.with_suffix(".placed")
    with suppress(FileNotFoundError):
        beside.unlink()
    os.link(rows, beside)
    beside.replace(path)
