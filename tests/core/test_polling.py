"""The time is passed to the watch, so that hours are tested in microseconds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libra_provider.core.errors import (
    AccessDenied,
    BadInput,
    JobFailed,
    JobGivenUp,
    JobKilled,
    JobLost,
    JobWrong,
    NotOffered,
    ServerBusy,
    ServerError,
    ServerUnreachable,
)
from libra_provider.core.polling import Outcome, PollingPolicy, Watch
from libra_provider.core.states import JobState
from libra_provider.core.status import DriverLocation, JobStatus, Progress

START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
GONE = ServerUnreachable("http://m:6066", "connection refused")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def status(state: JobState, detail: str = "") -> JobStatus:
    return JobStatus(job_id="driver-1", state=state, detail=detail)


def watch(**patience: float) -> Watch:
    return Watch("driver-1", PollingPolicy(**patience), START)


def progress(done: int) -> JobStatus:
    counts = Progress(tasks_done=done, tasks_total=200, stages_done=1, stages_total=3)
    return replace(status(JobState.RUNNING), progress=replace(counts, bytes_read=done * 2**20))


def test_progress_is_news_every_ten_seconds_while_it_changes() -> None:
    seen = watch()
    news = []
    for second in range(60):
        seen.update(progress(second // 30 * 35), at(second))
        news += [seen.news] if seen.news else []

    assert news == [
        "driver-1 is running: 0 of 200 tasks, 1 of 3 stages",
        "driver-1 is running: 35 of 200 tasks, 1 of 3 stages, read 35 MiB",
    ]


def test_progress_that_grows_all_the_time_is_not_said_more_often() -> None:
    seen = watch()
    news = []
    for second in range(60):
        seen.update(progress(second), at(second))
        news += [second] if seen.news else []

    assert news == [0, 10, 20, 30, 40, 50]


@pytest.mark.parametrize(
    ("sql_state", "error_class", "again"),
    [
        ("42601", "PARSE_SYNTAX_ERROR", True),
        ("42703", "UNRESOLVED_COLUMN.WITH_SUGGESTION", True),
        ("0A000", "UNSUPPORTED_FEATURE", True),
        ("42P01", "TABLE_OR_VIEW_NOT_FOUND", False),  # another task may yet make it
        ("42K03", "PATH_NOT_FOUND", False),
        ("22012", "DIVIDE_BY_ZERO", False),  # the data may change
        (None, "LIBRA_RESULT_TOO_LARGE", True),
        (None, "SyntaxError", True),
        (None, "NameError", False),
        (None, None, False),
    ],
)
def test_what_was_written_wrong_would_fail_again(
    sql_state: str | None, error_class: str | None, again: bool
) -> None:
    failed = replace(status(JobState.FAILED), sql_state=sql_state, error_class=error_class)
    with pytest.raises(JobFailed) as caught:
        Outcome.from_json(Outcome(failed).to_json()).raise_for_state()

    assert isinstance(caught.value, JobWrong) is again


def test_an_old_libra_is_not_asked_again_for_what_it_does_not_have() -> None:
    seen = watch()
    outcome = seen.update(NotOffered("http://l:8990", "it finds no statement again"), at(1))

    assert outcome is not None
    assert "finds no statement again" in outcome.given_up


@pytest.mark.parametrize("poll_interval", [0, -1])
def test_a_watch_never_asks_without_a_pause(poll_interval: float) -> None:
    with pytest.raises(BadInput, match="poll_interval"):
        PollingPolicy.of(poll_interval=poll_interval, silence=1)


@pytest.mark.parametrize("state", [state for state in JobState if state.is_terminal])
def test_a_terminal_state_ends_the_watch_at_once(state: JobState) -> None:
    outcome = watch().update(status(state), at(1))

    assert outcome is not None
    assert outcome.status.state is state
    assert not outcome.given_up


def test_a_server_may_be_away_for_as_long_as_the_patience_lasts() -> None:
    seen = watch(silence=300)

    assert seen.update(GONE, at(0)) is None
    assert seen.update(GONE, at(299)) is None
    outcome = seen.update(GONE, at(300))

    assert outcome is not None
    assert outcome.status.state is JobState.UNCLEAR
    assert "connection refused" in outcome.given_up
    assert "it may still run" in outcome.given_up


def test_an_answer_renews_the_patience() -> None:
    seen = watch(silence=300)

    assert seen.update(GONE, at(0)) is None
    assert seen.update(status(JobState.RUNNING), at(299)) is None
    assert seen.update(GONE, at(300)) is None
    assert seen.update(GONE, at(599)) is None


def test_a_master_in_recovery_is_silence_too() -> None:
    seen = watch(silence=300)

    assert seen.update(status(JobState.UNCLEAR), at(0)) is None
    assert seen.update(status(JobState.UNCLEAR), at(200)) is None
    assert seen.update(status(JobState.UNCLEAR), at(301)) is not None


def test_a_refusal_is_forgiven_for_a_minute_only() -> None:
    seen, denied = watch(), AccessDenied("http://m:6066", 403, "set the password")

    assert seen.update(denied, at(0)) is None
    assert seen.update(denied, at(59)) is None
    assert seen.update(denied, at(60)) is not None


def test_a_busy_server_is_asked_again_when_it_said() -> None:
    seen = watch(poll_interval=1)
    seen.update(ServerBusy("http://l:8990", "The queue is full.", 7), at(0))

    assert seen.wait == 7


@pytest.mark.parametrize(("lived", "wait"), [(0, 0.2), (3, 0.3), (20, 2), (3600, 5)])
def test_a_young_job_is_looked_at_more_often(lived: float, wait: float) -> None:
    seen = watch(poll_interval=5)
    seen.update(status(JobState.RUNNING), at(lived))

    assert seen.wait == pytest.approx(wait)


def test_waiting_too_long_gives_up_with_the_reason() -> None:
    seen = watch(queued_timeout=60)

    assert seen.update(status(JobState.WAITING), at(59)) is None
    outcome = seen.update(status(JobState.WAITING, "no worker has room"), at(60))

    assert outcome is not None
    assert outcome.given_up == "it waited longer than queued_timeout=1 min; no worker has room"


def test_a_running_job_does_not_wait() -> None:
    assert watch(queued_timeout=60).update(status(JobState.RUNNING), at(600)) is None


def test_moments_that_the_server_does_not_tell_are_those_of_the_watch() -> None:
    seen = watch()
    seen.update(status(JobState.WAITING), at(1))
    seen.update(status(JobState.RUNNING), at(5))
    outcome = seen.update(status(JobState.SUCCEEDED), at(65))

    assert outcome is not None
    assert outcome.status.timings.queued_seconds == 5
    assert outcome.status.timings.run_seconds == 60


def test_the_same_thing_is_news_only_once() -> None:
    seen = watch()
    location = DriverLocation(where="on worker w-1", host="h")
    running = JobStatus(job_id="driver-1", state=JobState.RUNNING, location=location)
    answers: list[JobStatus | ServerError] = [
        status(JobState.WAITING),
        running,
        running,
        GONE,
        GONE,
    ]
    news = []
    for second, answer in enumerate([*answers, running, status(JobState.SUCCEEDED)]):
        seen.update(answer, at(second))
        news.append(seen.news)

    assert news == [
        "driver-1 is waiting",
        "driver-1 is running on worker w-1 at h",
        "",
        "No response from http://m:6066: connection refused; retrying for up to 5 min",
        "",
        "driver-1 is running on worker w-1 at h",
        "driver-1 succeeded after 5.0 s",
    ]


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome(status(JobState.FAILED, "boom")), JobFailed),
        (Outcome(status(JobState.KILLED)), JobKilled),
        (Outcome(status(JobState.LOST)), JobLost),
        (Outcome(status(JobState.WAITING), given_up="too long"), JobGivenUp),
    ],
)
def test_every_end_but_success_is_an_error_of_its_own(
    outcome: Outcome, error: type[Exception]
) -> None:
    with pytest.raises(error, match="driver-1"):
        Outcome.from_json(outcome.to_json()).raise_for_state()


def test_only_a_limit_or_silence_needs_the_same_answer_again() -> None:
    """A poller of thousands skips their updates while this holds."""
    running = status(JobState.RUNNING)

    def waits(answer: JobStatus | ServerError, **limits: float) -> bool:
        seen = watch(poll_interval=1, **limits)
        seen.update(answer, at(3600))
        return seen.waits_for_news

    assert waits(running)
    assert waits(running, queued_timeout=9999)
    assert not waits(running, executors_timeout=9999)
    assert not waits(status(JobState.WAITING), queued_timeout=9999)
    assert not waits(status(JobState.UNCLEAR))
    assert not waits(GONE)


def test_a_young_job_is_asked_about_sooner_each_time() -> None:
    seen = watch(poll_interval=100)
    seen.update(status(JobState.RUNNING), at(10))

    assert not seen.waits_for_news
