"""The statements in memory: those that have not ended, and those that ended last."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from libra_provider.core.polling import utc_now
from libra_provider.core.status import Progress
from libra_provider.server.driver.messages import RunStatement, StatementEnded
from libra_provider.server.model.statement import PoolQueue, State, Statement
from libra_provider.server.settings import Settings

TIMEOUT = "LIBRA_TIMEOUT"
_MOST_ENDED = 1000
_LONGEST = 16 * 1024  # characters


@dataclass(slots=True, eq=False)
class ActiveStatement:
    """A statement between its acceptance and its end.

    ``statement`` is what is committed; ``over`` is done once its end is committed.
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


class TrackedStatements:
    """The statements by id: those in ``live`` have not ended; of the others, the last small ones.

    Their status needs no query of the ledger.
    """

    def __init__(self) -> None:
        self.live: dict[str, ActiveStatement] = {}
        self._ended: OrderedDict[str, Statement] = OrderedDict()

    def get(self, job_id: str) -> Statement | None:
        """Return the statement with its current progress, or None if it is not here."""
        live = self.live.get(job_id)
        return live.seen if live else self._ended.get(job_id)

    def add(
        self, statement: Statement, *, has_room: bool = False, told: bool = False
    ) -> ActiveStatement:
        """Track *statement*, which has not ended; see ActiveStatement."""
        over = asyncio.get_running_loop().create_future()
        live = ActiveStatement(statement, over, has_room=has_room, told=told)
        self.live[statement.job_id] = live
        return live

    def end(self, live: ActiveStatement, statement: Statement) -> None:
        """Note that *live* has ended as *statement*, and report it to whoever waits for it."""
        del self.live[live.job_id]
        self._keep(statement)
        live.over.set_result(statement)

    def forget(self, job_ids: Iterable[str]) -> None:
        """Drop ended statements that the ledger no longer has."""
        for job_id in job_ids:
            self._ended.pop(job_id, None)

    def queues(self, pools: Iterable[str]) -> Sequence[PoolQueue]:
        """Count the live statements by pool; pools that are not in *pools* come last."""
        now = utc_now()
        waiting: dict[str, list[float]] = {name: [] for name in pools}
        running = dict.fromkeys(waiting, 0)
        for each in self.live.values():
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

    def _keep(self, statement: Statement) -> None:
        texts = (
            statement.spec.to_json(),
            statement.text,
            statement.value,
            statement.error,
            statement.result_schema,
        )
        if sum(len(text or "") for text in texts) <= _LONGEST:
            self._ended[statement.job_id] = statement
        if len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)
