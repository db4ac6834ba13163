"""Schedule statements: queue them, send them to the driver, and record their ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from libra_provider.core.kinds import DeployMode
from libra_provider.core.polling import utc_now
from libra_provider.core.status import DriverLocation, Progress
from libra_provider.server.artifacts.store import ArtifactStore
from libra_provider.server.driver.messages import (
    DriverReady,
    EstimateResult,
    KillStatement,
    SessionHolds,
    StatementEnded,
    StatementProgress,
)
from libra_provider.server.driver.supervisor import Supervisor
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.ledger.writer import LedgerWriter
from libra_provider.server.model.receipt import Receipt
from libra_provider.server.model.statement import Epoch, State, Statement, StatementSpec
from libra_provider.server.runners.queue import IsolatedQueue
from libra_provider.server.settings import Settings
from libra_provider.server.statements.estimates import PendingEstimates
from libra_provider.server.statements.session_contents import SessionContents
from libra_provider.server.statements.slots import Slots
from libra_provider.server.statements.tracked import ActiveStatement, TrackedStatements
from libra_provider.server.timing import DEFAULT, ServerTiming

_log = logging.getLogger(__name__)


class Scheduler:
    """The accepted statements that have not ended; used on one event loop.

    The supervisor reports the events of the driver to it. Its decisions are committed in the order
    in which they are made, even if the ledger is unavailable for a while, and reported only then.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        writer: LedgerWriter,
        driver: Supervisor,
        artifacts: ArtifactStore,
        *,
        timing: ServerTiming = DEFAULT,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._writer = writer
        self._driver = driver
        self._epoch: Epoch | None = None
        pythons = settings.max_python_sessions
        self._places = Slots(settings.max_running, settings.pools, pythons=pythons)
        self._holdings = SessionContents()
        self.tracked = TrackedStatements()
        self.estimates = PendingEstimates(driver.say, within=timing.estimate)
        self.isolated = IsolatedQueue(settings, self, artifacts, timing)
        self.draining = False

    @property
    def epoch(self) -> Epoch | None:
        """The epoch whose driver accepts statements now, or None."""
        return self._epoch if self._driver.facts else None

    @property
    def waiting(self) -> int:
        """The number of accepted statements that have not started."""
        return len(self._places) + self.isolated.waiting

    @property
    def running(self) -> Sequence[ActiveStatement]:
        """The statements that run on the shared driver."""
        return [live for live in self._begun_ones if live.statement.spec.deploy_mode is None]

    @property
    def ending_with_libra(self) -> Sequence[ActiveStatement]:
        """The running statements that end with Libra: all but those in drivers on the cluster."""
        cluster = DeployMode.CLUSTER
        return [live for live in self._begun_ones if live.statement.spec.deploy_mode != cluster]

    @property
    def _begun_ones(self) -> Sequence[ActiveStatement]:
        return [live for live in self.tracked.live.values() if live.told and not live.ended]

    def reserve(self, spec: StatementSpec) -> Epoch | None:
        """Take a slot if one is free; return its epoch. Then :meth:`enter` or :meth:`release`."""
        epoch = self.epoch
        if self.draining or not epoch or not self._places.take(spec):
            return None
        return epoch

    def release(self, spec: StatementSpec) -> None:
        """Return a slot, and start the next waiting statement."""
        self._places.give_back(spec)
        self._hand_out()

    def enter(self, statement: Statement, *, has_room: bool = False) -> ActiveStatement:
        """Schedule a statement that was just accepted, or was PENDING when Libra last stopped."""
        live = self.tracked.add(statement, has_room=has_room)
        if statement.spec.deploy_mode:
            self.isolated.submit(statement)
        elif has_room:
            self._hand_over(live)
        else:
            self._places.wait(live)
            self._hand_out()
        return live

    def leave_behind(self, statement: Statement) -> None:
        """Take over a statement that was RUNNING when Libra last stopped.

        On a dedicated driver it may go on; the rest becomes LOST once its epoch is over.
        """
        live = self.tracked.add(statement, told=True)
        if statement.spec.deploy_mode:
            self._set_timer(live)
            self.isolated.resume(statement)

    def kill(self, live: ActiveStatement) -> None:
        """Kill a statement; one that runs is killed by its driver."""
        live.killed = not live.timed_out
        if self._places.leave(live):
            self._settle(live, State.CANCELLED, error="The statement was killed before it started.")
        elif live.told and not live.ended:
            self._stop(live)
        elif live.statement.spec.deploy_mode and not live.ended:
            self.isolated.kill(live.job_id)
            self._settle(live, State.CANCELLED, error="The statement was killed before it started.")

    def _stop(self, live: ActiveStatement) -> None:
        if live.statement.spec.deploy_mode:
            self.isolated.kill(live.job_id)
        else:
            self._driver.say(KillStatement(live.job_id))

    def lose(self, live: ActiveStatement, reason: str) -> None:
        """Mark a statement as LOST whose driver has ended for *reason*."""
        epoch = live.statement.epoch
        over = f"Driver epoch {epoch.number if epoch else 'unknown'} is over ({reason})"
        advice = "it may have written data; check before you rerun it"
        if not live.told:
            advice = "it had not started and can be resubmitted"
        self._settle(live, State.LOST, error=f"{over}; {advice}.")

    def _hand_out(self) -> None:
        while (epoch := self.epoch) and not self.draining and (live := self._places.next()):
            live.has_room = True
            # RUNNING is committed before the driver gets it: after a crash, a statement that may
            # have run must never look as if it had not.
            begin = partial(
                self._ledger.move, live.statement, State.RUNNING, at=utc_now(), epoch=epoch
            )
            self._writer.write_eventually(begin).add_done_callback(partial(self._begun, live))

    def _begun(self, live: ActiveStatement, written: asyncio.Future[Statement]) -> None:
        if error := written.exception():
            self._unstorable(live, error)
            return
        live.statement = written.result()
        self._hand_over(live)

    def _hand_over(self, live: ActiveStatement) -> None:
        if live.killed:
            self._settle(live, State.CANCELLED, error="The statement was killed before it started.")
        elif live.statement.epoch is not self._epoch or not self._driver.is_there:
            self.lose(live, "its driver ended at that moment")
        else:
            live.told = True
            self._driver.say(live.run(self._settings))
            self._set_timer(live)

    def _set_timer(self, live: ActiveStatement) -> None:
        if seconds := live.statement.spec.timeout_seconds:
            ran = utc_now() - (live.statement.started_at or utc_now())
            left = max(0.0, seconds - ran.total_seconds())
            live.timer = asyncio.get_running_loop().call_later(left, self._time_out, live)

    def _time_out(self, live: ActiveStatement) -> None:
        if not live.killed:
            live.timed_out = True
            self._stop(live)

    def _settle(self, live: ActiveStatement, to: State, **outcome: Any) -> None:
        live.ended = True
        if live.timer:
            live.timer.cancel()
        move = partial(self._ledger.move, live.statement, to, at=utc_now(), **outcome)
        self._writer.write_eventually(move).add_done_callback(partial(self._settled, live))
        if live.has_room:
            live.has_room = False
            self.release(live.statement.spec)

    def _settled(self, live: ActiveStatement, written: asyncio.Future[Statement]) -> None:
        if error := written.exception():
            self._unstorable(live, error)
            return
        self.tracked.end(live, written.result())

    def _unstorable(self, live: ActiveStatement, error: BaseException) -> None:
        _log.error("Could not store the end of statement %s", live.job_id, exc_info=error)
        if live.unstorable:
            return  # the ledger's next opening calls it LOST
        live.unstorable = True
        why = f"Its end could not be stored ({type(error).__name__}); see Libra's log."
        self._settle(live, State.LOST, error=why)

    async def isolated_begins(self, job_id: str) -> Statement | None:
        """Commit that it is RUNNING and return it, or None if it was killed before."""
        live = self.tracked.live.get(job_id)
        if live is None or live.ended:
            return None
        # From now on, a kill is up to the runner.
        live.told = True
        begin = partial(self._ledger.move, live.statement, State.RUNNING, at=utc_now())
        try:
            live.statement = await self._writer.write_eventually(begin)
        except Exception as error:  # noqa: BLE001 - the ledger's own, which comes again
            self._unstorable(live, error)
            return None
        self._set_timer(live)
        return live.statement

    def driver_noted(
        self, job_id: str, *, driver_id: str | None = None, location: DriverLocation | None = None
    ) -> None:
        """Store the location of a dedicated driver."""
        if (live := self.tracked.live.get(job_id)) is None or live.ended:
            return
        known = live.statement
        live.statement = replace(
            known, driver_id=driver_id or known.driver_id, location=location or known.location
        )
        self._writer.write_eventually(partial(self._ledger.record_driver, live.statement))

    async def receipt(self, job_id: str) -> Receipt | None:
        """Return what a dedicated driver has uploaded and reported."""
        return await self._writer.write_eventually(partial(self._ledger.receipts.get, job_id))

    async def epoch_begins(self) -> Epoch:
        """Return a new epoch, for the driver that is about to start."""
        return await self._writer.write_eventually(self._ledger.open_epoch)

    def epoch_ready(self, epoch: Epoch, ready: DriverReady) -> None:
        """Store the location of the driver, and start waiting statements."""
        self._epoch = replace(
            epoch, host=ready.host, application_id=ready.application_id, spark_ui=ready.spark_ui
        )
        self._writer.write_eventually(partial(self._ledger.record_epoch, self._epoch))
        self._hand_out()

    def epoch_resumes(self) -> None:
        """Start the statements that arrived in the meantime."""
        self._hand_out()

    def epoch_ended(self, reason: str) -> None:
        """Mark as LOST what ran, and what waits for a session that has lost what it held."""
        self._epoch = None
        self.estimates.refuse(reason)
        for live in self.running:
            self._holdings.suppose(live)
            self.lose(live, reason)
        for live in self._places.waiting:
            if missed := self._holdings.missed_by(live):
                self._refuse_to_run(live, missed, reason)
        self._holdings.clear()
        self._writer.write_eventually(self._ledger.delete_holdings)

    def _refuse_to_run(self, live: ActiveStatement, missed: str, reason: str) -> None:
        self._places.leave(live)
        why = (
            f"Session {live.statement.spec.session!r} lost {missed} when its driver ended"
            f" ({reason})."
            " The statement was not run. Recreate them and resubmit it."
        )
        self._settle(live, State.LOST, error=why)

    def session_holds(self, held: SessionHolds) -> None:
        """Store what would be lost if the driver ended."""
        self._holdings.note(held)
        self._writer.write_eventually(partial(self._ledger.record_holding, held.session, held.what))

    def know_holdings(self, holdings: Mapping[str, Sequence[str]]) -> None:
        """Restore what sessions held when Libra last stopped."""
        for session, what in holdings.items():
            self._holdings.note(SessionHolds(session, what))

    def statement_ended(self, ended: StatementEnded) -> None:
        """Commit the end of a statement, then report it to waiting clients."""
        live = self.tracked.live.get(ended.job_id)
        if live is None or live.ended:
            _log.warning(
                "Ignored a report of the driver: statement %s has ended already", ended.job_id
            )
            return
        state, outcome = live.outcome(ended)
        self._settle(live, state, **outcome)

    def statement_progressed(self, progressed: StatementProgress) -> None:
        """Record the progress of a statement."""
        if live := self.tracked.live.get(progressed.job_id):
            told = asdict(progressed)
            del told["job_id"]
            live.progress = Progress(**told)

    def estimated(self, estimated: EstimateResult) -> None:
        """Deliver an estimate."""
        self.estimates.answered(estimated)
