"""Finding out whether a submission without an answer has made a job."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from libra_provider.clients.standalone.find_by_tag import TagMatches, TagQuery
from libra_provider.core.errors import (
    LibraError,
    NotOffered,
    ServerError,
    UndecidedSubmission,
    UnknowableSubmission,
)
from libra_provider.core.polling import utc_now
from libra_provider.hooks.base import ServerHook
from libra_provider.lifecycle.retrying import patiently
from libra_provider.lifecycle.task_record import TaskRecord

log = logging.getLogger(__name__)
# A request that something on the way has held back arrives after its sender gave up.
GRACE = 10.0  # seconds
_AGAIN = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Adoption:
    """Looks for the jobs of submissions at *server*; *patience* and *grace* are in seconds."""

    server: ServerHook
    patience: float
    grace: float = GRACE

    def now(self, intent: TaskRecord) -> str | None:
        """The job of *intent* that is there now, at a server that finds what it has accepted."""
        found = patiently(partial(self.server.find, _sought(intent)), within=self.patience)
        return self._first(found, intent) if found.carriers else None

    def surely(self, intent: TaskRecord, *, under_way: bool) -> str | None:
        """The job of *intent*; None once it is certain that there is none and will be none.

        *under_way*: its sender may be another process, which still waits for an answer. Raises
        UndecidedSubmission when the patience is over before that.
        """
        settles_at = time.monotonic() + self._seconds_to_go(intent, under_way) + self.grace
        gives_up_at = settles_at + self.patience
        log.info("Looking for the job of the submission with tag %s", intent.tag)
        while True:
            found, doubt = self._look(intent)
            if found.carriers:
                return self._first(found, intent)
            if not doubt and time.monotonic() >= settles_at:
                return None
            if time.monotonic() >= gives_up_at:
                raise self._undecided(intent, doubt)
            time.sleep(min(_AGAIN, self.grace))

    def _seconds_to_go(self, intent: TaskRecord, under_way: bool) -> float:
        """Until the sender of *intent* has certainly given up."""
        if not under_way:
            return 0.0
        longest = timedelta(seconds=self.server.submission_seconds)
        left = (intent.submitted_at + longest - utc_now()).total_seconds()
        # The clock of the worker that wrote it may be another one.
        return min(max(left, 0.0), longest.total_seconds())

    def _look(self, intent: TaskRecord) -> tuple[TagMatches, str]:
        """What is there, and what keeps one from being sure that it is all."""
        try:
            found = self.server.find(_sought(intent))
        except NotOffered as error:
            why = f"its sender was interrupted at {intent.at} ({error})"
            raise self._undecided(intent, why, kind=UnknowableSubmission) from error
        except ServerError as error:
            return TagMatches(), str(error)
        waiting = [f"{driver_id} (it waits)" for driver_id in found.waiting]
        names = ", ".join(filter(None, [found.names, *waiting]))
        return found, f"it may be {names}" if names else ""

    def _first(self, found: TagMatches, intent: TaskRecord) -> str:
        """The oldest carrier; another one would do the work twice, and is stopped."""
        first, *others = found.carriers
        for other in others:
            text = "%s and %s both carry tag %s: the second is told to stop: %s"
            log.warning(text, first, other, intent.tag, self._killed(other))
        return first

    def _killed(self, job_id: str) -> str:
        try:
            return self.server.kill(job_id)
        except LibraError as error:
            return f"it could not be told ({error})"

    def _undecided(
        self, intent: TaskRecord, doubt: str, kind: type[UndecidedSubmission] = UndecidedSubmission
    ) -> UndecidedSubmission:
        name = f"The job with tag {intent.tag} at {self.server.where}"
        return kind(name, f"{doubt}; {self.server.by_hand(intent.tag)}")


def _sought(intent: TaskRecord) -> TagQuery:
    return TagQuery(tag=intent.tag, since=intent.submitted_at, main_class=intent.main_class)
