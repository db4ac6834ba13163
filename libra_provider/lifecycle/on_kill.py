"""Stopping a job while Airflow ends the task: within seconds, and with nothing but the network."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from libra_provider.clients.standalone.find_by_tag import TagQuery
from libra_provider.core.errors import LibraError
from libra_provider.core.units import readable_duration
from libra_provider.hooks.base import ServerHook
from libra_provider.lifecycle.task_record import TaskRecord

log = logging.getLogger(__name__)
_AGAIN = 0.2  # seconds


def stop(
    server: ServerHook,
    record: TaskRecord,
    *,
    within: float,
    then: Callable[[], None] = lambda: None,
) -> None:
    """Tell the job of *record* to stop, and wait for its end for so many seconds at the most.

    *then* follows its end, in the same thread and within the same time.

    A signal may have interrupted the caller anywhere, also where it holds a lock: of a connection
    pool, of the logging. So it is done in a thread, over connections of its own, and told later.
    """
    stopping = _Stopping(server, record, then)
    stopping.start()
    stopping.join(within)
    if stopping.ended:
        log.info("%s has stopped: %s", stopping.job_id, stopping.said)
        return
    name = stopping.job_id or f"The job with tag {record.tag}"
    text = "%s was not seen to stop within %s (%s); the next try stops it, or: libra kill"
    log.error(text, name, readable_duration(within), stopping.said)


class _Stopping(threading.Thread):
    """Kills once, then looks until the job is over; ``said`` is the last that is known."""

    def __init__(self, server: ServerHook, record: TaskRecord, then: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.job_id = record.job_id
        self.said = "its server did not answer"
        self.ended = False
        self._server = server.apart()
        self._record = record
        self._then = then
        self._is_told = False

    def run(self) -> None:
        while not self.ended:
            try:
                self._step()
            except LibraError as error:
                self.said = str(error)
            time.sleep(_AGAIN)
        self._then()

    def _step(self) -> None:
        if self.job_id is None:
            record = self._record
            sought = TagQuery(
                tag=record.tag, since=record.submitted_at, main_class=record.main_class
            )
            self.job_id = next(iter(self._server.find(sought).carriers), None)
            self.said = "whether it was submitted is not known"
            return
        if not self._is_told:
            self.said = self._server.kill(self.job_id)
            self._is_told = True
        status = self._server.status(self.job_id)
        if status.state.is_terminal:
            self.said, self.ended = str(status.state), True
