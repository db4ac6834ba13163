"""Submit a job so that it exists once, whatever becomes of the request and its answer.

Each submission carries a tag. A request without an answer may have made a job, and one that was
delayed may still make it: so the tag is looked for, longer than any delay lasts, before anything is
submitted again. Of two jobs with one tag the oldest stays.
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
    """What a search by tag has found.

    ``carriers`` are the jobs with the tag, the oldest first. ``undecided`` are those that may have
    it, with the reason why that is unknown; of ``waiting`` it can be said once they run.
    """

    carriers: Sequence[str] = ()
    undecided: Mapping[str, str] = field(default_factory=dict)
    waiting: Sequence[str] = ()

    @property
    def doubt(self) -> str:
        """Which jobs may carry the tag, and why that is unknown; empty if none may."""
        doubts = [f"{job_id} ({why})" for job_id, why in self.undecided.items()]
        doubts += [f"{job_id} (it has not started)" for job_id in self.waiting]
        return f"it may be {', '.join(doubts)}" if doubts else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitTiming:
    """How long a submission is pursued; all durations are seconds."""

    patience: float = 300.0
    """For which a server may be away; and after the grace, whether there is a job be unknown."""
    grace: float = 10.0
    """For which a request that was held back may still arrive after its sender gave up."""
    look_every: float = 1.0
    """Between two searches for the tag."""
    pauses: Pauses = DEFAULT
    """Between two submissions."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job of a submission; ``found``: by its tag, after the answer was lost."""

    status: JobStatus
    found: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOnce:
    """The submission with *tag* of a job that errors call *name*.

    ``by_hand``: what people do where it stays unknown whether there is a job. ``finds_again``:
    the server answers a second submission of a tag with the job of the first. ``must_end``: whether
    the job is no longer wanted; looked at between any two steps. ``tell`` takes what
    :meth:`logging.Logger.log` takes.
    """

    name: str
    tag: str
    by_hand: str
    timing: SubmitTiming
    finds_again: bool = False
    must_end: Callable[[], bool] = bool
    clock: Callable[[], float] = time.monotonic
    tell: Callable[..., None] = log.log

    def submit(self, *, may_exist: bool = False) -> Steps[Accepted]:
        """Have the job accepted, or find it; *may_exist*: an earlier process may have sent it.

        Raises ServerError once it is certain that there is no job, after a Forget; JobKilled
        likewise when it must end first, without one; UndecidedSubmission when it stays unknown.
        A job that must end by now is returned like any other: stop it.
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
                # Where only a second submission finds out what became of it, it is remembered.
                if not (failed.may_have_arrived and self.finds_again):
                    yield Forget()
                raise failed
            self.tell(logging.INFO, "%s; submitting again in %s", failed, readable_duration(pause))
            yield Sleep(pause)

    def find_now(self) -> Steps[str | None]:
        """The job that is there now, at a server that finds what it has accepted."""
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
                self.tell(logging.INFO, "%s; retrying in %s", error, readable_duration(pause))
            yield Sleep(pause)

    def find_surely(self, *, under_way: float = 0.0) -> Steps[str | None]:
        """The job of the submission; None once it is certain that there is and will be none.

        *under_way*: seconds for which its sender may still wait for an answer. Raises
        UndecidedSubmission when the patience is over before that, or when the job must end.
        """
        settles_at = self.clock() + under_way + self.timing.grace
        gives_up_at = settles_at + self.timing.patience
        self.tell(logging.INFO, "Looking for the job of the submission with tag %s", self.tag)
        while True:
            now = self.clock()  # a search shows what was there when it began
            found, doubt = yield from self._look()
            if found.carriers:
                return (yield from self._oldest(found))
            if not doubt and now >= settles_at:
                return None
            # Nobody waits for a job that must end: then the grace is all.
            if now >= (settles_at if self.must_end() else gives_up_at):
                raise UndecidedSubmission(self.name, f"{doubt}; {self.by_hand}")
            yield Sleep(self.timing.look_every)

    def _made_by(self, error: ServerError) -> Steps[str | None]:
        """The job of a request that failed with *error*, if it has made one all the same."""
        if isinstance(error, Rejected) and self.finds_again:
            # Its tag may have been used by an earlier try, for a job that was written otherwise.
            return (yield from self.find_now())
        if not error.may_have_arrived or self.finds_again:
            return None
        self.tell(logging.WARNING, "%s; the request may have arrived", error)
        return (yield from self.find_surely())

    def _check_wanted(self) -> None:
        if self.must_end():
            raise JobKilled(
                self.name, "it was killed before the response to its submission arrived"
            )

    def _look(self) -> Steps[tuple[TagMatches, str]]:
        """What is there, and what keeps one from being sure that it is all."""
        try:
            found: TagMatches = yield Find()
        except NotOffered as error:
            why = f"the process that submitted it was interrupted ({error}); {self.by_hand}"
            raise UnknowableSubmission(self.name, why) from error
        except ServerError as error:
            return TagMatches(), str(error)
        return found, found.doubt

    def _oldest(self, found: TagMatches) -> Steps[str]:
        """The oldest carrier; another one would do the work twice, and is stopped."""
        first, *others = found.carriers
        for other in others:
            try:
                said = yield Kill(other)
            except LibraError as error:
                said = f"the request failed ({error})"
            text = "%s and %s both carry tag %s. Requested kill of the second: %s"
            self.tell(logging.WARNING, text, first, other, self.tag, said)
        return first


def _found(job_id: str) -> Accepted:
    return Accepted(JobStatus(job_id=job_id, state=JobState.UNCLEAR), found=True)
