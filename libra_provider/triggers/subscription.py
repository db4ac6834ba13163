"""One trigger's place at a poller: what is news for its own task log, and how its watch ends."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace

from libra_provider.clients.observation import JobView, Observation
from libra_provider.core.errors import ServerError
from libra_provider.core.polling import Outcome, Watch
from libra_provider.core.states import JobState
from libra_provider.core.status import DriverLocation, JobStatus
from libra_provider.hooks.watch import show, told

NEVER = -math.inf


class Subscription:
    """One watch over one job, between the poller that asks and the trigger that waits.

    By the poller's clock: ``due`` is when to ask again, ``asked_alone`` when it was asked about by
    a question of its own, ``read_at`` when its log was read; ``reading``: it is just now.
    Awaiting :meth:`outcome` is the trigger's part: what is logged there lands in the log of the
    trigger's own task.
    """

    __slots__ = (
        *("asked_alone", "due", "read_at", "reading", "seen", "status", "view"),
        *("_leave", "_news", "_outcome", "_said"),
    )

    def __init__(self, view: JobView, seen: Watch, leave: Callable[[Subscription], None]) -> None:
        self.view, self.seen, self._leave = view, seen, leave
        self.due = self.asked_alone = self.read_at = NEVER
        self.reading = False
        self.status: JobStatus | None = None
        self._outcome: Outcome | None = None
        self._said: tuple[tuple[int, str], ...] = ()
        self._news: asyncio.Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nobody has to ask any more."""
        return self._outcome is not None

    @property
    def wants_to_read(self) -> bool:
        """Whether there is more to learn than the state, and nobody learns it yet."""
        return not self.reading and bool(self.status and self.view.has_details(self.status))

    def tell(self, answer: Observation | ServerError) -> None:
        """Take *answer* into account; wakes the trigger only if that is news."""
        if self.is_over:
            return
        place = self.seen.status.location
        self._outcome, said = told(self.seen, answer)
        self._said += tuple(said)
        if said or self._outcome or self.seen.status.location != place:
            self._wake()

    def give_up(self, why: str) -> None:
        """End the watch without an answer: the job goes on, and the task may find it again."""
        if not self.is_over:
            unclear = replace(self.seen.status, state=JobState.UNCLEAR)
            self._outcome = Outcome(unclear, f"{why}; it may still run")
            self._wake()

    async def outcome(
        self, placed: Callable[[DriverLocation], Awaitable[None]] | None = None
    ) -> Outcome:
        """How the watch ended; until then its news are logged here.

        *placed* is told where the job runs, whenever more is known of it.
        """
        told_of = None
        try:
            while True:
                self._show()
                location = self.seen.status.location
                if self._outcome:
                    return self._outcome
                if placed and location and location != told_of:
                    told_of = location
                    await placed(location)
                    continue
                self._news = asyncio.get_running_loop().create_future()
                await self._news
        finally:
            self._leave(self)

    def _show(self) -> None:
        # Not in outcome itself: its frame would keep these lines until there are new ones.
        said, self._said = self._said, ()
        show(said)

    def _wake(self) -> None:
        if self._news and not self._news.done():
            self._news.set_result(None)
