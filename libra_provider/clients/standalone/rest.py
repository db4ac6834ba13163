"""Calls for the REST submission API of the Spark standalone master.

docs/architecture.md describes the observed behavior of real masters; the protocol is defined by
org.apache.spark.deploy.rest.RestSubmissionServer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.problems import is_problem
from libra_provider.clients.standalone.create_request import create_request
from libra_provider.core.errors import (
    AccessDenied,
    JobError,
    ProtocolError,
    Rejected,
    ServerBusy,
    ServerError,
)
from libra_provider.core.job import SparkJob
from libra_provider.core.states import JobState
from libra_provider.core.status import DriverLocation, JobStatus

STATE_OF_WORD: Mapping[str, JobState] = {
    "SUBMITTED": JobState.WAITING,
    "RUNNING": JobState.RUNNING,
    "RELAUNCHING": JobState.RUNNING,
    "UNKNOWN": JobState.UNCLEAR,
    "FINISHED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "ERROR": JobState.FAILED,
    "KILLED": JobState.KILLED,
}
_FORGOTTEN = (
    "the master no longer lists this driver: it keeps only the last spark.deploy.retainedDrivers "
    "drivers that ended, and none when it restarts without a recovery mode; its process may "
    "still run, so it was not resubmitted"
)


@dataclass(frozen=True, slots=True)
class MasterVersion:
    """The Spark version of a master whose REST server is ready."""

    spark_version: str


def submit(job: SparkJob, tag: str, *, master: str, bootstrap: str | None = None) -> Call[str]:
    """Create a driver for *job* with *tag*; return its id.

    *master* is the ``spark://`` URL with all masters, *bootstrap* the path of our
    ``jobs/bootstrap.py`` on the workers, if they have it. It is not idempotent: two calls create
    two drivers.
    """
    request = create_request(job, tag, master=master, bootstrap=bootstrap)

    def parse(reply: Reply) -> str:
        try:
            body = _answer(reply)
        except Rejected as error:
            raise _explained(error, request["appResource"]) from None
        driver_id = body.get("submissionId")
        if body.get("success") is not True or not isinstance(driver_id, str):
            raise Rejected(reply.server, reply.status, _message(body))
        return driver_id

    return Call(method="POST", path="/v1/submissions/create", parse=parse, json=request)


def _explained(error: Rejected, resource: str) -> Rejected:
    """Return *error* with the real reason: a master does not mention its allowed patterns."""
    if "Valid application jar path is required" not in error.problem:
        return error
    # A pattern that matches the empty string: Spark would drop "" itself from the list.
    pattern = f"one that matches {resource}" if resource else "() for files that drivers fetch"
    problem = f"its spark.master.rest.allowedAppResourcePatterns lacks {pattern}"
    return Rejected(error.server, error.status, problem)


def status(driver_id: str) -> Call[JobStatus]:
    """Return the status of *driver_id*; a driver that the master does not know is LOST."""

    def parse(reply: Reply) -> JobStatus:
        body = _answer(reply)
        if body.get("success") is not True:
            return _not_found(driver_id, body)
        word = body.get("driverState")
        if not isinstance(word, str) or word not in STATE_OF_WORD:
            raise reply.not_as_expected(f"driverState={word!r} is not a state of Spark")
        return JobStatus(
            job_id=driver_id,
            state=STATE_OF_WORD[word],
            detail=_message(body, default=_REASON_OF_WORD.get(word, "")),
            location=_location(body),
            # A message is that of a worker that could not start the driver.
            worker_lost=word == "ERROR" and not _message(body),
        )

    return Call(method="GET", path=f"/v1/submissions/status/{_quoted(driver_id)}", parse=parse)


def _not_found(driver_id: str, body: Mapping[str, Any]) -> JobStatus:
    """Return LOST without a message; with one, the master could not look the driver up."""
    if why := _message(body):
        return JobStatus(job_id=driver_id, state=JobState.UNCLEAR, detail=why)
    return JobStatus(job_id=driver_id, state=JobState.LOST, detail=_FORGOTTEN)


_REASON_OF_WORD = {
    "ERROR": "the master lost contact with its worker, or the worker could not start it",
    "UNKNOWN": "the master is recovering",
}


def kill(driver_id: str) -> Call[str]:
    """Request the kill of *driver_id*; return the master's message, also for an ended driver."""
    path = f"/v1/submissions/kill/{_quoted(driver_id)}"
    return Call(
        method="POST", path=path, parse=lambda reply: _message(_answer(reply)), idempotent=True
    )


def ready() -> Call[MasterVersion]:
    """Return the master's version if it accepts submissions; raises ServerError if not."""

    def parse(reply: Reply) -> MasterVersion:
        if version := _older_than_readyz(reply):
            return MasterVersion(version)
        body = _answer(reply)
        if body.get("success") is not True:
            raise _not_active(reply, body)
        return MasterVersion(str(body.get("serverSparkVersion", "")))

    return Call(method="GET", path="/v1/submissions/readyz", parse=parse)


def _older_than_readyz(reply: Reply) -> str | None:
    """Return the version of a Spark before 4.0, whose master lacks readyz; None for later ones."""
    if reply.status != 400 or not _speaks_json(reply):
        return None
    body = reply.json_object()
    is_older = str(body.get("message")).startswith("Missing an action")
    return str(body.get("serverSparkVersion")) if is_older else None


def _quoted(driver_id: str) -> str:
    """Return *driver_id* as a path segment; another string could address another endpoint."""
    if not re.fullmatch(r"driver-[\w-]+", driver_id):
        raise JobError(
            driver_id, "not the id of a driver; expected the form driver-20261120082239-0000"
        )
    return quote(driver_id, safe="")


def _location(body: Mapping[str, Any]) -> DriverLocation | None:
    worker = body.get("workerId")
    if not worker:
        return None
    host = str(body.get("workerHostPort") or "").rpartition(":")[0]
    return DriverLocation(where=f"on worker {worker}", host=host or None, worker_id=str(worker))


def _answer(reply: Reply) -> dict[str, Any]:
    """Return the body of a response in the submission protocol; raises ServerError for others."""
    if reply.status in (401, 403) and not is_problem(reply):
        raise _denied(reply)
    if _speaks_json(reply):
        body = reply.json_object()
        if body.get("success") is not True and _NOT_ALIVE.search(str(body.get("message"))):
            raise _not_active(reply, body)
        if body.get("action") == "ErrorResponse":
            raise _error_of(reply, body)
        if "success" in body:
            return body
    if reply.status >= 500:
        raise reply.no_answer()
    raise _wrong_port(reply)


# The response of a standby or recovering master to every request, which it has not processed.
_NOT_ALIVE = re.compile(r"Current state is not alive: (\w+)")


def _not_active(reply: Reply, body: Mapping[str, Any]) -> ServerBusy:
    state = _NOT_ALIVE.search(str(body.get("message")))
    problem = f"this master is {state[1]}" if state else _message(body, "this master is not ready")
    return ServerBusy(reply.server, problem, retry_after=5.0)


def _error_of(reply: Reply, body: Mapping[str, Any]) -> ServerError:
    if reply.status == 503:  # "Master is not ready."
        return _not_active(reply, body)
    if reply.status >= 500:
        return reply.no_answer()
    return Rejected(reply.server, reply.status, _message(body))


# Messages of org.apache.spark.ui.JWSFilter, in the title of its page.
_DENIALS = (
    (
        "Authorization header is missing",
        "it requires signed requests: set the connection's password (LIBRA_MASTER_SECRET on the "
        "command line) to the master's JWS secret key (base64url)",
    ),
    (
        "JWT Validate Fail",
        "the connection's password (LIBRA_MASTER_SECRET on the command line) is not the master's "
        "JWS secret key, spark.org.apache.spark.ui.JWSFilter.param.secretKey, or the clocks of "
        "the two machines differ by minutes",
    ),
)


def _denied(reply: Reply) -> AccessDenied:
    advice = (
        "set the connection's password (LIBRA_MASTER_SECRET on the command line) to the master's "
        "JWS secret key (base64url), or check what a proxy in front of it requires"
    )
    known = (problem for said, problem in _DENIALS if said in reply.text)
    return AccessDenied(reply.server, reply.status, next(known, advice))


def _speaks_json(reply: Reply) -> bool:
    return reply.headers.get("content-type", "").startswith("application/json") and bool(reply.body)


def _wrong_port(reply: Reply) -> ProtocolError:
    if "Spark Master at" in reply.text or reply.headers.get("server", "").startswith("Jetty"):
        advice = (
            "this port is a Spark web page; set rest_port (--rest on the command line) to "
            "spark.master.rest.port (6066)"
        )
        return ProtocolError(reply.server, reply.status, advice)
    return reply.not_as_expected(
        "this is not the REST port of a Spark master; check rest_port (--rest)"
    )


def _message(body: Mapping[str, Any], default: str = "") -> str:
    """Return the server's message without its Java stack trace."""
    lines = str(body.get("message") or "").strip().splitlines()
    # If a driver could not be started, the exception is on the second line.
    if len(lines) > 1 and lines[0].endswith(":"):
        return f"{lines[0]} {lines[1].strip()}"
    return lines[0] if lines else default
