"""A Libra with only the old API: one call, which blocks until the statement has ended."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.problems import checked
from libra_provider.clients.libra import statements
from libra_provider.core.errors import NotOffered, ResultNotWhole
from libra_provider.core.job import OWN_SESSION, SparkJob
from libra_provider.core.kinds import DeployMode, Kind, Mode
from libra_provider.core.polling import utc_now
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus, Timings

# It responds when the statement has ended, however long that takes; callers have their own limits.
_A_DAY = 86_400.0  # seconds
_IGNORED = ("parameters", "result_limit", "result_path", "timeout")
# It runs drivers on its own host only, and has no fields for where.
_NOT_ITS_WORDS = ("tags", "mode", "deployMode")
# It returns SUCCESS for statements that it cannot run.
_NOT_DONE = re.compile(r"Job type '.*' execution not yet implemented")
_CUT = re.compile(r"^\.\.\. showing (\d+) of (\d+) rows\s*\Z", re.MULTILINE)


def submit(job: SparkJob, server: str) -> Call[JobStatus]:
    """Run *job* and wait for its end; return its status, with its result as text.

    It is not idempotent. Raises NotOffered for options that *server* would silently ignore.
    """
    for name in _IGNORED:
        if getattr(job, name) is not None:
            raise NotOffered(server, f"this version ignores {name}; remove it or upgrade Libra")
    _check_driver(job, server)
    body = {n: v for n, v in statements.statement_body(job).items() if n not in _NOT_ITS_WORDS}
    path = statements.statements_of(None if job.session == OWN_SESSION else job.session)
    return Call(method="POST", path=path, parse=_ended, json=body, timeout=_A_DAY)


def _check_driver(job: SparkJob, server: str) -> None:
    """Raise NotOffered if *server* would run *job* in a different driver than requested."""
    if job.deploy_mode is DeployMode.CLUSTER:
        problem = "this version starts no drivers on workers; remove deploy_mode or upgrade it"
        raise NotOffered(server, problem)
    if job.kind is Kind.PYTHON and job.why_isolated:
        problem = f"this version runs python on its shared driver and ignores {job.why_isolated}"
        raise NotOffered(server, f"{problem}; pass a file as application")
    if job.mode is Mode.ISOLATED and not job.replace(mode=None).why_isolated:
        raise NotOffered(server, f"this version runs {job.kind} on its shared driver; remove mode")


def whole_text(status: JobStatus) -> str:
    """Return the result as the server's text; raises ResultNotWhole if rows are missing.

    The text is not parsed: it has no types, and values may contain the separator.
    """
    text = status.text or ""
    if cut := _CUT.search(text):
        why = f"this old Libra returned only {cut[1]} of {cut[2]} rows; add a LIMIT, or upgrade it"
        raise ResultNotWhole(status.job_id, why)
    return text


def _ended(reply: Reply) -> JobStatus:
    body = checked(reply).json_object()
    status, text = statements.status_from(reply), str(body.get("result") or "")
    if not status.state.is_terminal:
        raise reply.not_as_expected("a statement that has ended was expected")
    if _NOT_DONE.match(text):
        status = replace(status, state=JobState.FAILED, detail=text)
    return replace(status, text=text, timings=_timings(body.get("executionTimeMs")))


def _timings(milliseconds: Any) -> Timings:
    """The times in the response have no time zone; so count back from now, when it has ended."""
    now = utc_now()
    if not isinstance(milliseconds, int) or not 0 <= milliseconds < _A_DAY * 1000:
        return Timings(ended_at=now)
    return Timings(started_at=now - timedelta(milliseconds=milliseconds), ended_at=now)
