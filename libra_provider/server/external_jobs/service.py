"""Jobs that Airflow or the CLI submits, and the reports and results of all dedicated drivers.

Each request is one transaction of the ledger, and transactions run one after the other. So of two
contradictory requests the first one counts, no matter who sends them.
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

    Methods raise UnknownStatement, LedgerUnavailable, and JobAlreadyEnded after the end of the job.
    """

    def __init__(self, settings: Settings, ledger: Ledger, writer: LedgerWriter) -> None:
        self._settings = settings
        self._ledger = ledger
        self._writer = writer
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    async def announce(self, spec: StatementSpec, tag: str) -> tuple[Statement, bool]:
        """Store job *tag*; return it and whether it is new; raises Conflict for another body."""
        return await self._writer.write(partial(self._accept, spec, tag))

    async def receipt(self, job_id: str) -> Receipt:
        """Return what the driver of a job that has not ended has reported so far."""
        return (await self._writer.write(partial(self._open, job_id)))[1]

    async def report_start(
        self, job_id: str, attempt: str, place: Mapping[str, str | None]
    ) -> Statement:
        """Record that the driver runs, and where; return the job; raises Conflict."""
        return await self._writer.write(partial(self._begin, job_id, attempt, place))

    async def store_result(self, job_id: str, attempt: str | None, result: UploadedResult) -> bool:
        """Store *result*; return False if it is stored already; raises Conflict for another."""
        return await self._writer.write(partial(self._take, job_id, attempt, result))

    async def report_end(self, job_id: str, attempt: str, words: Mapping[str, Any]) -> Statement:
        """Record the driver's receipt *words*, fields of a Statement; return the job."""
        statement = await self._writer.write(partial(self._end, job_id, attempt, words))
        return self._notify(statement)

    async def report_success(self, job_id: str, words: Mapping[str, Any]) -> Statement:
        """Record that the driver succeeded, as its submitter reports; return the job.

        *words* is the driver's receipt. What it has uploaded becomes the result. A job that has
        ended already does not change.
        """
        return self._notify(await self._writer.write(partial(self._succeed, job_id, words)))

    async def cancel(self, job_id: str) -> Statement:
        """Cancel a job that was killed by its submitter; other statements do not change."""
        stop = partial(self._stop, job_id, State.CANCELLED, "The job was killed by its submitter.")
        return self._notify(await self._writer.write(stop))

    async def lose_silent(self) -> None:
        """Mark jobs as LOST whose drivers have not reported for too long."""
        for statement in await self._writer.write(self._lose_silent):
            self._notify(statement)

    async def end_of(self, job_id: str, seconds: float | None) -> Statement:
        """Wait up to *seconds* for the end of a job (None: no limit); return the job."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(job_id, set())
        waiting.add(waiter)
        try:
            find = partial(self._ledger.get, job_id)
            # Read again: it may have ended before the waiter was registered.
            if not (found := await self._writer.write(find)).state.is_terminal:
                await asyncio.wait((waiter,), timeout=seconds)
                found = await self._writer.write(find)
            return found
        finally:
            waiting.discard(waiter)
            if not waiting:
                self._waiting.pop(job_id, None)

    def _notify(self, statement: Statement) -> Statement:
        if statement.state.is_terminal:
            for waiter in self._waiting.get(statement.job_id, ()):
                if not waiter.done():
                    waiter.set_result(None)
        return statement

    # The rest runs on the writer's thread, in its transaction; an error does not roll it back.

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

    def _record(
        self, job_id: str, attempt: str | None, driver_id: str | None = None
    ) -> tuple[Statement, Receipt, bool]:
        """The job, its receipt after a report of *attempt*, and whether that attempt is new."""
        statement, known = self._open(job_id)
        supervised = statement.spec.supervised
        updated = known.with_report(
            attempt, at=utc_now(), supervised=supervised, driver_id=driver_id
        )
        self._ledger.receipts.put(updated)
        if statement.spec.announced and statement.state is State.PENDING:
            statement = self._ledger.move(statement, State.RUNNING)
        return statement, updated, updated.attempts != known.attempts

    def _begin(self, job_id: str, attempt: str, place: Mapping[str, str | None]) -> Statement:
        statement, receipt, is_new = self._record(job_id, attempt, place.get("driver_id"))
        if not statement.spec.announced:  # Libra watches drivers that it has started
            return statement
        known = asdict(statement.location) if statement.location and not is_new else {}
        given = {name: value for name, value in place.items() if value and name != "driver_id"}
        location = DriverLocation(**{**known, "where": "on the cluster", **given})
        located = replace(statement, driver_id=receipt.driver_id, location=location)
        self._ledger.record_driver(located)
        return located

    def _take(self, job_id: str, attempt: str | None, result: UploadedResult) -> bool:
        _, receipt, _ = self._record(job_id, attempt)
        if receipt.digest and receipt.digest != result.digest:
            sentence = f"Job {job_id} has uploaded a different result already; only one is allowed."
            raise Conflict(sentence, job_id)
        _place(result.rows, store.path_of(self._settings.results_dir, job_id))
        taken = replace(receipt, digest=result.digest, outcome=result.outcome)
        self._ledger.receipts.put(taken)
        return receipt.digest is None

    def _end(self, job_id: str, attempt: str, words: Mapping[str, Any]) -> Statement:
        if self._is_repeated(job_id, attempt, words):
            return self._ledger.get(job_id)
        statement, updated, _ = self._record(job_id, attempt)
        receipt = replace(updated, last_words=words)
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
        statement, updated, _ = self._record(job_id, None)
        receipt = replace(updated, last_words=words)
        self._ledger.receipts.put(receipt)
        state, outcome = receipt.success(promised=statement.spec.returns)
        return self._ledger.move(statement, state, **outcome)

    def _is_repeated(self, job_id: str, attempt: str, words: Mapping[str, Any]) -> bool:
        """Whether this receipt is stored: a driver sends it again if the response was lost."""
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
    """Link *rows* to *path*, or remove that; *rows* are kept, since this may run twice."""
    if rows is None:
        path.unlink(missing_ok=True)
        return
    beside = rows.with_suffix(".placed")
    with suppress(FileNotFoundError):
        beside.unlink()
    os.link(rows, beside)
    beside.replace(path)
