"""Submit once, whatever an earlier try left behind (design.md, section 4.2)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from libra_provider.clients.ending import kill_and_verify
from libra_provider.core.errors import (
    AccessDenied,
    JobLost,
    LibraError,
    NotOffered,
    Rejected,
    ResultNotWhole,
    ServerBusy,
    ServerError,
    ServerUnreachable,
)
from libra_provider.core.job import Backend, SparkJob
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.core.units import readable_duration
from libra_provider.hooks.base import ServerHook
from libra_provider.lifecycle import metrics, story
from libra_provider.lifecycle.record import Generation, Record, Records

log = logging.getLogger(__name__)
T = TypeVar("T")
Prepare = Callable[[SparkJob, str], SparkJob]


@dataclass(frozen=True, slots=True)
class Submission:
    """A job that exists: its record, and the status in which it was found or accepted.

    ``found``: an earlier try had submitted it.
    """

    record: Record
    status: JobStatus
    found: bool = False


class UndecidedSubmission(JobLost):
    """A try ended between a request and its answer, and the server cannot be asked by tag."""

    outcome = "may or may not have been submitted"


def find_or_submit(
    job: SparkJob,
    server: ServerHook,
    records: Records,
    generation: Generation,
    *,
    prepare: Prepare,
    busy_for: float = 0.0,
) -> Submission:
    """The job that this logical run already has, or a new one.

    *prepare* makes of the job and its tag what is sent; it is called before each request.

    A server that says it is busy (a standby before it takes over, a full queue) is asked again for
    *busy_for* seconds.

    Raises JobLost where submitting could make a second job of one that may still run, ServerError
    where the server does not take it, and AccessDenied where it never will.
    """
    found = records.load()
    submit = partial(_submit, job, server, records, generation, prepare, busy_for)
    if found is None:
        return submit()
    if found.max_tries != generation.max_tries:
        log.info("The task was cleared: %s is replaced", found.job_id or "its earlier submission")
        _end(found, server)
        return submit()
    if found.job_id is None:
        return _resume_intent(found, job, server, records, prepare)
    return _rejoin(found, server) or submit()


def _submit(
    job: SparkJob,
    server: ServerHook,
    records: Records,
    generation: Generation,
    prepare: Prepare,
    busy_for: float,
) -> Submission:
    _once_not_busy(server.greet, busy_for)
    tags = metrics.tags_of(job, server.backend)
    intent = records.save(Record.intent(server.backend, server.connection_id, generation, tags))
    try:
        prepared = _once_not_busy(partial(prepare, job, intent.tag), busy_for)
    except LibraError:
        records.forget()
        raise
    try:
        submission = _once_not_busy(partial(_send, intent, prepared, server, records), busy_for)
    except ServerError as error:
        if _never_arrived(error):
            records.forget()
        raise
    metrics.count(metrics.SUBMISSIONS, tags)
    return submission


def _once_not_busy(ask: Callable[[], T], busy_for: float) -> T:
    deadline = time.monotonic() + busy_for
    while True:
        try:
            return ask()
        except ServerBusy as error:
            if time.monotonic() + error.retry_after > deadline:
                raise
            log.info("%s; asking again in %s", error, readable_duration(error.retry_after))
            time.sleep(error.retry_after)


def _send(intent: Record, job: SparkJob, server: ServerHook, records: Records) -> Submission:
    status = server.submit(job, intent.tag)
    record = intent.with_job(status.job_id)
    if status.state.is_terminal and status.state is not JobState.SUCCEEDED:
        # It is over, and an old Libra could not be asked for it by the next try.
        records.forget()
    else:
        records.save(record)
    where = f"{server.where} with tag {intent.tag}"
    log.info("%s is submitted to %s: %s", status.job_id, where, story.subject(job))
    return Submission(record, status)


def _never_arrived(error: ServerError) -> bool:
    if isinstance(error, ServerUnreachable):
        return not error.may_have_arrived
    return isinstance(error, AccessDenied | NotOffered | Rejected | ServerBusy)


def _resume_intent(
    found: Record, job: SparkJob, server: ServerHook, records: Records, prepare: Prepare
) -> Submission:
    """An earlier try died in its request: Libra tells by the tag whether it had arrived."""
    by_hand = server.by_hand(found.tag)
    if not by_hand:
        adopted = _send(found, prepare(job, found.tag), server, records)
        metrics.count(metrics.ADOPTIONS, found.tags)
        return adopted
    problem = f"an earlier try was interrupted at {found.at} before the answer came; {by_hand}"
    raise UndecidedSubmission(f"A job of {server.where}", problem)


def _rejoin(found: Record, server: ServerHook) -> Submission | None:
    """The job of an earlier try, unless it is over and failed: then there is room for a new one."""
    assert found.job_id is not None  # noqa: S101 - find_or_submit has looked
    try:
        status = server.status(found.job_id)
    except NotOffered as error:
        why = f"the try that had it was interrupted; clear the task to run it again ({error})"
        raise ResultNotWhole(found.job_id, why) from error
    except ServerError as error:
        log.warning("%s; rejoining %s all the same", error, found.job_id)
        return Submission(found, JobStatus(job_id=found.job_id, state=JobState.UNCLEAR), found=True)
    if status.state is JobState.LOST and found.backend is Backend.SPARK_MASTER:
        raise JobLost(found.job_id, status.detail)
    if status.state.is_terminal and status.state is not JobState.SUCCEEDED:
        log.info("%s of an earlier try %s; submitting anew", found.job_id, status.state)
        return None
    log.info("Rejoining %s of an earlier try: %s", found.job_id, status.state)
    metrics.count(metrics.REJOINS, found.tags)
    return Submission(found, status, found=True)


def _end(found: Record, server: ServerHook) -> None:
    """Stop the job of a generation that the user has cleared away."""
    if found.job_id is None:
        return
    try:
        kill_and_verify(server, found.job_id)
    except NotOffered:
        log.info("%s was over when its server told its id", found.job_id)
