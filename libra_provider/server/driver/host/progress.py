"""The progress of running statements, reported every second, if they run that long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # py4j has no types
from pyspark import SparkContext

from libra_provider.server.driver.host.timing import DEFAULT
from libra_provider.server.driver.messages import Message, StatementProgress

_FINAL = {"COMPLETE", "FAILED", "SKIPPED"}


@dataclass(frozen=True, slots=True)
class _Stage:
    done: bool
    tasks_done: int
    tasks: int
    rows: int
    bytes: int


@dataclass(slots=True)
class _Watched:
    since: float
    reported: StatementProgress | None = None
    # A stage that has ended does not change: Spark is not called again.
    ended: dict[int, _Stage] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class ProgressReporter:
    """Watches statements between ``begin`` and ``end``, and passes changes to *say*."""

    def __init__(
        self,
        context: SparkContext,
        say: Callable[[Message], None],
        *,
        every: float = DEFAULT.progress,
    ) -> None:
        self._every = every
        self._tracker = context.statusTracker()
        self._store: Any = context._jsc.sc().statusStore()  # noqa: SLF001  # pyspark's tracker has no metrics
        self._say = say
        self._watched: dict[str, _Watched] = {}
        threading.Thread(target=self._watch, daemon=True, name="progress").start()

    def begin(self, job_id: str) -> None:
        """Watch the statement from now on."""
        self._watched[job_id] = _Watched(time.monotonic())

    def end(self, job_id: str) -> None:
        """Report the last numbers of a statement that ran long enough to have any."""
        watched = self._watched.pop(job_id)
        if time.monotonic() - watched.since >= self._every:
            self._look(job_id, watched)

    def _watch(self) -> None:
        while True:
            time.sleep(self._every)
            for job_id, watched in list(self._watched.items()):
                if time.monotonic() - watched.since >= self._every:
                    self._look(job_id, watched)

    def _look(self, job_id: str, watched: _Watched) -> None:
        with watched.lock:
            try:
                found = self._progress(job_id, watched)
            except Py4JError:
                return  # Spark is ending, or has dropped a stage: the next round has new numbers
            # Not after ``end`` has reported the last ones.
            if found.stages_total and found != watched.reported:
                watched.reported = found
                self._say(found)

    def _progress(self, job_id: str, watched: _Watched) -> StatementProgress:
        stages = [self._stage(each, watched) for each in self._stages_of(job_id)]
        return StatementProgress(
            job_id=job_id,
            tasks_done=sum(each.tasks_done for each in stages),
            tasks_total=sum(each.tasks for each in stages),
            stages_done=sum(each.done for each in stages),
            stages_total=len(stages),
            rows_read=sum(each.rows for each in stages),
            bytes_read=sum(each.bytes for each in stages),
        )

    def _stages_of(self, job_id: str) -> Iterable[int]:
        jobs = map(self._tracker.getJobInfo, self._tracker.getJobIdsForGroup(job_id))
        return sorted({stage for job in jobs if job for stage in job.stageIds})

    def _stage(self, stage: int, watched: _Watched) -> _Stage:
        if stage in watched.ended:
            return watched.ended[stage]
        data = self._store.lastStageAttempt(stage)
        status, tasks = data.status().name(), data.numTasks()
        found = _Stage(
            done=status in _FINAL,
            # Spark skips a stage whose output is there from an earlier job.
            tasks_done=tasks if status == "SKIPPED" else data.numCompleteTasks(),
            tasks=tasks,
            rows=data.inputRecords(),
            bytes=data.inputBytes(),
        )
        if found.done:
            watched.ended[stage] = found
        return found
