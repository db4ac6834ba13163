from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from libra_provider.clients.steps import Kill, Status, Step, run
from libra_provider.clients.stop import Stop, StopTiming, kill_and_verify
from libra_provider.core.errors import (
    AccessDenied,
    KillNotVerified,
    LibraError,
    ServerUnreachable,
)
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


@dataclass
class Played:
    """The end of a job, played by a script: nothing is sent, and the clock moves by sleeping."""

    answers: list[Any]
    steps: list[Step] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    now: float = 0.0

    def play(self, timing: StopTiming, *, kill_first: bool = False) -> JobStatus:
        """Stop the job; the last answer is repeated."""
        stop = Stop(
            job_id="job-1",
            timing=timing,
            kill_first=kill_first,
            clock=lambda: self.now,
            log_message=lambda _, text, *facts: self.said.append(text % facts),
        )
        return run(stop.stop(), self._ask, sleep=self._sleep)

    def _ask(self, step: Step) -> Any:
        self.steps.append(step)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, LibraError):
            raise answer
        return JobStatus(job_id="job-1", state=answer) if isinstance(step, Status) else answer

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def kills(self) -> int:
        return sum(isinstance(each, Kill) for each in self.steps)


DENIED = AccessDenied("http://m:6066", 401, "set the password")
RUNNING, KILLED = JobState.RUNNING, JobState.KILLED
ENDLESS = StopTiming.endless(look_every=1.0)


def test_what_happens_is_told_in_order() -> None:
    played = Played([RUNNING, "asked", RUNNING, KILLED])
    played.play(StopTiming())

    assert played.steps == [Status("job-1"), Kill("job-1"), Status("job-1"), Status("job-1")]
    assert played.said == ["Requested kill of job-1: asked", "job-1 has stopped: killed"]


def test_where_seconds_count_the_kill_comes_before_any_look() -> None:
    played = Played(["asked", KILLED])
    played.play(ENDLESS, kill_first=True)

    assert played.steps == [Kill("job-1"), Status("job-1")]


@pytest.mark.parametrize("answers", [[AWAY], [RUNNING, AWAY]], ids=["look", "kill"])
def test_a_kill_that_cannot_be_requested_is_an_error_at_once(answers: list[Any]) -> None:
    with pytest.raises(ServerUnreachable):
        Played(answers).play(StopTiming())


def test_a_server_that_may_be_away_for_a_while_is_asked_again_that_long() -> None:
    played = Played([AWAY])
    with pytest.raises(ServerUnreachable):
        played.play(StopTiming(look_every=1.0).forgiving(60.0))

    assert played.now == 60.0


def test_a_refusal_is_not_forgiven_as_long_as_an_absence() -> None:
    played = Played([DENIED])
    with pytest.raises(AccessDenied):
        played.play(StopTiming(look_every=1.0).forgiving(60.0))

    assert played.now == 0


def test_a_server_that_comes_back_is_asked_to_kill() -> None:
    played = Played([AWAY, RUNNING, AWAY, RUNNING, "asked", KILLED])

    assert played.play(StopTiming().forgiving(60.0)).state is KILLED
    assert played.kills == 2


def test_a_kill_is_requested_again_while_the_job_lives_on() -> None:
    """A master that fails over may have forgotten the first one."""
    played = Played(["asked", *[RUNNING] * 5, "asked", KILLED])
    played.play(ENDLESS, kill_first=True)

    assert played.kills == 2


def test_a_job_that_lives_on_is_named_with_its_state_once_the_time_is_over() -> None:
    played = Played([RUNNING, "asked", RUNNING])
    with pytest.raises(KillNotVerified, match=r"requested 4\.0 s ago: it is running"):
        played.play(StopTiming(within=4.0))

    assert played.now == 4.0
