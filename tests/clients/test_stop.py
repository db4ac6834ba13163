from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from libra_provider.clients.stop import StopTiming, kill_and_verify
from libra_provider.core.errors import KillNotVerified, ServerUnreachable
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus


@dataclass
class Server:
    """Answers with one of ``answers`` after the other."""

    answers: list[JobState | ServerUnreachable]
    killed: list[str] = field(default_factory=list)

    def status(self, job_id: str) -> JobStatus:
        answer = self.answers.pop(0)
        if isinstance(answer, ServerUnreachable):
            raise answer
        return JobStatus(job_id=job_id, state=answer)

    def kill(self, job_id: str) -> str:
        self.killed.append(job_id)
        return "asked"


AWAY = ServerUnreachable("http://m:6066", "away")


def test_a_kill_counts_only_when_the_end_was_seen() -> None:
    server = Server([JobState.RUNNING, JobState.KILLED])

    ended = kill_and_verify(server, "driver-1")

    assert ended.state is JobState.KILLED
    assert server.killed == ["driver-1"]


def test_an_ended_job_is_not_told_to_stop() -> None:
    server = Server([JobState.SUCCEEDED])

    ended = kill_and_verify(server, "driver-1")

    assert ended.state is JobState.SUCCEEDED
    assert server.killed == []


def test_a_server_that_goes_away_meanwhile_is_asked_again() -> None:
    server = Server([JobState.RUNNING, AWAY, JobState.KILLED])

    assert kill_and_verify(server, "driver-1").state is JobState.KILLED


def test_a_job_that_was_not_seen_to_end_may_still_be_running() -> None:
    with pytest.raises(KillNotVerified, match="driver-1 may still be running"):
        kill_and_verify(Server([JobState.RUNNING]), "driver-1", StopTiming(within=0))
