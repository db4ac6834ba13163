"""The status of a job, as its server reports it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Self

from libra_provider.core.kinds import DeployMode, Kind, Mode
from libra_provider.core.states import JobState
from libra_provider.core.units import readable_size

# SQLSTATE classes: syntax error or access rule violation; feature not supported.
_WRITTEN_WRONG = ("42", "0A")
# Of these, a missing table, path or schema: another job may still create it.
_MAY_COME_TO_EXIST = ("42P01", "42K03", "42704")
# The first two are defined by Libra, for the shared driver and for dedicated ones.
_WRONG_CLASSES = (
    *("LIBRA_RESULT_TOO_LARGE", "ResultTooLarge"),
    *("SyntaxError", "IndentationError", "TabError"),
)
_LONG_ID = re.compile(r"[0-9a-f]{32}")


def short_name(job_id: str) -> str:
    """The name of a job in log lines: "Statement 3e75e7b3", or the whole id of a driver."""
    return f"Statement {job_id[:8]}" if _LONG_ID.fullmatch(job_id) else job_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverLocation:
    """Where a driver runs.

    ``where`` is "on Libra's shared driver", "on Libra's host" or "on worker ID".
    """

    where: str
    host: str | None = None
    worker_id: str | None = None
    application_id: str | None = None
    spark_ui: str | None = None
    log_url: str | None = None

    def __str__(self) -> str:
        return f"{self.where} at {self.host}" if self.host else self.where


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """When a job was accepted, started and ended; each is None until it has happened."""

    submitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def queued_seconds(self) -> float | None:
        """From acceptance to the start of the driver or statement."""
        return _seconds_between(self.submitted_at, self.started_at)

    @property
    def run_seconds(self) -> float | None:
        """From the start to the end."""
        return _seconds_between(self.started_at, self.ended_at)

    def to_json(self) -> dict[str, Any]:
        """ISO 8601 strings, and the two durations in seconds."""
        moments = {name: value and value.isoformat() for name, value in asdict(self).items()}
        return moments | {"queued_seconds": self.queued_seconds, "run_seconds": self.run_seconds}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        names = [each.name for each in fields(cls)]
        return cls(**{n: datetime.fromisoformat(data[n]) for n in names if data.get(n)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of a job: tasks and stages of all its Spark jobs so far, and what they read."""

    tasks_done: int = 0
    tasks_total: int = 0
    stages_done: int = 0
    stages_total: int = 0
    rows_read: int = 0
    bytes_read: int = 0

    def __str__(self) -> str:
        facts = [
            f"{self.tasks_done} of {self.tasks_total} tasks",
            f"{self.stages_done} of {self.stages_total} stages",
        ]
        if self.bytes_read:
            facts.append(f"read {readable_size(self.bytes_read)}")
        return ", ".join(facts)


def _seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end else None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """What a server reported about a job; ``detail`` is its explanation, for people.

    ``has_executors`` and ``progress`` are None if unknown. ``error_class`` and ``sql_state`` are
    Spark's. Libra sends ``kind``, ``mode`` and, for dedicated drivers, ``deploy_mode`` of its
    statements. ``text`` is the result as a string, which a Libra with the old API sends with
    the status. ``worker_lost``: the master has lost the connection to the driver's worker, where
    the driver may keep running for a while.
    """

    job_id: str
    state: JobState
    detail: str = ""
    location: DriverLocation | None = None
    timings: Timings = Timings()
    has_executors: bool | None = None
    progress: Progress | None = None
    error_class: str | None = None
    sql_state: str | None = None
    kind: Kind | None = None
    mode: Mode | None = None
    deploy_mode: DeployMode | None = None
    text: str | None = None
    worker_lost: bool = False

    @property
    def would_fail_again(self) -> bool:
        """Whether the job failed because of how it was written, so that a retry would not help."""
        if self.state is not JobState.FAILED:
            return False
        state = self.sql_state or ""
        written_wrong = state.startswith(_WRITTEN_WRONG) and state not in _MAY_COME_TO_EXIST
        return written_wrong or self.error_class in _WRONG_CLASSES

    def to_json(self) -> dict[str, Any]:
        """The status as a trigger's event carries it."""
        return {
            "job_id": self.job_id,
            "state": str(self.state),
            "detail": self.detail,
            "location": asdict(self.location) if self.location else None,
            "timings": self.timings.to_json(),
            "error_class": self.error_class,
            "sql_state": self.sql_state,
            "deploy_mode": self.deploy_mode,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(
            job_id=data["job_id"],
            state=JobState(data["state"]),
            detail=data["detail"],
            location=DriverLocation(**data["location"]) if data["location"] else None,
            timings=Timings.from_json(data["timings"]),
            error_class=data.get("error_class"),
            sql_state=data.get("sql_state"),
            deploy_mode=(mode := data.get("deploy_mode")) and DeployMode(mode),
        )
