"""A statement as Libra keeps it: what was asked, and how it stands."""

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
    """Libra's words on its own wire; ``followers`` are the only moves the ledger allows."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    LOST = "LOST"

    @property
    def followers(self) -> frozenset[State]:
        """The states that may come next; empty once it is over."""
        return _FOLLOWERS.get(self, frozenset())

    @property
    def is_terminal(self) -> bool:
        """Nothing comes after it."""
        return not self.followers


_FOLLOWERS = MappingProxyType(
    {
        State.PENDING: frozenset({State.RUNNING, State.CANCELLED, State.LOST}),
        State.RUNNING: frozenset({State.SUCCESS, State.FAILED, State.CANCELLED, State.LOST}),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSpec:
    """What a client asked for, checked; ``as_text`` is the old contract's form of the result."""

    session: str
    kind: str
    code: str
    pool: str
    result_limit: int | None = None
    """None: the limit of the settings when it runs."""
    parameters: Mapping[str, Any] | Sequence[Any] | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    as_text: bool = False
    result_path: str | None = None
    timeout_seconds: float | None = None
    """How long it may run, counted from its start."""
    file_path: str | None = None
    main_class: str | None = None
    args: Sequence[str] = ()
    spark_config: Mapping[str, str] = field(default_factory=dict)
    deploy_mode: str | None = None
    """Where its own driver runs (ISOLATED), a DeployMode; None: it runs in the shared driver."""
    deploy_mode_by_default: bool = False
    """The settings say where, not the client."""
    announced: bool = False
    """Its submitter starts, watches and ends its driver; Libra only keeps what comes of it."""
    supervised: bool = False
    """Its driver is started again where it fails, so that no failure is its end."""
    returns: bool = False
    """A success without a result is none."""
    artifacts: Sequence[Mapping[str, str]] = ()
    """The stored files that its driver fetches: ``sha256`` and ``name`` of each."""

    def to_json(self) -> str:
        """The spec as the ledger stores it; equal specs give equal texts.

        What was not asked for is not in it: a field that a later Libra adds must not make the same
        request look like another one.
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
        """Its session begins and ends with it."""
        return self.session == OWN_SESSION

    @property
    def digest(self) -> str:
        """What tells two orders apart that carry the same idempotency key."""
        # What the settings say may change between a request and its repetition.
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
    """One life of the driver; ``tag`` marks its processes, in their environment."""

    number: int
    tag: str
    host: str | None = None
    application_id: str | None = None
    spark_ui: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One row of the ledger; a moment or number is None until it is known."""

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
    """What it came to that is no table, as JSON."""
    result_uri: str | None = None
    result_schema: str | None = None
    """Spark's schema as JSON, of rows that were written to ``result_uri``."""
    progress: Progress | None = None
    driver_id: str | None = None
    """The master's name for the driver of an ISOLATED cluster statement."""
    location: DriverLocation | None = None
    """Where the driver of an ISOLATED statement runs; that of a SHARED one is in ``epoch``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolQueue:
    """How many statements wait for room and run in one pool, and for how long the oldest waits."""

    pool: str
    waiting: int
    running: int
    oldest_waiting_seconds: float = 0.0
