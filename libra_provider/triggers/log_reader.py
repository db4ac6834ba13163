"""Reads the logs and details of jobs: in turns while they run, completely at their end."""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import Iterable
from dataclasses import replace

from libra_provider.clients.observation import Observation
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook
from libra_provider.triggers.subscription import Subscription
from libra_provider.triggers.timing import DEFAULT, PollerTiming

log = logging.getLogger(__name__)
READ = 10  # running jobs, within PollerTiming.reads_within
_AT_ONCE = 16


class LogReader:
    """Reads logs, locations and failures of jobs at *server*, and passes them to subscriptions."""

    def __init__(self, server: ServerHook, timing: PollerTiming = DEFAULT) -> None:
        self._server, self._within = server, timing.reads_within
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._readings: set[asyncio.Task[None]] = set()
        self._budget, self._counted = float(READ), time.monotonic()

    def read_some(self, waiting: Iterable[Subscription]) -> None:
        """Start to read those of *waiting* that were read longest ago, as many as are allowed."""
        now = time.monotonic()
        earned = (now - self._counted) * READ / self._within
        self._budget, self._counted = min(self._budget + earned, READ), now
        if self._budget < 1:
            return
        ready = (each for each in waiting if each.read_at + each.seen.wait <= now)
        want = (each for each in ready if each.wants_to_read)
        for each in heapq.nsmallest(int(self._budget), want, key=lambda each: each.read_at):
            self._budget -= 1
            self.read(each)

    def read(self, waiting: Subscription) -> None:
        """Start to read one, unless it is being read: its end is then read afterwards."""
        if waiting.status and not waiting.reading:
            waiting.reading, waiting.read_at = True, time.monotonic()
            reading = asyncio.create_task(self._read(waiting, waiting.status))
            self._readings.add(reading)
            reading.add_done_callback(self._readings.discard)

    async def close(self) -> None:
        """Stop reading."""
        for reading in self._readings:
            reading.cancel()
        await asyncio.gather(*self._readings, return_exceptions=True)

    async def _read(self, waiting: Subscription, status: JobStatus) -> None:
        async with self._slots:
            look = await self._look(waiting, status)
        waiting.reading = False
        now = waiting.status or status
        if now.state.is_terminal and not status.state.is_terminal:
            waiting.update(look)
            self.read(waiting)
        else:
            known = look.status if now is status else waiting.view.known(now)
            waiting.update(replace(look, status=known))

    async def _look(self, waiting: Subscription, status: JobStatus) -> Observation:
        try:
            return await self._server.arun_dialogue(waiting.view.details(status))
        except Exception as error:  # the end of the job must be reported in any case
            log.exception("Could not read the log of %s", status.job_id)
            return Observation(
                status, warning=f"{status.job_id}: its log could not be read: {error}"
            )
