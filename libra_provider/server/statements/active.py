"""A statement between its acceptance and its end, as this process tracks it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from libra_provider.core.polling import utc_now
from libra_provider.core.status import Progress
from libra_provider.server.driver.messages import RunStatement, StatementEnded
from libra_provider.server.model.statement import PoolQueue, State, Statement
from libra_provider.server.settings import Settings

TIMEOUT = "LIBRA_TIMEOUT"


@dataclass(slots=True, eq=False)
class ActiveStatement:
    """``statement`` is what is committed; ``over`` is done once its end is committed.

    ``has_room``: it takes a slot of the driver. ``told``: it was sent to the driver. ``ended``: its
    outcome is known, but maybe not committed yet. The first to stop it, a client (``killed``) or
    its timeout, decides how it ends.
    """

    statement: Statement
    over: asyncio.Future[Statement]
    has_room: bool = False
    told: bool = False
    ended: bool = False
    killed: bool = False
    timed_out: bool = False
    progress: Progress | None = None
    timer: asyncio.TimerHandle | None = None
    unstorable: bool = False

    @property
    def job_id(self) -> str:
        """The statement's id."""
        return self.statement.job_id

    @property
    def seen(self) -> Statement:
        """Return the statement with its current progress."""
        if self.progress is None or self.statement.state is not State.RUNNING:
            return self.statement
        return replace(self.statement, progress=self.progress)

    def run(self, settings: Settings) -> RunStatement:
        """Return the message that starts it on the shared driver."""
        spec = self.statement.spec
        return RunStatement(
            job_id=self.job_id,
            session=self.job_id if spec.has_own_session else spec.session,
            ends_session=spec.has_own_session,
            code=spec.code,
            pool=spec.pool,
            kind=spec.kind,
            args=spec.args,
            main_class=spec.main_class,
            file_path=spec.file_path,
            parameters=spec.parameters,
            description=spec.description,
            as_text=spec.as_text,
            result_limit=spec.result_limit or settings.result_limit,
            result_max_bytes=settings.result_max_bytes,
            result_path=spec.result_path,
        )

    def outcome(self, ended: StatementEnded) -> tuple[State, dict[str, Any]]:
        """Return the final state, and the fields that the ledger stores with it."""
        values = {name: getattr(ended, name) for name in StatementEnded.__slots__}
        state = State(values.pop("state"))
        del values["job_id"]
        if state is State.CANCELLED and self.timed_out:
            seconds = self.statement.spec.timeout_seconds
            why = (
                f"The statement exceeded timeoutSeconds={seconds:g} and was killed; increase the"
                " timeout or make it faster."
            )
            state, values = State.FAILED, {"error": why, "error_class": TIMEOUT}
        return state, values | {"progress": self.progress}


def queues(pools: Iterable[str], live: Iterable[ActiveStatement]) -> list[PoolQueue]:
    """Count the statements in *live* by pool; pools that the settings lack come last."""
    now = utc_now()
    waiting: dict[str, list[float]] = {name: [] for name in pools}
    running = dict.fromkeys(waiting, 0)
    for each in live:
        pool = each.statement.spec.pool
        waits = waiting.setdefault(pool, [])
        running.setdefault(pool, 0)
        if each.statement.state is State.PENDING:
            waits.append((now - each.statement.submitted_at).total_seconds())
        else:
            running[pool] += 1
    return [
        PoolQueue(
            pool=pool,
            waiting=len(waits),
            running=running[pool],
            oldest_waiting_seconds=max(waits, default=0.0),
        )
        for pool, waits in waiting.items()
    ]
