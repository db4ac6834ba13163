"""Runs a statement, and gets status and result with one request if possible."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.http.problems import checked, is_unknown
from libra_provider.clients.libra import paging, results, statements
from libra_provider.clients.libra.contract import Contract
from libra_provider.clients.libra.legacy import whole_text
from libra_provider.clients.libra.results import ResultValue, Returned
from libra_provider.core.errors import ServerUnreachable
from libra_provider.core.job import SparkJob
from libra_provider.core.polling import Outcome
from libra_provider.core.status import JobStatus

# Some proxies close a connection that is silent for half a minute.
_WAIT = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class RunReply:
    """The status of a statement, and its result, or None if it has to be requested."""

    status: JobStatus
    returned: Returned | None = None


def submission(job: SparkJob, tag: str, *, wait: float) -> Call[RunReply]:
    """Submit *job* at most once with *tag*, and wait for its end, *wait* seconds at most."""
    return _with_result(statements.submit(job, tag), wait)


def poll(job_id: str, *, wait: float) -> Call[RunReply]:
    """Wait for the end of *job_id*, *wait* seconds at most. An unknown id is LOST."""
    return _with_result(statements.status(job_id), wait)


def submit(contract: Contract, job: SparkJob, tag: str, *, wait: float) -> Dialogue[RunReply]:
    """Submit *job* once with *tag*; return its status at its end or after *wait* seconds.

    If the response is lost, the request is repeated once. A Libra with the old API responds
    at the end, with the result as text.
    """
    if (yield from contract.fetch_health()).is_old:
        return RunReply((yield from contract.submit(job, tag)))
    return (yield from _surely(submission(job, tag, wait=wait), tag))


def run_to_end(contract: Contract, job: SparkJob, tag: str) -> Dialogue[RunReply]:
    """Submit *job* once with *tag*, and return when it has ended."""
    answer = yield from submit(contract, job, tag, wait=_WAIT)
    while not answer.status.state.is_terminal:
        answer = yield from _surely(poll(answer.status.job_id, wait=_WAIT), tag)
    return answer


def run(contract: Contract, job: SparkJob, tag: str) -> Dialogue[Returned]:
    """Submit *job* once with *tag*, and return its whole result; an old Libra returns text.

    Raises a JobError unless it succeeds.
    """
    answer = yield from run_to_end(contract, job, tag)
    status = Outcome(answer.status).raise_for_state()
    if status.text is not None:
        return ResultValue(whole_text(status))
    return (yield from paging.fetch_result(contract, status.job_id, first=answer.returned))


def _with_result(call: Call[Any], wait: float) -> Call[RunReply]:
    def parse(reply: Reply) -> RunReply:
        if is_unknown(reply):
            return RunReply(call.parse(reply))
        body = checked(reply).json_object()
        status = statements.status_in(body, reply)
        if call.method == "GET" and not status.state.is_terminal:
            _check_waited(reply)
        return RunReply(status, results.come_along(body.get("result"), reply))

    prefer = f"{statements.waiting(wait)}, return=representation"
    headers = {**call.headers, "Prefer": prefer}
    return replace(call, parse=parse, headers=headers, timeout=wait + 30)


def _check_waited(reply: Reply) -> None:
    """Raise ProtocolError if Libra did not wait: polling would become a busy loop."""
    if "wait=" not in reply.headers.get("preference-applied", ""):
        advice = "it did not honor Prefer: wait; check that no proxy removes this header"
        raise reply.not_as_expected(advice)


def _surely(call: Call[RunReply], tag: str) -> Dialogue[RunReply]:
    """Send *call*, and once more if the response is lost: it is idempotent."""
    answer: RunReply
    try:
        answer = yield Ask(call)
    except ServerUnreachable as error:
        if not error.may_have_arrived:
            raise
        answer = yield from _once_more(call, tag)
    return answer


def _once_more(call: Call[RunReply], tag: str) -> Dialogue[RunReply]:
    try:
        answer: RunReply = yield Ask(call)
    except ServerUnreachable as error:
        problem = f"{error.problem}; the statement may still run, with the tag {tag}"
        raise ServerUnreachable(error.server, problem, may_have_arrived=True) from error
    return answer
