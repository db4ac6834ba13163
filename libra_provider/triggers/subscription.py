"""The subscription of one trigger at a poller: news for its task log, and the outcome."""

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
from libra_provider.hooks.watch import log_lines, update

NEVER = -math.inf


class Subscription:
    """One watch over one job, between the poller and the trigger that waits.

    By the poller's clock: ``due`` is when to poll again, ``asked_alone`` when it was last polled by
    a separate request, ``read_at`` when its log was last read. ``reading``: its log is being read.
    The trigger awaits :meth:`outcome`, so that lines logged there go to the log of its task.
    """

    __slots__ = (
        *("asked_alone", "due", "read_at", "reading", "seen", "status", "view"),
        *("_leave", "_news", "_outcome", "_lines"),
    )

    def __init__(self, view: JobView, seen: Watch, leave: Callable[[Subscription], None]) -> None:
        self.view, self.seen, self._leave = view, seen, leave
        self.due = self.asked_alone = self.read_at = NEVER
        self.reading = False
        self.status: JobStatus | None = None
        self._outcome: Outcome | None = None
        self._lines: tuple[tuple[int, str], ...] = ()
        self._news: asyncio.Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether the watch has ended."""
        return self._outcome is not None

    @property
    def wants_to_read(self) -> bool:
        """Whether the job has details to read that are not being read yet."""
        return not self.reading and bool(self.status and self.view.has_details(self.status))

    def update(self, answer: Observation | ServerError) -> None:
        """Take *answer* into account; wake the trigger only if it is news."""
        if self.is_over:
            return
        place = self.seen.status.location
        self._outcome, lines = update(self.seen, answer)
        self._lines += tuple(lines)
        if lines or self._outcome or self.seen.status.location != place:
            self._wake()

    def give_up(self, why: str) -> None:
        """End the watch without a final state: the job continues, and the task may rejoin it."""
        if not self.is_over:
            unclear = replace(self.seen.status, state=JobState.UNCLEAR)
            self._outcome = Outcome(unclear, f"{why}; it may still run")
            self._wake()

    async def outcome(
        self, placed: Callable[[DriverLocation], Awaitable[None]] | None = None
    ) -> Outcome:
        """Wait for the outcome of the watch, and log its news until then.

        *placed* is called with the location of the job whenever more of it is known.
        """
        published = None
        try:
            while True:
                self._show()
                location = self.seen.status.location
                if self._outcome:
                    return self._outcome
                if placed and location and location != published:
                    published = location
                    await placed(location)
                    continue
                self._news = asyncio.get_running_loop().create_future()
                await self._news
        finally:
            self._leave(self)

    def _show(self) -> None:
        # Not in outcome itself, whose frame would keep these lines until there are new ones.
        lines, self._lines = self._lines, ()
        log_lines(lines)

    def _wake(self) -> None:
        if self._news and not self._news.done():
            self._news.set_result(None)
