"""Finds out whether a submission without a response has created a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from libra_provider.clients.standalone.find_by_tag import TagQuery
from libra_provider.clients.steps import Find, Step, run
from libra_provider.clients.stop import killing
from libra_provider.clients.submit_once import SubmitOnce, SubmitTiming
from libra_provider.core.polling import utc_now
from libra_provider.hooks.base import ServerHook
from libra_provider.lifecycle.task_record import TaskRecord


@dataclass(frozen=True, slots=True)
class Adoption:
    """Looks for the jobs of submissions at *server*; ``must_end``: Airflow has ended the task."""

    server: ServerHook
    timing: SubmitTiming
    must_end: Callable[[], bool] = bool

    def now(self, intent: TaskRecord) -> str | None:
        """The job of *intent* now, or None, at a server that can look up what it has accepted."""
        steps = self.of(intent.tag).find_now()
        return run(steps, lambda step: finding(self.server, intent, step))

    def surely(self, intent: TaskRecord) -> str | None:
        """The job of *intent*, or None once it is certain that there is and will be none.

        Its sender may be another process that still waits for the response. Raises
        UndecidedSubmission if the patience ends before that.
        """
        steps = self.of(intent.tag).find_surely(under_way=self._seconds_to_go(intent))
        return run(steps, lambda step: finding(self.server, intent, step))

    def of(self, tag: str, **more: Any) -> SubmitOnce:
        """The submission with *tag*; *more* are further fields of SubmitOnce."""
        return SubmitOnce(
            name=f"The job with tag {tag} at {self.server.server_url}",
            tag=tag,
            lookup_advice=self.server.lookup_advice(tag),
            timing=self.timing,
            must_end=self.must_end,
            **more,
        )

    def _seconds_to_go(self, intent: TaskRecord) -> float:
        """The seconds until the sender of *intent* has certainly given up."""
        longest = timedelta(seconds=self.server.submission_seconds)
        left = (intent.submitted_at + longest - utc_now()).total_seconds()
        # The clock of the worker that wrote it may differ.
        return min(max(left, 0.0), longest.total_seconds())


def finding(server: ServerHook, intent: TaskRecord, step: Step) -> Any:
    """The answer of *server* to *step*: a search for the job of *intent*, or a part of a kill."""
    if not isinstance(step, Find):
        return killing(server, step)
    return server.find(
        TagQuery(tag=intent.tag, since=intent.submitted_at, main_class=intent.main_class)
    )
