"""A Libra that knows only the older contract: one call that blocks until the work has ended."""

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

# It answers when the work is over, however long that takes; whoever waits has a limit of their own.
_A_DAY = 86_400.0  # seconds
_IGNORED = ("parameters", "result_limit", "result_path", "timeout")
# It drives on its own host only, and says nothing of where.
_NOT_ITS_WORDS = ("tags", "mode", "deployMode")
# It answers SUCCESS for work that it cannot do.
_NOT_DONE = re.compile(r"Job type '.*' execution not yet implemented")
_CUT = re.compile(r"^\.\.\. showing (\d+) of (\d+) rows\s*\Z", re.MULTILINE)


def submit(job: SparkJob, server: str) -> Call[JobStatus]:
    """Run *job* and wait for its end; the answer says how it ended and has its result as text.

    Sent twice, it runs twice. Raises NotOffered for what *server* would ignore without a word.
    """
    for name in _IGNORED:
        if getattr(job, name) is not None:
            raise NotOffered(server, f"this version ignores {name}; remove it or upgrade Libra")
    _check_driver(job, server)
    body = {n: v for n, v in statements.statement_body(job).items() if n not in _NOT_ITS_WORDS}
    path = statements.statements_of(None if job.session == OWN_SESSION else job.session)
    return Call(method="POST", path=path, parse=_ended, json=body, timeout=_A_DAY)


def _check_driver(job: SparkJob, server: str) -> None:
    """Raise NotOffered where it would run *job* elsewhere than it was told to."""
    if job.deploy_mode is DeployMode.CLUSTER:
        problem = "this version starts no drivers on workers; remove deploy_mode or upgrade it"
        raise NotOffered(server, problem)
    if job.kind is Kind.PYTHON and job.why_isolated:
        problem = f"this version runs python on its shared driver and ignores {job.why_isolated}"
        raise NotOffered(server, f"{problem}; pass a file as application")
    if job.mode is Mode.ISOLATED and not job.replace(mode=None).why_isolated:
        raise NotOffered(server, f"this version runs {job.kind} on its shared driver; remove mode")


def whole_text(status: JobStatus) -> str:
    """The result of a statement as its server wrote it; raises ResultNotWhole if rows are left out.

    Rows of such a text have no types, and values may hold what separates them.
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
    """Its times have no zone; the answer comes at the end, and the span is told."""
    now = utc_now()
    if not isinstance(milliseconds, int) or not 0 <= milliseconds < _A_DAY * 1000:
        return Timings(ended_at=now)
    return Timings(started_at=now - timedelta(milliseconds=milliseconds), ended_at=now)
