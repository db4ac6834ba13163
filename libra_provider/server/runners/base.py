"""The interfaces of runners of ISOLATED statements, and of their listener."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from libra_provider.core.kinds import Kind
from libra_provider.core.polling import utc_now
from libra_provider.core.status import DriverLocation
from libra_provider.server.driver.messages import StatementEnded
from libra_provider.server.model.receipt import Receipt
from libra_provider.server.model.statement import State, Statement


@dataclass(slots=True, kw_only=True, eq=False)
class IsolatedRun:
    """One statement that waits for a free place, or runs.

    ``killed`` is set once it must end. ``note(driver_id=…, location=…)`` stores what becomes known
    about its driver; ``receipt()`` returns what the driver has uploaded and reported. ``resumed``:
    it was started before Libra restarted.
    """

    statement: Statement
    note: Callable[..., None]
    receipt: Callable[[], Awaitable[Receipt | None]]
    killed: asyncio.Event = field(default_factory=asyncio.Event)
    resumed: bool = False
    has_begun: bool = False

    @property
    def job_id(self) -> str:
        """The statement's id, which is also the tag of its driver."""
        return self.statement.job_id


class Runner(Protocol):
    """Runs statements on dedicated drivers of one deploy mode.

    ``ends_with_libra``: its drivers end when Libra does.
    """

    ends_with_libra: bool

    async def run(self, run: IsolatedRun) -> StatementEnded:
        """Run the statement and return how it ended; when cancelled, end drivers of this Libra."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class RunListener(Protocol):
    """Stores the statements."""

    async def isolated_begins(self, job_id: str) -> Statement | None:
        """Commit that it is RUNNING and return it, or None if it was killed while it waited."""
        ...

    def driver_noted(
        self,
        job_id: str,
        *,
        driver_id: str | None = None,
        location: DriverLocation | None = None,
    ) -> None:
        """Store the location of a driver."""
        ...

    async def receipt(self, job_id: str) -> Receipt | None:
        """Return what a driver has uploaded and reported, or None if nothing."""
        ...

    def statement_ended(self, ended: StatementEnded) -> None:
        """Record the end of a statement."""
        ...


def lost(job_id: str, why: str) -> StatementEnded:
    """Return the end of a statement whose outcome is unknown, because *why*."""
    advice = "it may have written data; check before you rerun it"
    return StatementEnded(job_id=job_id, state=State.LOST, error=f"{why}; {advice}.")


def promises(statement: Statement) -> bool:
    """Whether success requires a result: SQL always has one, even if without columns."""
    return statement.spec.kind == Kind.SQL


def succeeded(run: IsolatedRun, receipt: Receipt | None) -> StatementEnded:
    """Return the end of a statement whose driver succeeded, with what it has uploaded."""
    known = receipt or Receipt(job_id=run.job_id, seen_at=utc_now())
    state, outcome = known.success(promised=promises(run.statement))
    return StatementEnded(job_id=run.job_id, state=state, **outcome)


def known_end(run: IsolatedRun, receipt: Receipt | None) -> StatementEnded | None:
    """Return the end that the driver has reported, or None."""
    words = dict(receipt.last_words or {}) if receipt else {}
    if words.get("state") == State.SUCCESS:
        return succeeded(run, receipt)
    return StatementEnded(job_id=run.job_id, **words) if words else None
