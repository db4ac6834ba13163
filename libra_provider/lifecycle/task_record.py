"""The record of a submission, which one try of a task stores for the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, Self

from airflow.sdk import Context

from libra_provider.core.errors import JobError
from libra_provider.core.job import Backend, JobHandle
from libra_provider.core.polling import utc_now

_KEY = "libra_job"


class TaskStateStore(Protocol):
    """Airflow's task state store: it survives crashes, retries and clears of one task instance."""

    def get(self, key: str, default: Any = None) -> Any:
        """The value under *key*."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Keep *value* under *key*."""
        ...

    def delete(self, key: str) -> None:
        """Forget *key*."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Identifies the tries between two clears of a task, as far as Airflow's numbers allow.

    ``max_tries`` changes when a user clears a task that is not running, unless its retries were
    edited. ``clear_number`` changes with every clear in the Dag run, of any task.
    ``is_first_try``: no retry has been used, as before the first failure and after a clear.
    """

    max_tries: int
    clear_number: int
    is_first_try: bool = False

    @classmethod
    def of(cls, context: Context) -> Self:
        """The generation of the try that runs in *context*."""
        ti = context["ti"]
        return cls(
            max_tries=ti.max_tries,
            clear_number=getattr(context["dag_run"], "clear_number", 0) or 0,
            is_first_try=ti.max_tries - ti.try_number + 1 == ti.task.retries,
        )

    def is_another(self, record: TaskRecord) -> bool:
        """Whether a user has cleared the task since *record* was written, judging by max_tries."""
        return self.max_tries != record.max_tries

    def is_cleared(self, record: TaskRecord) -> bool:
        """Whether a user has certainly cleared the task before this try, since *record*."""
        return self.is_another(record) or (self.may_be_cleared(record) and self.is_first_try)

    def may_be_cleared(self, record: TaskRecord) -> bool:
        """Whether this task, while it ran, or another one of the run was cleared since then."""
        return self.clear_number != record.clear_number


def origin(context: Context) -> dict[str, str]:
    """The ids of the task of *context*, which are sent with the tag."""
    ti = context["ti"]
    return {
        "dag_id": ti.dag_id,
        "run_id": ti.run_id,
        "task_id": ti.task_id,
        "map_index": str(ti.map_index),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """One submission: stored without ``job_id`` before the request is sent, with it afterwards.

    ``main_class`` is that of its driver; ``tags`` are those of its metrics. ``condemned``: its job
    was to be stopped, so no try may rejoin it. ``outlived_clear``: its job was rejoined after a
    clear that may have been this task's, and the cleared try may still stop it.
    """

    backend: Backend
    connection_id: str
    tag: str
    at: str
    max_tries: int
    clear_number: int
    job_id: str | None = None
    main_class: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    condemned: bool = False
    outlived_clear: bool = False

    @classmethod
    def intent(
        cls, backend: Backend, connection_id: str, generation: Generation, **rest: Any
    ) -> Self:
        """The record of a submission that is about to be sent."""
        return cls(
            backend=backend,
            connection_id=connection_id,
            at=utc_now().isoformat(),
            max_tries=generation.max_tries,
            clear_number=generation.clear_number,
            **rest,
        )

    @property
    def submitted_at(self) -> datetime:
        """When the intent was written."""
        return datetime.fromisoformat(self.at)

    @property
    def handle(self) -> JobHandle | None:
        """The job, or None while its id is unknown."""
        if self.job_id is None:
            return None
        return JobHandle(self.backend, self.connection_id, self.job_id, self.tag)

    def with_job(self, job_id: str) -> TaskRecord:
        """The record of a submission that was answered."""
        return replace(self, job_id=job_id)

    def taken_up(self, generation: Generation) -> TaskRecord:
        """The record of a job that a try of *generation* rejoins."""
        return replace(
            self,
            clear_number=generation.clear_number,
            outlived_clear=generation.may_be_cleared(self),
        )

    def to_json(self) -> dict[str, Any]:
        """The record as it is stored."""
        return asdict(self) | {"backend": str(self.backend)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(**{**data, "backend": Backend(data["backend"])})


class TakenOver(JobError):
    """Airflow took this try for dead, and a later one has submitted or adopted another job."""

    outcome = "no longer belongs to this try"


class TaskRecords:
    """The record of a task instance, in Airflow's task state store.

    ``last`` is this try's copy, which can be read without a call to Airflow.
    """

    def __init__(self, store: TaskStateStore) -> None:
        self._store = store
        self.last: TaskRecord | None = None

    def load(self) -> TaskRecord | None:
        """The record of an earlier try, or of this one before its deferral, or None."""
        self.last = self._read()
        return self.last

    def save(self, record: TaskRecord) -> TaskRecord:
        """Store *record*, which is on disk when this returns; raises TakenOver."""
        self._check_ours(record.job_id)
        self._store.set(_KEY, record.to_json())
        self.last = record
        return record

    def forget(self) -> None:
        """Delete the record, since nothing was submitted; raises TakenOver."""
        self._check_ours(None)
        self._store.delete(_KEY)
        self.last = None

    def condemn(self) -> None:
        """Have the next try start over, whatever happens to the job; raises TakenOver."""
        if self.last:
            self.save(replace(self.last, condemned=True))

    def note_clears(self, generation: Generation) -> None:
        """Treat all clears so far as those of other tasks; raises TakenOver."""
        if self.last and generation.may_be_cleared(self.last):
            self.save(replace(self.last, clear_number=generation.clear_number))

    def _read(self) -> TaskRecord | None:
        found = self._store.get(_KEY)
        return TaskRecord.from_json(found) if found else None

    def _check_ours(self, job_id: str | None) -> None:
        """Raise TakenOver if a later try has stored another job: this one is then a zombie."""
        found, last = self._read(), self.last
        if found is None:
            return
        known = (last.job_id if last else None, job_id)
        if last is None or found.tag != last.tag or found.job_id not in known:
            name = found.job_id or f"the submission with tag {found.tag}"
            raise TakenOver(name, "a later try of this task has recorded it")
