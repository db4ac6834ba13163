"""A statement as Libra stores it: its specification and its state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

from libra_provider.core.job import OWN_SESSION
from libra_provider.core.status import DriverLocation, Progress


class State(StrEnum):
    """The states of a statement; ``followers`` are the only transitions that the ledger allows."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    LOST = "LOST"

    @property
    def followers(self) -> frozenset[State]:
        """The states that may follow; empty for a terminal one."""
        return _FOLLOWERS.get(self, frozenset())

    @property
    def is_terminal(self) -> bool:
        """Whether no other state follows."""
        return not self.followers


_FOLLOWERS = MappingProxyType(
    {
        State.PENDING: frozenset({State.RUNNING, State.CANCELLED, State.LOST}),
        State.RUNNING: frozenset({State.SUCCESS, State.FAILED, State.CANCELLED, State.LOST}),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSpec:
    """What a client requested, validated; ``as_text`` has the result in the old API's form."""

    session: str
    kind: str
    code: str
    pool: str
    result_limit: int | None = None
    """None: the limit of the settings at the time of the run."""
    parameters: Mapping[str, Any] | Sequence[Any] | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    as_text: bool = False
    result_path: str | None = None
    timeout_seconds: float | None = None
    """How long it may run, in seconds from its start."""
    file_path: str | None = None
    main_class: str | None = None
    args: Sequence[str] = ()
    spark_config: Mapping[str, str] = field(default_factory=dict)
    deploy_mode: str | None = None
    """Where its dedicated driver runs, a DeployMode; None: it runs on the shared driver."""
    deploy_mode_by_default: bool = False
    """Whether the settings chose ``deploy_mode``, not the client."""
    announced: bool = False
    """Whether somebody else submits and monitors its driver; Libra only stores its outcome."""
    supervised: bool = False
    """Whether its driver is restarted after a failure, so that a failure does not end it."""
    returns: bool = False
    """Whether it fails if its driver succeeds without a result."""
    artifacts: Sequence[Mapping[str, str]] = ()
    """The stored files that its driver downloads: ``sha256`` and ``name`` of each."""

    def to_json(self) -> str:
        """Return the spec as the ledger stores it; equal specs have equal JSON.

        Defaults are omitted, so that a field that a later Libra adds does not change the digest of
        the same request.
        """
        told = {name: getattr(self, name) for name in self.__slots__}
        asked = {n: v for n, v in told.items() if n not in _DEFAULTS or v != _DEFAULTS[n]}
        return json.dumps(asked, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(**json.loads(text))

    @property
    def has_own_session(self) -> bool:
        """Whether it has a session to itself, which ends with it."""
        return self.session == OWN_SESSION

    @property
    def digest(self) -> str:
        """A hash by which requests with the same idempotency key are compared."""
        # The settings may change between a request and its repetition.
        asked = replace(self, deploy_mode="") if self.deploy_mode_by_default else self
        return hashlib.sha256(asked.to_json().encode()).hexdigest()


_DEFAULTS: Mapping[str, Any] = {
    each.name: each.default for each in fields(StatementSpec) if each.default is not MISSING
} | {
    each.name: each.default_factory()
    for each in fields(StatementSpec)
    if each.default_factory is not MISSING
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One run of the shared driver; ``tag`` marks its processes, in their environment."""

    number: int
    tag: str
    host: str | None = None
    application_id: str | None = None
    spark_ui: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One row of the ledger; a timestamp or number is None until it is known."""

    job_id: str
    spec: StatementSpec
    state: State
    submitted_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    epoch: Epoch | None = None
    error: str | None = None
    error_class: str | None = None
    sql_state: str | None = None
    row_count: int | None = None
    result_bytes: int | None = None
    text: str | None = None
    value: str | None = None
    """A result that is not a table, as JSON."""
    result_uri: str | None = None
    result_schema: str | None = None
    """Spark's schema as JSON, of rows that were written to ``result_uri``."""
    progress: Progress | None = None
    driver_id: str | None = None
    """The master's name for the driver of an ISOLATED cluster statement."""
    location: DriverLocation | None = None
    """Where the dedicated driver runs; the shared one is in ``epoch``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolQueue:
    """The numbers of waiting and running statements of a pool, and the longest wait in seconds."""

    pool: str
    waiting: int
    running: int
    oldest_waiting_seconds: float = 0.0
