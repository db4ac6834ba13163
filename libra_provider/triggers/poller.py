"""The one poller for all triggers of a server, whose requests do not grow with their number."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context

from libra_provider.clients.observation import Observation
from libra_provider.core.errors import AccessDenied, LibraError, ServerError
from libra_provider.core.polling import Watch
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook
from libra_provider.triggers.log_reader import LogReader
from libra_provider.triggers.subscription import NEVER, Subscription
from libra_provider.triggers.timing import DEFAULT, PollerTiming

log = logging.getLogger(__name__)
# Each poller shortens its interval by a random factor, so that triggerers do not poll in step.
_SHORTEST_INTERVAL = 0.9
# Requests about single jobs: at the same time, and per second if no page lists them.
_ALONE_AT_ONCE = 16
_ALONE_PER_SECOND = 100
_BREATH = 500  # jobs to update before other tasks of the event loop get their turn
_STOPPED = "the poller of this triggerer was stopped"
MakeLogReader = Callable[[ServerHook, PollerTiming], LogReader]


class Poller:
    """Polls *server* for all jobs that triggers of this event loop wait for.

    *renew* reads the connection again; it is called when the server denies access. A poller runs
    from its creation until the last trigger has left, and then closes *server*.
    """

    def __init__(
        self,
        server: ServerHook,
        renew: Callable[[], Awaitable[object]],
        timing: PollerTiming = DEFAULT,
        *,
        reader: MakeLogReader = LogReader,
    ) -> None:
        self._server, self._renew, self._timing = server, renew, timing
        self._group = server.group()
        self._members: set[Subscription] = set()
        self._asked: dict[Subscription, None] = {}  # those of them whose jobs have not ended
        self._joined = asyncio.Event()
        self._slots = asyncio.Semaphore(_ALONE_AT_ONCE)
        self._reader = reader(server, timing)
        self._origin = time.monotonic()
        self._measure = random.uniform(_SHORTEST_INTERVAL, 1)  # noqa: S311 - no secret
        self._refused, self._renewed = False, NEVER
        self._ended = False
        # An empty context: what is logged here belongs to no trigger's task.
        self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())

    @property
    def is_over(self) -> bool:
        """Whether it accepts no more triggers."""
        return self._ended or self._task.cancelling() > 0

    def join(self, seen: Watch, *, with_log: bool) -> Subscription:
        """The subscription of a trigger that waits for the job of *seen*."""
        view = self._group.view(seen.status.job_id, with_log=with_log)
        waiting = Subscription(view, seen, self._leave)
        self._members.add(waiting)
        self._asked[waiting] = None
        self._joined.set()
        return waiting

    def _leave(self, waiting: Subscription) -> None:
        self._members.discard(waiting)
        self._asked.pop(waiting, None)
        if not self._members and not self._ended:
            self._task.cancel()

    async def _run(self) -> None:
        why = _STOPPED
        try:
            while True:
                now = time.monotonic()
                await self._round([each for each in self._asked if each.due <= now])
                self._reader.read_some(self._asked)
                await self._until_somebody_is_due()
        except Exception as error:
            log.exception("The poller of %s failed", self._server.server_url)
            why = f"the poller of this triggerer failed: {error!r}"
        finally:
            self._ended = (
                True  # before anything is awaited: a trigger that joins now would wait forever
            )
            for waiting in self._members:
                waiting.give_up(why)
            await self._reader.close()
            await self._server.aclose()

    async def _until_somebody_is_due(self) -> None:
        await asyncio.sleep(self._timing.soonest)
        self._joined.clear()
        due = min((each.due for each in self._asked), default=math.inf)
        if (wait := due - time.monotonic()) <= 0:
            return
        try:
            async with asyncio.timeout(None if wait == math.inf else wait):
                await self._joined.wait()
        except TimeoutError:
            return

    async def _round(self, asked: Sequence[Subscription]) -> None:
        """Poll the jobs of *asked* and update each subscription."""
        if not asked:
            return
        try:
            views = [each.view for each in asked]
            together = await self._server.arun_dialogue(self._group.together(views))
            await self._tell(asked, together or {})
            alone = self._left(asked, together)
            await asyncio.gather(*map(self._ask_alone, alone))
        except ServerError as error:
            await self._tell_all(asked, error)
        except Exception as error:
            # One unexpected response must not end all watches; each has limited patience.
            log.exception("Could not poll the jobs at %s", self._server.server_url)
            await self._tell_all(asked, ServerError(self._server.server_url, repr(error)))
        if self._refused:
            await self._renew_connection()

    async def _tell(self, asked: Sequence[Subscription], told: Mapping[str, JobStatus]) -> None:
        for number, waiting in enumerate(asked, 1):
            if status := told.get(waiting.view.job_id):
                waiting.asked_alone = NEVER
                self._take(waiting, status)
            if number % _BREATH == 0:
                await asyncio.sleep(0)

    async def _tell_all(self, asked: Sequence[Subscription], error: ServerError) -> None:
        for number, waiting in enumerate(asked, 1):
            self._answer(waiting, error)
            if number % _BREATH == 0:
                await asyncio.sleep(0)

    def _left(
        self, asked: Sequence[Subscription], together: Mapping[str, JobStatus] | None
    ) -> Sequence[Subscription]:
        """The jobs to poll one by one now: those that just left the page, and some others.

        A driver that has left the page has ended, and is polled once. Drivers that the page never
        lists, and all drivers while there is no page, take turns.
        """
        left = [each for each in asked if together is None or each.view.job_id not in together]
        left.sort(key=lambda each: each.asked_alone)
        new = sum(each.asked_alone == NEVER for each in left) if together is not None else 0
        most = max(new, _ALONE_PER_SECOND)
        for each in left[most:]:
            each.due = time.monotonic() + 1
        return left[:most]

    async def _ask_alone(self, waiting: Subscription) -> None:
        waiting.asked_alone = time.monotonic()
        try:
            async with self._slots:
                status = await self._server.arun_dialogue(waiting.view.state())
        except ServerError as error:
            self._answer(waiting, error)
        except LibraError as error:
            waiting.give_up(str(error))
            self._asked.pop(waiting, None)
        else:
            self._take(waiting, status)

    def _take(self, waiting: Subscription, status: JobStatus) -> None:
        """Take the *status* of the job of *waiting* into account; read the rest of an ended job."""
        same, waiting.status = status is waiting.status, status
        if status.state.is_terminal and waiting.view.has_details(status):
            self._asked.pop(waiting, None)
            self._reader.read(waiting)
        elif same and waiting.seen.waits_for_news:
            self._schedule(waiting)
        else:
            self._answer(waiting, Observation(waiting.view.known(status)))

    def _answer(self, waiting: Subscription, answer: Observation | ServerError) -> None:
        self._refused |= isinstance(answer, AccessDenied)
        waiting.update(answer)
        if waiting.is_over:
            self._asked.pop(waiting, None)
        else:
            self._schedule(waiting)

    def _schedule(self, waiting: Subscription) -> None:
        """Set when the job is polled again; jobs with long intervals are polled together."""
        now, wait = time.monotonic(), waiting.seen.wait
        interval = waiting.seen.patience.poll_interval * self._measure
        waiting.due = now + wait
        if wait >= interval:
            beats = math.floor((now + wait - interval - self._origin) / interval) + 1
            waiting.due = self._origin + beats * interval

    async def _renew_connection(self) -> None:
        self._refused = False
        if time.monotonic() < self._renewed + self._timing.renew_every:
            return
        self._renewed = time.monotonic()
        try:
            await self._renew()
        except Exception:
            log.exception("Could not read the connection of %s again", self._server.server_url)
