"""The ledger's receipts: what the drivers that upload their results have reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select

from libra_provider.server.ledger.tables import RECEIPTS, STATEMENTS
from libra_provider.server.model.receipt import Receipt

_Opening = Callable[[], AbstractContextManager[Connection]]


class Receipts:
    """One receipt for each job that may upload; *reading* and *writing* open the ledger."""

    def __init__(self, reading: _Opening, writing: _Opening) -> None:
        self._reading = reading
        self._writing = writing

    def get(self, job_id: str) -> Receipt | None:
        """Return what the driver of *job_id* has reported, or None if it has not."""
        with self._reading() as connection:
            query = select(RECEIPTS).where(RECEIPTS.c.job_id == job_id)
            row = connection.execute(query).mappings().first()
        return _from_row(row) if row else None

    def put(self, receipt: Receipt) -> None:
        """Record *receipt* in place of the one before it."""
        with self._writing() as connection:
            connection.execute(delete(RECEIPTS).where(RECEIPTS.c.job_id == receipt.job_id))
            connection.execute(insert(RECEIPTS), _row(receipt))

    def find_silent(self, *, since: datetime) -> list[str]:
        """Return the announced jobs that have not ended and have not reported *since*."""
        unfinished = STATEMENTS.c.announced & STATEMENTS.c.completed_at.is_(None)
        query = (
            select(RECEIPTS.c.job_id)
            .join(STATEMENTS, STATEMENTS.c.job_id == RECEIPTS.c.job_id)
            .where(unfinished & (RECEIPTS.c.seen_at < since))
        )
        with self._reading() as connection:
            return list(connection.execute(query).scalars())


def _row(receipt: Receipt) -> dict[str, object]:
    last_words = receipt.last_words
    return {
        "job_id": receipt.job_id,
        "seen_at": receipt.seen_at,
        "attempts": json.dumps(receipt.attempts),
        "driver_id": receipt.driver_id,
        "digest": receipt.digest,
        "outcome": json.dumps(dict(receipt.outcome)),
        "last_words": None if last_words is None else json.dumps(dict(last_words)),
    }


def _from_row(row: RowMapping) -> Receipt:
    last_words = row["last_words"]
    return Receipt(
        job_id=row["job_id"],
        seen_at=row["seen_at"],
        attempts=tuple(json.loads(row["attempts"])),
        driver_id=row["driver_id"],
        digest=row["digest"],
        outcome=json.loads(row["outcome"]),
        last_words=None if last_words is None else json.loads(last_words),
    )
