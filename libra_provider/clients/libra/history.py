"""Earlier runs of a task, from Libra's ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.problems import checked
from libra_provider.core.errors import RESULT_TOO_LARGE

LATEST = 10


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that has ended; None means unknown.

    ``submitted_at`` orders two runs. ``collected`` is the number of bytes that were returned, 0 if
    the run wrote its rows to storage.
    """

    submitted_at: str
    collected: int | None
    seconds: float | None
    tasks: int | None


def earlier_runs(dag_id: str, task_id: str) -> Call[Sequence[PastRun]]:
    """Return the last ten runs of a task that succeeded, with any kind of driver."""
    return _latest(dag_id, task_id, "SUCCESS", _run)


def refused_runs(dag_id: str, task_id: str) -> Call[Sequence[PastRun]]:
    """Return those of its last ten failed runs whose result was too large for Libra's driver.

    ``collected`` is a lower bound.
    """
    return _latest(dag_id, task_id, "FAILED", _refused)


def _latest(
    dag_id: str, task_id: str, state: str, read: Callable[[dict[str, Any]], PastRun | None]
) -> Call[Sequence[PastRun]]:
    def parse(reply: Reply) -> Sequence[PastRun]:
        found = checked(reply).json_object().get("statements")
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise reply.not_as_expected("a list of statements was expected")
        return [run for each in found if (run := read(each))]

    query = {
        "tag": (f"dag_id:{dag_id}", f"task_id:{task_id}"),
        "state": state,
        "limit": str(LATEST),
    }
    return Call(method="GET", path="/api/v1/statements", parse=parse, query=query)


def _refused(body: dict[str, Any]) -> PastRun | None:
    if body.get("errorClass") != RESULT_TOO_LARGE or not body.get("resultBytes"):
        return None
    return PastRun(str(body.get("submittedAt")), _count(body.get("resultBytes")), None, None)


def _run(body: dict[str, Any]) -> PastRun:
    progress = body.get("progress")
    milliseconds = _count(body.get("executionTimeMs"))
    return PastRun(
        submitted_at=str(body.get("submittedAt")),
        collected=0 if body.get("resultUri") else _count(body.get("resultBytes")),
        seconds=None if milliseconds is None else milliseconds / 1000,
        tasks=_count(progress.get("tasksTotal")) if isinstance(progress, dict) else None,
    )


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count and isinstance(value, int) else None
