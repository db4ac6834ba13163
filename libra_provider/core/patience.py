"""When to ask again and when to give up: a pure step, told the time, that never sleeps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from libra_provider.core.errors import AccessDenied, BadInput, ProtocolError, Rejected, ServerError
from libra_provider.core.job import JobStatus, Timings
from libra_provider.core.states import JobState
from libra_provider.core.units import duration_in_seconds, readable_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often to ask, and how long silence, refusal and waiting are forgiven; all in seconds.

    ``silence`` covers a server that is away or cannot say; ``refusal`` covers 401, 403 and answers
    of something that is not the server, which a proxy gives while a server restarts.
    """

    poll_interval: float = 5.0
    silence: float = 300.0
    refusal: float = 60.0
    queued_timeout: float | None = None

    def __post_init__(self) -> None:
        for name in ("poll_interval", "silence", "refusal", "queued_timeout"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, duration_in_seconds(value, parameter=name))
        if self.poll_interval <= 0:
            raise BadInput("poll_interval", self.poll_interval, "it must be more than 0 seconds")


class Watch:
    """What one watcher of a job has seen so far.

    Tell it each answer with :meth:`saw` and each failure to get one with :meth:`missed`;
    ``changed`` says whether the last answer is news, ``overdue`` why it is time to stop waiting.
    """

    def __init__(self, patience: Patience, submitted_at: datetime) -> None:
        self.patience = patience
        self.timings = Timings(submitted_at=submitted_at)
        self.state: JobState | None = None
        self.changed = False
        self._unclear_since: datetime | None = None
        self._waiting_since = submitted_at

    def saw(self, status: JobStatus, now: datetime) -> JobStatus:
        """*status* with the moments this watcher has seen, where the server does not tell them."""
        self.changed, self.state = status.state is not self.state, status.state
        if status.state is JobState.UNCLEAR:
            self._unclear_since = self._unclear_since or now
        else:
            self._unclear_since = None
        self._note_moments(status, now)
        told = status.timings
        return replace(
            status,
            timings=Timings(
                submitted_at=told.submitted_at or self.timings.submitted_at,
                started_at=told.started_at or self.timings.started_at,
                ended_at=told.ended_at or self.timings.ended_at,
            ),
        )

    def _note_moments(self, status: JobStatus, now: datetime) -> None:
        if status.state is JobState.RUNNING and not self.timings.started_at:
            self.timings = replace(self.timings, started_at=now)
        if status.state.is_terminal:
            self.timings = replace(self.timings, ended_at=now)

    def missed(self, error: ServerError, now: datetime) -> None:
        """Count *error* as silence; raises it once the patience for its kind is over."""
        self.changed, self.state = self.state is not JobState.UNCLEAR, JobState.UNCLEAR
        self._unclear_since = self._unclear_since or now
        silent_for = (now - self._unclear_since).total_seconds()
        if silent_for >= self._forgiven(error):
            raise error

    def _forgiven(self, error: ServerError) -> float:
        refused = isinstance(error, AccessDenied | ProtocolError | Rejected)
        return self.patience.refusal if refused else self.patience.silence

    def overdue(self, now: datetime) -> str | None:
        """Why it is time to stop waiting, or None."""
        waited = (now - self._waiting_since).total_seconds()
        limit = self.patience.queued_timeout
        if self.state is JobState.WAITING and limit is not None and waited >= limit:
            return f"it waited longer than queued_timeout={readable_duration(limit)}"
        if self._unclear_since is None:
            return None
        silent_for = (now - self._unclear_since).total_seconds()
        if silent_for < self.patience.silence:
            return None
        return f"the server could not say for {readable_duration(silent_for)} how it stands"


def utc_now() -> datetime:
    """The present moment, aware of its zone."""
    return datetime.now(UTC)
