"""Calls for statements in Libra's REST API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import ceil
from typing import Any, TypeVar
from urllib.parse import quote

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.problems import checked, is_unknown, problem
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import DeployMode, Kind, Mode
from libra_provider.core.states import JobState
from libra_provider.core.status import DriverLocation, JobStatus, Progress, Timings

W = TypeVar("W", bound=StrEnum)
STATE_OF_WORD: Mapping[str, JobState] = {
    "PENDING": JobState.WAITING,
    "RUNNING": JobState.RUNNING,
    "SUCCESS": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "CANCELLED": JobState.KILLED,
    "LOST": JobState.LOST,
}
_WORD_OF_STATE = {state: word for word, state in STATE_OF_WORD.items()}
_COUNTS = {
    "tasks_done": "tasksDone",
    "tasks_total": "tasksTotal",
    "stages_done": "stagesDone",
    "stages_total": "stagesTotal",
    "rows_read": "rowsRead",
    "bytes_read": "bytesRead",
}
_STATEMENTS = "/api/v1/statements"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStatement:
    """A statement in a list: its status, and what it runs."""

    status: JobStatus
    kind: str
    session: str
    pool: str
    name: str | None
    tags: Mapping[str, str]


def submit(job: SparkJob, tag: str) -> Call[JobStatus]:
    """Submit *job* at most once with *tag*; a repeated request returns the same statement."""
    return Call(
        method="POST",
        path=statements_of(job.session),
        parse=status_from,
        json=statement_body(job),
        headers={"Prefer": "respond-async", "Idempotency-Key": tag},
    )


def statements_of(session: str | None) -> str:
    """Return the path to which statements of *session* are posted."""
    return f"/api/v1/sessions/{quote(session or 'default', safe='')}/statements"


def statement_body(job: SparkJob) -> dict[str, Any]:
    """Return the JSON body for *job*, without the fields that are not set."""
    body = {
        "kind": str(job.kind),
        "code": job.code,
        "filePath": job.application,
        "mainClass": job.java_class,
        "args": list(job.application_args),
        "description": job.name,
        "pool": job.pool_name,
        "sparkConfig": dict(job.conf),
        "mode": job.mode and str(job.mode),
        "deployMode": job.deploy_mode and str(job.deploy_mode),
        "parameters": job.parameters,
        "resultLimit": job.result_limit,
        "resultPath": job.result_path,
        "timeoutSeconds": job.timeout,
        "tags": dict(job.origin),
    }
    return {name: value for name, value in body.items() if value not in (None, [], {})}


def status(job_id: str, *, wait: float = 0) -> Call[JobStatus]:
    """Return the status of *job_id* at its end, after *wait* seconds at the latest.

    An unknown id is LOST.
    """

    def parse(reply: Reply) -> JobStatus:
        if is_unknown(reply):
            return JobStatus(job_id=job_id, state=JobState.LOST, detail=problem(reply))
        return status_from(reply)

    headers = {"Prefer": waiting(wait)} if wait else {}
    timeout = wait + 30 if wait else None
    return Call(method="GET", path=path_of(job_id), parse=parse, headers=headers, timeout=timeout)


def waiting(seconds: float) -> str:
    """Return the preference for a response at the end or after *seconds*, which are rounded up."""
    return f"wait={ceil(seconds)}"


def path_of(job_id: str) -> str:
    """Return the path of statement *job_id*."""
    return f"{_STATEMENTS}/{quote(job_id, safe='')}"


def statuses(job_ids: Sequence[str]) -> Call[list[JobStatus]]:
    """Return the status of each of *job_ids*, in their order; an unknown id is LOST."""

    def parse(reply: Reply) -> list[JobStatus]:
        found = {each.job_id: each for each in (status_in(b, reply) for b in _listed(reply))}
        why = "Libra knows no statement of this id."
        return [
            found.get(job_id) or JobStatus(job_id=job_id, state=JobState.LOST, detail=why)
            for job_id in job_ids
        ]

    return Call(
        method="POST",
        path=f"{_STATEMENTS}/status",
        parse=parse,
        json={"jobIds": list(job_ids)},
        idempotent=True,
    )


def states(job_ids: Sequence[str]) -> Call[Mapping[str, JobState]]:
    """Return the states of those of *job_ids*, at most 10,000, that Libra knows."""

    def parse(reply: Reply) -> Mapping[str, JobState]:
        found = checked(reply).json_object().get("states")
        if not isinstance(found, dict) or not all(map(_is_state, found.values())):
            raise reply.not_as_expected("the states of statements were expected")
        return {job_id: STATE_OF_WORD[word] for job_id, word in found.items()}

    return Call(
        method="POST",
        path=f"{_STATEMENTS}/states",
        parse=parse,
        json={"jobIds": list(job_ids)},
        idempotent=True,
    )


def statements(
    *,
    state: JobState | None = None,
    session: str | None = None,
    pool: str | None = None,
    kind: str | None = None,
    tag: tuple[str, str] | None = None,
    key: str | None = None,
    offset: int = 0,
    limit: int = 100,
) -> Call[list[ListedStatement]]:
    """Return at most *limit* statements that match all filters, the latest first."""

    def parse(reply: Reply) -> list[ListedStatement]:
        return [_listed_statement(body, reply) for body in _listed(reply)]

    filters = {
        "state": state and _WORD_OF_STATE.get(state, str(state)),
        "session": session,
        "pool": pool,
        "kind": kind,
        "tag": tag and ":".join(tag),
        "key": key,
        "offset": str(offset),
        "limit": str(limit),
    }
    query = {name: value for name, value in filters.items() if value}
    return Call(method="GET", path=_STATEMENTS, parse=parse, query=query)


def kill(job_id: str) -> Call[JobStatus]:
    """Stop *job_id*; return its status at that time. Statements that have ended do not change."""
    return Call(method="DELETE", path=path_of(job_id), parse=status(job_id).parse)


def status_from(reply: Reply) -> JobStatus:
    """Return the status of the statement that *reply* consists of."""
    return status_in(checked(reply).json_object(), reply)


def _listed(reply: Reply) -> list[Any]:
    found = checked(reply).json_object().get("statements")
    if not isinstance(found, list):
        raise reply.not_as_expected("a list of statements was expected")
    return found


def _listed_statement(body: object, reply: Reply) -> ListedStatement:
    status, fields = status_in(body, reply), body if isinstance(body, dict) else {}
    tags = fields.get("tags")
    return ListedStatement(
        status=status,
        kind=str(fields.get("kind") or "sql"),
        session=str(fields.get("sessionId") or ""),
        pool=str(fields.get("pool") or ""),
        name=_text(fields.get("description")),
        tags=tags if isinstance(tags, dict) else {},
    )


def status_in(body: object, reply: Reply) -> JobStatus:
    """Return the status in *body*, a part of *reply*; raises ProtocolError if there is none."""
    if not isinstance(body, dict):
        raise reply.not_as_expected("a statement was expected")
    word, job_id = body.get("state"), body.get("jobId")
    if not isinstance(job_id, str) or not isinstance(word, str) or word not in STATE_OF_WORD:
        raise reply.not_as_expected("a statement with jobId and state was expected")
    return JobStatus(
        job_id=job_id,
        state=STATE_OF_WORD[word],
        detail=str(body.get("error") or ""),
        location=_location(body.get("driver")),
        timings=Timings(
            submitted_at=_moment(body.get("submittedAt")),
            started_at=_moment(body.get("startedAt")),
            ended_at=_moment(body.get("completedAt")),
        ),
        progress=_progress(body.get("progress")),
        error_class=_text(body.get("errorClass")),
        sql_state=_text(body.get("sqlState")),
        kind=_word(Kind, body.get("kind")),
        mode=(mode := _word(Mode, body.get("mode"))),
        deploy_mode=_word(DeployMode, body.get("deployMode")) if mode is Mode.ISOLATED else None,
    )


def _is_state(word: object) -> bool:
    return isinstance(word, str) and word in STATE_OF_WORD


def _location(driver: object) -> DriverLocation | None:
    if not isinstance(driver, dict):
        return None
    return DriverLocation(
        where=str(driver.get("where") or "on Libra's shared driver"),
        host=driver.get("host"),
        worker_id=driver.get("workerId"),
        application_id=driver.get("applicationId"),
        spark_ui=driver.get("sparkUi"),
        log_url=driver.get("logUrl"),
    )


def _progress(counts: object) -> Progress | None:
    if not isinstance(counts, dict):
        return None
    found = {name: counts.get(word) for name, word in _COUNTS.items()}
    return Progress(**{n: count for n, count in found.items() if isinstance(count, int)})


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _word(words: type[W], value: object) -> W | None:
    """Return *value* as one of *words*, or None for one of a later Libra."""
    text = str(value).lower()
    return words(text) if text in list(words) else None


def _moment(text: object) -> datetime | None:
    """Return the time in *text*, or None if it has no time zone."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
