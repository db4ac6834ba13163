"""What Libra remembers of the earlier runs of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from libra_provider.clients.call import Call, Reply
from libra_provider.clients.problem import checked

_LATEST = 10


@dataclass(frozen=True, slots=True)
class Run:
    """A run that succeeded: what None stands for is not known.

    ``collected`` are the bytes that came back; a run that wrote its rows has collected none.
    """

    collected: int | None
    seconds: float | None
    tasks: int | None


def earlier_runs(dag_id: str, task_id: str) -> Call[Sequence[Run]]:
    """The latest ten runs of a task that succeeded, whichever driver they had."""

    def parse(reply: Reply) -> Sequence[Run]:
        found = checked(reply).json_object().get("statements")
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise reply.not_as_expected("a list of statements was expected")
        return [_run(each) for each in found]

    query = {
        "tag": (f"dag_id:{dag_id}", f"task_id:{task_id}"),
        "state": "SUCCESS",
        "limit": str(_LATEST),
    }
    return Call(method="GET", path="/api/v1/statements", parse=parse, query=query)


def _run(body: dict[str, Any]) -> Run:
    progress = body.get("progress")
    milliseconds = _count(body.get("executionTimeMs"))
    return Run(
        collected=0 if body.get("resultUri") else _count(body.get("resultBytes")),
        seconds=None if milliseconds is None else milliseconds / 1000,
        tasks=_count(progress.get("tasksTotal")) if isinstance(progress, dict) else None,
    )


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count and isinstance(value, int) else None
