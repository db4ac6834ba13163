"""Submit a job so that it exists once, even if the request or its response is lost.

Each submission has a tag. A request without a response may have created a job, and a delayed one
may still create it. So before a resubmission, jobs with the tag are searched for longer than any
delay lasts. Of two jobs with the same tag, the oldest is kept.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from libra_provider.clients.steps import Find, Forget, Kill, Sleep, Steps, Submit
from libra_provider.core.errors import (
    JobKilled,
    LibraError,
    NotOffered,
    Rejected,
    ServerError,
    UndecidedSubmission,
    UnknowableSubmission,
)
from libra_provider.core.retry import DEFAULT, Pauses, Retry
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.core.units import readable_duration

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TagMatches:
    """The result of a search by tag.

    ``carriers`` are the jobs with the tag, the oldest first. ``undecided`` are those that may have
    it, with the reason why that is unknown. ``waiting`` may have it too, which is known once they
    run.
    """

    carriers: Sequence[str] = ()
    undecided: Mapping[str, str] = field(default_factory=dict)
    waiting: Sequence[str] = ()

    @property
    def doubt(self) -> str:
        """Return which jobs may have the tag, and why that is unknown; empty if none may."""
        doubts = [f"{job_id} ({why})" for job_id, why in self.undecided.items()]
        doubts += [f"{job_id} (it has not started)" for job_id in self.waiting]
        return f"it may be {', '.join(doubts)}" if doubts else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitTiming:
    """How long to keep trying to submit a job; all durations are in seconds."""

    patience: float = 300.0
    """How long a server may be unreachable; also how long, after the grace, it may be unknown
    whether there is a job."""
    grace: float = 10.0
    """How long after its sender gave up a delayed request may still arrive."""
    look_every: float = 1.0
    """Time between two searches for the tag."""
    pauses: Pauses = DEFAULT
    """Times between two submissions."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job of a submission; ``found``: by its tag, after the response was lost."""

    status: JobStatus
    found: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOnce:
    """Submits a job once with *tag*; *name* is the job's name in errors.

    ``lookup_advice``: what to do if it remains unknown whether there is a job. ``finds_again``: the
    server returns the first job for a second submission with the same tag. ``must_end``: whether
    the job is no longer wanted, checked between steps. ``log_message`` has the parameters of
    :meth:`logging.Logger.log`.
    """

    name: str
    tag: str
    lookup_advice: str
    timing: SubmitTiming
    finds_again: bool = False
    must_end: Callable[[], bool] = bool
    clock: Callable[[], float] = time.monotonic
    log_message: Callable[..., None] = log.log

    def submit(self, *, may_exist: bool = False) -> Steps[Accepted]:
        """Submit the job, or find it; *may_exist*: an earlier process may have submitted it.

        Raises ServerError, after a Forget, once it is certain that there is no job; JobKilled,
        without a Forget, if the job must end before it was submitted; UndecidedSubmission if it
        remains unknown. A job that must end after that is returned like any other, to be stopped.
        """
        if may_exist and (job_id := (yield from self.find_surely())):
            return _found(job_id)
        retry = Retry(self.timing.patience, self.timing.pauses, self.clock)
        while True:
            self._check_wanted()
            try:
                status: JobStatus = yield Submit()
                return Accepted(status)
            except ServerError as error:
                failed = error
            if job_id := (yield from self._made_by(failed)):
                return _found(job_id)
            self._check_wanted()
            pause = retry.pause(failed)
            if pause is None:
                # If only a second submission can find the job, the record must be kept.
                if not (failed.may_have_arrived and self.finds_again):
                    yield Forget()
                raise failed
            self.log_message(
                logging.INFO, "%s; submitting again in %s", failed, readable_duration(pause)
            )
            yield Sleep(pause)

    def find_now(self) -> Steps[str | None]:
        """Return the job on a server whose searches are reliable at once, or None."""
        retry = Retry(self.timing.patience, self.timing.pauses, self.clock)
        while True:
            try:
                found: TagMatches = yield Find()
                return (yield from self._oldest(found)) if found.carriers else None
            except ServerError as error:
                self._check_wanted()
                pause = retry.pause(error)
                if pause is None:
                    raise
                self.log_message(
                    logging.INFO, "%s; retrying in %s", error, readable_duration(pause)
                )
            yield Sleep(pause)

    def find_surely(self, *, under_way: float = 0.0) -> Steps[str | None]:
        """Return the job of the submission, or None once it is certain that there will be none.

        *under_way*: how many seconds its sender may still wait for a response. Raises
        UndecidedSubmission if that is unknown after the patience, or when the job must end.
        """
        settles_at = self.clock() + under_way + self.timing.grace
        gives_up_at = settles_at + self.timing.patience
        self.log_message(
            logging.INFO, "Looking for the job of the submission with tag %s", self.tag
        )
        while True:
            now = self.clock()  # a search shows the jobs at its beginning
            found, doubt = yield from self._look()
            if found.carriers:
                return (yield from self._oldest(found))
            if not doubt and now >= settles_at:
                return None
            # For a job that must end, waiting longer than the grace is of no use.
            if now >= (settles_at if self.must_end() else gives_up_at):
                raise UndecidedSubmission(self.name, f"{doubt}; {self.lookup_advice}")
            yield Sleep(self.timing.look_every)

    def _made_by(self, error: ServerError) -> Steps[str | None]:
        """Return the job of a request that failed with *error*, if it has created one."""
        if isinstance(error, Rejected) and self.finds_again:
            # An earlier try may have used its tag for a different version of the job.
            return (yield from self.find_now())
        if not error.may_have_arrived or self.finds_again:
            return None
        self.log_message(logging.WARNING, "%s; the request may have arrived", error)
        return (yield from self.find_surely())

    def _check_wanted(self) -> None:
        if self.must_end():
            raise JobKilled(
                self.name, "it was killed before the response to its submission arrived"
            )

    def _look(self) -> Steps[tuple[TagMatches, str]]:
        """Search once; return what was found, and why it may be incomplete (empty if it is not)."""
        try:
            found: TagMatches = yield Find()
        except NotOffered as error:
            why = f"the process that submitted it was interrupted ({error}); {self.lookup_advice}"
            raise UnknowableSubmission(self.name, why) from error
        except ServerError as error:
            return TagMatches(), str(error)
        return found, found.doubt

    def _oldest(self, found: TagMatches) -> Steps[str]:
        """Return the oldest job with the tag, and kill others, which would repeat the work."""
        first, *others = found.carriers
        for other in others:
            try:
                answer = yield Kill(other)
            except LibraError as error:
                answer = f"the request failed ({error})"
            text = "%s and %s both carry tag %s. Requested kill of the second: %s"
            self.log_message(logging.WARNING, text, first, other, self.tag, answer)
        return first


def _found(job_id: str) -> Accepted:
    return Accepted(JobStatus(job_id=job_id, state=JobState.UNCLEAR), found=True)
