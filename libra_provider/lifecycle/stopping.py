"""Stopping a job while Airflow ends the task: within seconds, and with nothing but the network."""

from __future__ import annotations

import threading
import time

from libra_provider.clients.adoption import Sought
from libra_provider.core.errors import LibraError
from libra_provider.core.units import readable_duration
from libra_provider.hooks.base import ServerHook
from libra_provider.lifecycle.record import Record

_AGAIN = 0.2  # seconds


class Stop:
    """Tells the job of *record* to stop, in a thread and over connections of its own.

    A signal may have interrupted the caller anywhere, also where it holds a lock: of a connection
    pool, of the logging. So the thread shares neither with it.
    """

    def __init__(self, server: ServerHook, record: Record) -> None:
        self._server = server.apart()
        self._record = record
        self._job_id = record.job_id
        self._said = "its server did not answer"
        self._is_told = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def within(self, seconds: float) -> tuple[bool, str]:
        """Whether the job was seen to end in time, and a sentence about it; it is tried on."""
        self._thread.start()
        self._thread.join(seconds)
        if self._ended:
            return True, f"{self._job_id} has stopped: {self._said}"
        name = self._job_id or f"The job with tag {self._record.tag}"
        waited = f"was not seen to stop within {readable_duration(seconds)} ({self._said})"
        return False, f"{name} {waited}; the next try stops it, or: libra kill"

    def _run(self) -> None:
        while not self._ended:
            try:
                self._step()
            except LibraError as error:
                self._said = str(error)
            time.sleep(_AGAIN)

    def _step(self) -> None:
        if self._job_id is None:
            record = self._record
            sought = Sought(tag=record.tag, since=record.submitted_at, main_class=record.main_class)
            self._job_id = next(iter(self._server.find(sought).carriers), None)
            self._said = "whether it was submitted is not known"
            return
        if not self._is_told:
            self._said = self._server.kill(self._job_id)
            self._is_told = True
        status = self._server.status(self._job_id)
        if status.state.is_terminal:
            self._said, self._ended = str(status.state), True
