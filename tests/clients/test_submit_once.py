"""The submission of a job that exists once, played against a server that is made of a script.

Nothing is sent and nobody waits: the clock of these tests moves when a step takes its time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra_provider.clients.steps import Find, Forget, Kill, Sleep, Step, Steps, Submit, run
from libra_provider.clients.submit_once import Accepted, SubmitOnce, SubmitTiming, TagMatches
from libra_provider.core.errors import (
    AccessDenied,
    JobKilled,
    LibraError,
    NotOffered,
    ProtocolError,
    Rejected,
    ServerBusy,
    ServerError,
    ServerUnreachable,
    UndecidedSubmission,
    UnknowableSubmission,
)
from libra_provider.core.retry import Pauses
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus

NEVER_SENT = ServerUnreachable("http://m", "nothing listens there", False)
NO_ANSWER = ServerUnreachable("http://m", "no answer", True)
BUSY = ServerBusy("http://m", "this master is STANDBY", 5.0)
DENIED = AccessDenied("http://m", 401, "set the password")
PROXY = ProtocolError("http://m", 404, "a JSON object was expected", "<html>")
TAKEN = Rejected("http://l", 409, "this key was used for another body")
TIMING = SubmitTiming(patience=60.0, grace=10.0, look_every=1.0, pauses=Pauses(1.0, 15.0))
NOTHING = TagMatches()
WAITS = TagMatches(waiting=["job-3"])
WAITING = JobStatus(job_id="job-1", state=JobState.WAITING)


@dataclass
class Played:
    """What a submission did: its steps, what it said, and the seconds that it took."""

    steps: list[Step] = field(default_factory=list)
    said: list[tuple[int, str]] = field(default_factory=list)
    now: float = 0.0

    def play(self, answers: dict[type[Step], list[Any]], **fields: Any) -> Any:
        """Submit; the last answer to a step is repeated."""
        return self._drive(self.once(**fields).submit(), answers)

    def once(self, **fields: Any) -> SubmitOnce:
        fields = {"timing": TIMING, "name": "The job with tag f", "tag": "f", **fields}
        return SubmitOnce(
            lookup_advice="look at stderr",
            clock=lambda: self.now,
            log_message=self._log_message,
            **fields,
        )

    def _drive(self, steps: Steps[Any], answers: dict[type[Step], list[Any]]) -> Any:
        def ask(step: Step) -> Any:
            self.steps.append(step)
            script = answers[type(step)]
            answer = script.pop(0) if len(script) > 1 else script[0]
            if isinstance(answer, LibraError):
                raise answer
            return answer

        return run(steps, ask, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.steps.append(Sleep(seconds))
        self.now += seconds

    def _log_message(self, level: int, text: str, *facts: object) -> None:
        self.said.append((level, text % facts))

    def count(self, step: type[Step]) -> int:
        return sum(isinstance(each, step) for each in self.steps)


def test_a_request_that_is_answered_is_all_that_is_sent() -> None:
    played = Played()

    assert played.play({Submit: [WAITING]}) == Accepted(WAITING)
    assert played.steps == [Submit()]


@pytest.mark.parametrize("error", [NEVER_SENT, BUSY])
def test_what_certainly_did_not_arrive_is_sent_again_without_a_search(error: ServerError) -> None:
    played = Played()
    accepted = played.play({Submit: [error, WAITING]})

    assert accepted == Accepted(WAITING)
    assert played.steps == [Submit(), Sleep(max(1.0, error.retry_after)), Submit()]


def test_pauses_grow_up_to_their_limit_within_the_patience() -> None:
    played = Played()
    with pytest.raises(ServerUnreachable):
        played.play({Submit: [NEVER_SENT], Forget: [None]})
    pauses = [each.seconds for each in played.steps if isinstance(each, Sleep)]

    assert pauses == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
    assert played.steps[-1] == Forget()


@pytest.mark.parametrize("error", [NO_ANSWER, PROXY])
def test_a_job_whose_answer_was_lost_is_found_and_not_submitted_again(error: ServerError) -> None:
    played = Played()
    found = TagMatches(carriers=["job-7"])
    accepted = played.play({Submit: [error], Find: [NOTHING, found]})

    assert accepted.found
    assert accepted.status == JobStatus(job_id="job-7", state=JobState.UNCLEAR)
    assert played.steps == [Submit(), Find(), Sleep(1.0), Find()]


def test_a_request_that_was_lost_is_sent_again_once_the_grace_is_over() -> None:
    played = Played()
    accepted = played.play({Submit: [NO_ANSWER, WAITING], Find: [NOTHING]})

    assert accepted == Accepted(WAITING)
    assert played.now >= TIMING.grace
    assert played.count(Submit) == 2


def test_a_proxys_page_is_not_asked_twice() -> None:
    """Such a server responds so for a while; by then it is certain that there is no job."""
    played = Played()
    with pytest.raises(ProtocolError):
        played.play({Submit: [PROXY], Find: [NOTHING], Forget: [None]})

    assert played.count(Submit) == 1
    assert played.steps[-1] == Forget()


def test_a_refusal_is_final_and_nothing_stays_written_down() -> None:
    played = Played()
    with pytest.raises(AccessDenied):
        played.play({Submit: [DENIED], Forget: [None]})

    assert played.steps == [Submit(), Forget()]


@pytest.mark.parametrize("found", [WAITS, TagMatches(undecided={"job-3": "its worker is gone"})])
def test_a_candidate_is_waited_for_as_long_as_the_patience_and_then_named(
    found: TagMatches,
) -> None:
    played = Played()
    with pytest.raises(UndecidedSubmission) as caught:
        played.play({Submit: [NO_ANSWER], Find: [found]})

    assert "it may be job-3 (it" in str(caught.value)
    assert str(caught.value).endswith("look at stderr")
    assert TIMING.grace + TIMING.patience <= played.now <= TIMING.grace + TIMING.patience + 1
    assert (played.count(Submit), played.count(Forget)) == (1, 0)


def test_a_server_that_cannot_find_jobs_leaves_it_unknown_at_once() -> None:
    played = Played()
    with pytest.raises(UnknowableSubmission):
        played.play({Submit: [NO_ANSWER], Find: [NotOffered("http://l", "it lists nothing")]})

    assert played.now == 0


@pytest.mark.parametrize("killed", ["asked", ServerUnreachable("http://m", "away")])
def test_of_two_jobs_with_one_tag_the_oldest_stays_and_the_other_is_killed_and_named(
    killed: Any,
) -> None:
    played = Played()
    found = TagMatches(carriers=["job-1", "job-2"])
    accepted = played.play({Submit: [NO_ANSWER], Find: [found], Kill: [killed]})
    warnings = [text for level, text in played.said if level == logging.WARNING]

    assert accepted.status.job_id == "job-1"
    assert played.steps[-1] == Kill("job-2")
    assert "job-1 and job-2 both carry tag f" in warnings[-1]


def test_a_server_that_finds_jobs_again_is_asked_by_submitting_again() -> None:
    played = Played()
    accepted = played.play({Submit: [NO_ANSWER, WAITING]}, finds_again=True)

    assert accepted == Accepted(WAITING)
    assert played.steps == [Submit(), Sleep(1.0), Submit()]


def test_what_only_a_second_submission_can_find_stays_written_down() -> None:
    played = Played()
    with pytest.raises(ServerUnreachable):
        played.play({Submit: [NO_ANSWER]}, finds_again=True)

    assert played.count(Forget) == 0


def test_a_tag_that_was_used_for_another_body_leads_to_that_job() -> None:
    played = Played()
    answers: dict[type[Step], list[Any]] = {
        Submit: [TAKEN],
        Find: [BUSY, TagMatches(carriers=["s-1"])],
    }
    accepted = played.play(answers, finds_again=True)

    assert (accepted.status.job_id, accepted.found) == ("s-1", True)


def test_what_an_earlier_process_may_have_sent_is_looked_for_first() -> None:
    played = Played()
    steps = played.once().submit(may_exist=True)
    accepted = played._drive(steps, {Submit: [WAITING], Find: [NOTHING]})

    assert accepted == Accepted(WAITING)
    assert played.steps[0] == Find()
    assert played.now >= TIMING.grace


def test_a_job_that_must_end_is_not_submitted() -> None:
    played = Played()
    with pytest.raises(JobKilled):
        played.play({}, must_end=lambda: True)

    assert played.steps == []


def test_a_kill_between_two_submissions_ends_them() -> None:
    played = Played()
    with pytest.raises(JobKilled):
        played.play({Submit: [BUSY]}, must_end=lambda: played.now > 0)

    assert played.count(Submit) == 1


def test_after_a_kill_a_candidate_that_waits_is_not_waited_for_beyond_the_grace() -> None:
    played = Played()
    with pytest.raises(UndecidedSubmission, match=r"job-3 \(it has not started\)"):
        played.play({Submit: [NO_ANSWER], Find: [WAITS]}, must_end=lambda: played.now > 2)

    assert TIMING.grace <= played.now <= TIMING.grace + 1


@dataclass
class World:
    """A server on whose way requests and answers are lost or late, and whose pages may fail.

    A search ``takes`` seconds, and shows what was there when it began.
    """

    fates: list[str]
    delay: float
    unreadable: float
    waits: float
    killed_at: float
    takes: float
    now: float = 0.0
    made_at: list[float] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)
    doubles: int = 0
    too_late: int = 0

    def ask(self, step: Step) -> Any:
        match step:
            case Submit():
                self.too_late += self.now >= self.killed_at
                return self._submit()
            case Find():
                began, self.now = self.now, self.now + self.takes
                return self._there(began)
            case Kill(job_id):
                self.killed.append(int(job_id))
                return "asked"
            case _:
                return None

    def _submit(self) -> JobStatus:
        fate = self.fates.pop(0) if self.fates else "answered"
        errors = {"busy": BUSY, "never sent": NEVER_SENT, "lost request": NO_ANSWER}
        if fate in errors:
            raise errors[fate]
        self.doubles += bool(self.alive())
        self.made_at.append(self.now + (self.delay if fate == "late" else 0.0))
        if fate == "made twice":
            self.made_at.append(self.now)
        if fate != "answered":
            raise NO_ANSWER
        return JobStatus(job_id=str(len(self.made_at) - 1), state=JobState.WAITING)

    def _there(self, now: float) -> TagMatches:
        if now < self.unreadable:
            raise ServerUnreachable("http://m:8080", "away", True)
        there = [str(at) for at, made in enumerate(self.made_at) if made <= now]
        if now < self.waits:
            return TagMatches(waiting=[*there, "a stranger"])
        return TagMatches(carriers=there)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def alive(self) -> list[int]:
        """The jobs that are there, or on their way."""
        return [each for each in range(len(self.made_at)) if each not in self.killed]


FATES = ["busy", "never sent", "lost request", "lost answer", "late", "made twice", "answered"]
moments = st.floats(0.0, 200.0)


worlds = st.builds(
    World,
    fates=st.lists(st.sampled_from(FATES), max_size=6),
    delay=st.floats(0.0, TIMING.grace),
    unreadable=moments,
    waits=moments,
    killed_at=moments | st.just(1e9),
    takes=st.floats(0.01, 5.0),
)


def expected_of(world: World, *, may_exist: bool = False) -> list[int]:
    """The jobs that may live after a submission to *world* has ended as it did."""
    once = SubmitOnce(
        name="it",
        tag="f",
        lookup_advice="look",
        timing=TIMING,
        must_end=lambda: world.now >= world.killed_at,
        clock=lambda: world.now,
        log_message=lambda *_: None,
    )
    try:
        accepted = run(once.submit(may_exist=may_exist), world.ask, sleep=world.sleep)
    except UndecidedSubmission:
        return world.alive()
    except (JobKilled, ServerError):
        return []
    return [int(accepted.status.job_id)]


@given(world=worlds, may_exist=st.booleans())
def test_whatever_is_lost_or_late_there_is_one_job_or_it_is_said(
    world: World, may_exist: bool
) -> None:
    expected = expected_of(world, may_exist=may_exist)

    assert world.alive() == expected
    assert (world.doubles, world.too_late) == (0, 0)
    # A search after each of the requests, and the pauses between them.
    assert world.now < 7 * (TIMING.grace + TIMING.patience + 15.0 + 6.0) + TIMING.patience


def test_a_request_that_arrives_at_the_very_end_of_the_grace_is_the_only_one() -> None:
    """The search that settles it begins when the grace is over, not before."""
    world = World(["late"], TIMING.grace, unreadable=0.0, waits=0.0, killed_at=1e9, takes=2.0)
    expected = expected_of(world)

    assert world.alive() == expected == [0]
