"""Where a job stands: the only module that knows what "over" means."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Clients translate their server's words into these; nothing above a client sees others."""

    WAITING = "waiting"
    RUNNING = "running"
    UNCLEAR = "unclear"  # the server cannot say right now: ask again, within the caller's patience
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    KILLED = "killed"
    LOST = "lost"  # the server answered, and no longer knows the job

    @property
    def is_terminal(self) -> bool:
        """No later question to the server changes this answer."""
        return self not in (JobState.WAITING, JobState.RUNNING, JobState.UNCLEAR)
