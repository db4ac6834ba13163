"""Libra's REST API as calls (design.md, section 8; the old contract: reference/libra.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from libra_provider.clients.call import Call, Reply
from libra_provider.core.errors import (
    AccessDenied,
    BadInput,
    JobLost,
    Rejected,
    ServerBusy,
    ServerError,
)
from libra_provider.core.job import SparkJob
from libra_provider.core.states import JobState
from libra_provider.core.status import DriverLocation, JobStatus, Timings

STATE_OF_WORD: Mapping[str, JobState] = {
    "PENDING": JobState.WAITING,
    "RUNNING": JobState.RUNNING,
    "SUCCESS": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "CANCELLED": JobState.KILLED,
    "LOST": JobState.LOST,
}
# The public Java implementation answers SUCCESS for work that it cannot do.
_NOT_DONE = re.compile(r"Job type '.*' execution not yet implemented")
_STATEMENTS = "/api/v1/statements"
# Libra keeps results of 64 MiB unless asked otherwise; as JSON they are several times larger.
_LARGEST_PAGE = 2**30  # bytes


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Rows of a statement: ``row_count`` counts all of them, ``offset`` says where these begin."""

    schema: Mapping[str, Any]
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    offset: int
    row_count: int

    def as_dicts(self) -> list[dict[str, Any]]:
        """Each row by column name; raises BadInput where two columns share one."""
        if len(set(self.columns)) < len(self.columns):
            raise BadInput("columns", list(self.columns), "each needs a name of its own (AS)")
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Health:
    """What Libra says of itself; ``error`` is Spark's, where Spark is down."""

    service: str
    spark_version: str | None
    master: str | None
    application_id: str | None
    error: str | None

    @property
    def is_up(self) -> bool:
        """Whether a statement would find a driver."""
        return self.error is None


def submit(job: SparkJob, tag: str) -> Call[JobStatus]:
    """Accept *job* at most once under *tag*; asking twice gives the same statement.

    A server that knows only the old contract answers when the work is done.
    """
    session = quote(job.session or "default", safe="")
    return Call(
        method="POST",
        path=f"/api/v1/sessions/{session}/statements",
        parse=_status_from,
        json=statement_body(job),
        headers={"Prefer": "respond-async", "Idempotency-Key": tag},
    )


def statement_body(job: SparkJob) -> dict[str, Any]:
    """*job* on the wire; what was not given is left out."""
    body = {
        "kind": str(job.kind),
        "code": job.code,
        "filePath": job.application,
        "mainClass": job.java_class,
        "args": list(job.application_args),
        "description": job.name,
        "pool": job.pool_name,
        "sparkConfig": dict(job.conf),
        "parameters": job.parameters,
        "resultLimit": job.result_limit,
        "tags": dict(job.origin),
    }
    return {name: value for name, value in body.items() if value not in (None, [], {})}


def status(job_id: str, *, wait: float = 0) -> Call[JobStatus]:
    """Where *job_id* stands; *wait* seconds at most for its end. An unknown id is LOST."""

    def parse(reply: Reply) -> JobStatus:
        if reply.status == 404 and _is_problem(reply):
            return JobStatus(job_id=job_id, state=JobState.LOST, detail=_problem(reply))
        return _status_from(reply)

    headers = {"Prefer": f"wait={wait:g}"} if wait else {}
    path = f"{_STATEMENTS}/{quote(job_id, safe='')}"
    timeout = wait + 30 if wait else None
    return Call(method="GET", path=path, parse=parse, headers=headers, timeout=timeout)


def kill(job_id: str) -> Call[JobStatus]:
    """Stop *job_id*; the answer is where it stood then. Ended statements stay as they are."""
    path = f"{_STATEMENTS}/{quote(job_id, safe='')}"
    return Call(method="DELETE", path=path, parse=status(job_id).parse)


def result(job_id: str, *, offset: int = 0, limit: int = 1000) -> Call[ResultPage]:
    """At most *limit* rows of *job_id* from *offset* on; raises JobLost for an unknown id."""

    def parse(reply: Reply) -> ResultPage:
        if reply.status == 404 and _is_problem(reply):
            raise JobLost(job_id, _problem(reply))
        body = _checked(reply).json_object()
        try:
            return ResultPage(
                schema=body["schema"],
                columns=tuple(body["columns"]),
                rows=body["rows"],
                offset=int(body["offset"]),
                row_count=int(body["rowCount"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise reply.not_as_expected(f"a page of rows was expected ({error!r})") from error

    path = f"{_STATEMENTS}/{quote(job_id, safe='')}/result"
    return Call(
        method="GET",
        path=path,
        parse=parse,
        query={"offset": str(offset), "limit": str(limit)},
        most_bytes=_LARGEST_PAGE,
    )


def health() -> Call[Health]:
    """What Libra and its Spark say of themselves."""

    def parse(reply: Reply) -> Health:
        body = _checked(reply).json_object()
        spark = body.get("spark")
        if not isinstance(spark, dict) or "service" not in body:
            raise reply.not_as_expected("this is not Libra's health page; check the port")
        return Health(
            service=str(body["service"]),
            spark_version=spark.get("version"),
            master=spark.get("master"),
            application_id=spark.get("applicationId"),
            error=spark.get("error"),
        )

    return Call(method="GET", path="/api/v1/health", parse=parse)


def _status_from(reply: Reply) -> JobStatus:
    body = _checked(reply).json_object()
    word, job_id = body.get("state"), body.get("jobId")
    if not isinstance(job_id, str) or not isinstance(word, str) or word not in STATE_OF_WORD:
        raise reply.not_as_expected("a statement with jobId and state was expected")
    state, detail = STATE_OF_WORD[word], body.get("error") or ""
    if _NOT_DONE.match(str(body.get("result") or "")):
        state, detail = JobState.FAILED, body["result"]
    return JobStatus(
        job_id=job_id,
        state=state,
        detail=str(detail),
        location=_location(body.get("driver")),
        timings=Timings(
            submitted_at=_moment(body.get("submittedAt")),
            started_at=_moment(body.get("startedAt")),
            ended_at=_moment(body.get("completedAt")),
        ),
    )


def _location(driver: object) -> DriverLocation | None:
    if not isinstance(driver, dict):
        return None
    return DriverLocation(
        where=str(driver.get("where") or "in Libra"),
        host=driver.get("host"),
        worker_id=driver.get("workerId"),
        application_id=driver.get("applicationId"),
        spark_ui=driver.get("sparkUi"),
    )


def _moment(text: object) -> datetime | None:
    """*text* as a moment; the old contract's local times have no zone and are taken as UTC."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _checked(reply: Reply) -> Reply:
    """*reply* if it is an answer; raises the ServerError that its status stands for."""
    if 200 <= reply.status < 300:
        return reply
    raise _error_of(reply)


def _error_of(reply: Reply) -> ServerError:
    if reply.status in (401, 403):
        advice = (
            f"{_problem(reply)} Set the connection's password to the token of this Libra; "
            "on the command line, LIBRA_TOKEN."
        )
        return AccessDenied(reply.server, reply.status, advice)
    if reply.status in (429, 503) and _is_problem(reply):
        return ServerBusy(reply.server, _problem(reply), _retry_after(reply))
    if 400 <= reply.status < 500 and _is_problem(reply):
        return Rejected(reply.server, reply.status, _problem(reply))
    if reply.status >= 500:
        return reply.no_answer()
    return reply.not_as_expected("this is not an answer of Libra; check host, port and proxies")


def _is_problem(reply: Reply) -> bool:
    return reply.headers.get("content-type", "").startswith("application/problem+json")


def _problem(reply: Reply) -> str:
    if not _is_problem(reply):
        return ""
    found = reply.json_object()
    return str(found.get("detail") or found.get("title") or "")


def _retry_after(reply: Reply) -> float:
    """Seconds; what a server says beyond a minute, or instead of a number, is not waited for."""
    text = reply.headers.get("retry-after", "")
    return min(float(text), 60.0) if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) else 1.0
