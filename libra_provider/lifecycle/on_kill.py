"""Stops a job while Airflow ends the task: within seconds, and without calls to Airflow."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Any

from libra_provider.clients.steps import Step, Steps, run
from libra_provider.clients.stop import Stop, StopTiming
from libra_provider.clients.submit_once import SubmitTiming, TagMatches
from libra_provider.core.errors import LibraError
from libra_provider.core.status import JobStatus
from libra_provider.core.units import readable_duration
from libra_provider.hooks.base import ServerHook
from libra_provider.lifecycle.adoption import Adoption, finding
from libra_provider.lifecycle.task_record import TaskRecord

log = logging.getLogger(__name__)
# The thread that waits for it stops waiting after a while.
_ENDLESS = SubmitTiming(patience=math.inf, grace=math.inf, look_every=0.2)


def stop(
    server: ServerHook,
    record: TaskRecord,
    *,
    within: float,
    then: Callable[[], None] = lambda: None,
) -> None:
    """Kill the job of *record*, and wait for its end for up to *within* seconds.

    *then* is called after its end, in the same thread and within the same time.

    A signal may have interrupted the caller while it held a lock, of a connection pool or of the
    logging. So a separate thread with separate connections does it, and its lines are logged later.
    """
    stopping = _Stopping(server, record, then)
    stopping.start()
    stopping.join(within)
    for line in stopping.lines[:]:
        log.log(*line)
    if stopping.ended:
        return
    name = stopping.job_id or f"The job with tag {record.tag}"
    text = (
        "%s did not stop within %s, as far as is known (%s). The next try stops it;"
        " or run: libra kill"
    )
    log.error(text, name, readable_duration(within), stopping.known)


class _Stopping(threading.Thread):
    """Finds the job, if its id is unknown, and kills it; ``known`` is the latest information."""

    def __init__(self, server: ServerHook, record: TaskRecord, then: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.job_id = record.job_id
        self.known = "its server did not respond"
        self.lines: list[tuple[Any, ...]] = []
        self.ended = False
        self._server = server.with_new_connections()
        self._record = record
        self._then = then

    def run(self) -> None:
        try:
            run(self._steps(), self._answer)
        except LibraError:
            return  # the error is in self.known
        self.ended = True
        self._then()

    def _steps(self) -> Steps[JobStatus]:
        if self.job_id is None:
            adoption = Adoption(self._server, _ENDLESS)
            self.job_id = yield from adoption.of(
                self._record.tag, log_message=self._log
            ).find_surely()
        assert self.job_id is not None  # noqa: S101 - an endless search finds it
        timing = StopTiming.endless(look_every=_ENDLESS.look_every)
        # The kill must be requested within seconds; a poll before it could take too long.
        stop = Stop(job_id=self.job_id, timing=timing, kill_first=True, log_message=self._log)
        return (yield from stop.stop())

    def _answer(self, step: Step) -> Any:
        try:
            answer = finding(self._server, self._record, step)
        except LibraError as error:
            self.known = str(error)
            raise
        match answer:
            case TagMatches():
                self.known = "whether it was submitted is unknown"
            case JobStatus():
                self.known = f"it is {answer.state}"
            case _:
                self.known = str(answer)
        return answer

    def _log(self, *line: Any) -> None:
        self.lines.append(line)
