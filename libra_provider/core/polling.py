"""When to poll again and when to give up: pure functions of the time, which never sleep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from libra_provider.core.errors import (
    BadInput,
    JobFailed,
    JobGivenUp,
    JobKilled,
    JobLost,
    JobWrong,
    NotOffered,
    ServerError,
)
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus, Timings, short_name
from libra_provider.core.units import duration_in_seconds, readable_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingPolicy:
    """How often to poll, and for how long errors and waiting are tolerated; all in seconds.

    ``silence`` covers a server that is unavailable or does not know the state. ``refusal`` covers
    401, 403 and responses of something else, such as a proxy while the server restarts.
    """

    poll_interval: float = 5.0
    silence: float = 300.0
    refusal: float = 60.0
    queued_timeout: float | None = None
    executors_timeout: float | None = None

    def __post_init__(self) -> None:
        if self.poll_interval <= 0:
            raise BadInput("poll_interval", self.poll_interval, "expected more than 0 seconds")

    @classmethod
    def of(
        cls,
        *,
        poll_interval: object,
        silence: object,
        queued_timeout: object = None,
        executors_timeout: object = None,
    ) -> Self:
        """The policy from an operator's parameters: numbers of seconds, strings or timedeltas."""
        limits = {"queued_timeout": queued_timeout, "executors_timeout": executors_timeout}
        return cls(
            poll_interval=duration_in_seconds(poll_interval, parameter="poll_interval"),
            silence=duration_in_seconds(silence, parameter="patience"),
            **{
                name: duration_in_seconds(value, parameter=name)
                for name, value in limits.items()
                if value is not None
            },
        )

    def forgives(self, error: ServerError) -> float:
        """For how many seconds *error* is tolerated."""
        if isinstance(error, NotOffered):
            return 0.0
        return self.refusal if error.is_refusal else self.silence


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a watch ended: the job's last status; ``given_up`` is why, if it had not ended."""

    status: JobStatus
    given_up: str = ""

    def raise_for_state(self) -> JobStatus:
        """The status of a job that succeeded; raises the JobError of any other end."""
        job_id, state, detail = self.status.job_id, self.status.state, self.status.detail
        if self.given_up:
            raise JobGivenUp(job_id, self.given_up)
        if self.status.would_fail_again:
            raise JobWrong(job_id, detail)
        if state in _ERROR_OF_STATE:
            raise _ERROR_OF_STATE[state](job_id, detail)
        return self.status

    def to_json(self) -> dict[str, Any]:
        """The outcome as a trigger's event carries it."""
        return {"status": self.status.to_json(), "given_up": self.given_up}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(JobStatus.from_json(data["status"]), data["given_up"])


_ERROR_OF_STATE = {
    JobState.FAILED: JobFailed,
    JobState.KILLED: JobKilled,
    JobState.LOST: JobLost,
}


# A poll costs a server milliseconds; a delay of a tenth of the job's duration goes unnoticed.
_SOONEST = 0.2  # seconds
_SHARE_OF_LIFE = 0.1
# A line in which only the numbers have changed is logged again after a minute; one with the
# progress sooner, since a user may be waiting for it.
_SAY_AGAIN = 60.0  # seconds
_SAY_PROGRESS_AGAIN = 10.0  # seconds
_NUMBER = re.compile(r"\d+")
_NO_MOMENTS = Timings()


class Watch:
    """Remembers what one watcher of a job has seen, and decides when the watch is over.

    Pass each answer, or the error instead of one, to :meth:`update`. If it returns None, poll again
    after ``wait`` seconds: soon at first, so that the end of a short job is noticed quickly, then
    at the poll interval. ``news`` is a line for the log if the last answer changed something.
    """

    # A triggerer holds thousands.
    __slots__ = (
        *("_said", "_seen", "_starving_since", "_unclear_since"),
        *("news", "patience", "status", "wait"),
    )

    def __init__(self, job_id: str, patience: PollingPolicy, submitted_at: datetime) -> None:
        self.patience = patience
        self.news = ""
        self.wait = 0.0
        self.status = JobStatus(job_id=job_id, state=JobState.WAITING)
        self._seen = Timings(submitted_at=submitted_at)
        self._said = ("", "", JobState.UNCLEAR, submitted_at)
        self._unclear_since: datetime | None = None
        self._starving_since: datetime | None = None

    def update(self, answer: JobStatus | ServerError, now: datetime) -> Outcome | None:
        """Take *answer* into account; the outcome if it ends the watch."""
        lived = (now - (self._seen.submitted_at or now)).total_seconds()
        self.wait = min(self.patience.poll_interval, max(_SOONEST, lived * _SHARE_OF_LIFE))
        if isinstance(answer, ServerError):
            return self._update_after_error(answer, now)
        self.status = self._with_moments(answer, now)
        unclear = answer.state is JobState.UNCLEAR
        self._unclear_since = (self._unclear_since or now) if unclear else None
        self._say(self._sentence(), now, progress=_progress(answer))
        if answer.state.is_terminal:
            return Outcome(self.status)
        if unclear:
            why = "the server does not know its state"
            return self._given_up_after(self.patience.silence, why, now)
        return self._waited_too_long(now)

    @property
    def waits_for_news(self) -> bool:
        """Whether the same answer would change nothing, no matter how much later it came."""
        limit = self.patience.executors_timeout
        if self.status.state is JobState.WAITING:
            limit = self.patience.queued_timeout
        grown = self.wait >= self.patience.poll_interval
        return grown and self._unclear_since is None and limit is None

    def _update_after_error(self, error: ServerError, now: datetime) -> Outcome | None:
        self._unclear_since = self._unclear_since or now
        self.wait = max(self.wait, error.retry_after)
        forgiven = self.patience.forgives(error)
        self._say(f"{error}; retrying for up to {readable_duration(forgiven)}", now)
        return self._given_up_after(forgiven, str(error), now)

    def _given_up_after(self, forgiven: float, why: str, now: datetime) -> Outcome | None:
        silent_for = (now - (self._unclear_since or now)).total_seconds()
        if silent_for < forgiven:
            return None
        unclear = replace(self.status, state=JobState.UNCLEAR)
        return Outcome(unclear, f"{why} (for {readable_duration(silent_for)}); it may still run")

    def _waited_too_long(self, now: datetime) -> Outcome | None:
        """The outcome if the job has waited for a worker, or for executors, for too long."""
        starves = self.status.has_executors is False
        self._starving_since = (self._starving_since or now) if starves else None
        if self.status.state is JobState.WAITING:
            name, since = "queued_timeout", self._seen.submitted_at
        else:
            name, since = "executors_timeout", self._starving_since
        limit: float | None = getattr(self.patience, name)
        if limit is None or since is None or (now - since).total_seconds() < limit:
            return None
        reason = f"it waited longer than {name}={readable_duration(limit)}"
        return Outcome(self.status, "; ".join(filter(None, [reason, self.status.detail])))

    def _with_moments(self, status: JobStatus, now: datetime) -> JobStatus:
        """*status*, with times observed here where the server reports none."""
        if status.state is JobState.RUNNING and not self._seen.started_at:
            self._seen = replace(self._seen, started_at=now)
        if status.state.is_terminal:
            self._seen = replace(self._seen, ended_at=now)
        told, seen = status.timings, self._seen
        if told == _NO_MOMENTS:
            return replace(status, timings=seen)
        moments = Timings(
            submitted_at=told.submitted_at or seen.submitted_at,
            started_at=told.started_at or seen.started_at,
            ended_at=told.ended_at or seen.ended_at,
        )
        return replace(status, timings=moments)

    def _sentence(self) -> str:
        status, seconds = self.status, self.status.timings.run_seconds
        name, why = short_name(status.job_id), f": {status.detail}" if status.detail else ""
        match status.state:
            case JobState.RUNNING:
                return " ".join(filter(None, [f"{name} is running", _text(status)])) + why
            case JobState.SUCCEEDED if seconds is not None:
                return f"{name} succeeded after {readable_duration(seconds)}"
            case state if state.is_terminal:
                return f"{name} ended: {state}"
            case state:
                return f"{name} is {state}{why}"

    def _say(self, sentence: str, now: datetime, *, progress: str = "") -> None:
        """Make both the news, unless they were just logged, maybe with other numbers."""
        said, said_progress, state, moment = self._said
        again = _SAY_PROGRESS_AGAIN if progress else _SAY_AGAIN
        recently = state is self.status.state and (now - moment).total_seconds() < again
        same = (sentence, progress) == (said, said_progress)
        if same or (recently and _NUMBER.sub("", sentence) == _NUMBER.sub("", said)):
            self.news = ""
        else:
            self.news = ": ".join(filter(None, [sentence, progress]))
            self._said = (sentence, progress, self.status.state, now)


def _progress(status: JobStatus) -> str:
    """The progress of a running job, or empty before it has tasks."""
    counts = status.state is JobState.RUNNING and status.progress and status.progress.tasks_total
    return str(status.progress) if counts else ""


def _text(status: JobStatus) -> str:
    return str(status.location) if status.location else ""


def time_left(limit: timedelta | None, *, since: datetime) -> timedelta | None:
    """What remains of *limit*, counted from *since*: at least a second, or None without a limit."""
    return None if limit is None else max(since + limit - utc_now(), timedelta(seconds=1))


def utc_now() -> datetime:
    """The current time in UTC, with its time zone."""
    return datetime.now(UTC)
