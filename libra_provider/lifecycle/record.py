"""What a try leaves behind for the next one: the record of its submission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, Self

from airflow.sdk import Context

from libra_provider.core.job import Backend, JobHandle, new_tag
from libra_provider.core.patience import utc_now

_KEY = "libra_job"


class Store(Protocol):
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
    """Which run of a task this is: ``max_tries`` changes when a user clears an ended task."""

    max_tries: int
    clear_number: int

    @classmethod
    def of(cls, context: Context) -> Self:
        """The generation of the try that runs in *context*."""
        clears = getattr(context["dag_run"], "clear_number", 0)
        return cls(max_tries=context["ti"].max_tries, clear_number=clears or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One submission: written without ``job_id`` before the request leaves, completed after it.

    ``tags`` are those of its metrics.
    """

    backend: Backend
    connection_id: str
    tag: str
    at: str
    max_tries: int
    clear_number: int
    job_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def intent(
        cls,
        backend: Backend,
        connection_id: str,
        generation: Generation,
        tags: Mapping[str, str],
    ) -> Self:
        """Mint a tag for a submission that is about to be sent."""
        return cls(
            backend=backend,
            connection_id=connection_id,
            tag=new_tag(),
            at=utc_now().isoformat(),
            tags=tags,
            **asdict(generation),
        )

    @property
    def submitted_at(self) -> datetime:
        """When the intent was written."""
        return datetime.fromisoformat(self.at)

    @property
    def handle(self) -> JobHandle | None:
        """The job, once its id is known."""
        if self.job_id is None:
            return None
        return JobHandle(self.backend, self.connection_id, self.job_id, self.tag)

    def with_job(self, job_id: str) -> Record:
        """The record of a submission that was answered."""
        return replace(self, job_id=job_id)

    def to_json(self) -> dict[str, Any]:
        """The record as the store keeps it."""
        return asdict(self) | {"backend": str(self.backend)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(**{**data, "backend": Backend(data["backend"])})


class Records:
    """The one record of a task instance, in Airflow's task state store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self) -> Record | None:
        """What an earlier try, or an earlier life of this one, left behind."""
        found = self._store.get(_KEY)
        return Record.from_json(found) if found else None

    def save(self, record: Record) -> Record:
        """Keep *record*; it is on disk when this returns."""
        self._store.set(_KEY, record.to_json())
        return record

    def forget(self) -> None:
        """Drop the record: it is certain that nothing was submitted."""
        self._store.delete(_KEY)
