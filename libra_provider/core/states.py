"""The states of a job: the only module that knows which of them are final."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Clients translate the states of their servers into these; no other code sees others."""

    WAITING = "waiting"
    RUNNING = "running"
    UNCLEAR = "unclear"  # the server does not know right now; poll again
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    KILLED = "killed"
    LOST = "lost"  # the server responded, but has no record of the job

    @property
    def is_terminal(self) -> bool:
        """Whether the state is final."""
        return self not in (JobState.WAITING, JobState.RUNNING, JobState.UNCLEAR)
