"""The messages between API process and driver host: one JSON array per line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from libra_provider.core.errors import RESULT_TOO_LARGE

VERSION = 1
"""Of these messages; raise it when the other process would misread them. Both are of one package,
but a host that starts after the package was replaced meets an API process from before."""
# Session state that only Python statements see.
PYTHON_VARIABLES = "Python variables"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatement:
    """To the host: run this statement."""

    job_id: str
    session: str
    code: str
    pool: str
    result_limit: int
    result_max_bytes: int
    kind: str = "sql"
    args: Sequence[str] = ()
    main_class: str | None = None
    file_path: str | None = None
    parameters: Mapping[str, Any] | Sequence[Any] | None = None
    description: str | None = None
    as_text: bool = False
    result_path: str | None = None
    """Where to write the rows as Parquet, instead of returning them."""
    ends_session: bool = False
    """Close the session after the statement: it is not shared."""


@dataclass(frozen=True, slots=True)
class KillStatement:
    """To the host: kill this statement."""

    job_id: str


@dataclass(frozen=True, slots=True)
class CloseSession:
    """To the host: drop the temp views and settings of this session."""

    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateQuery:
    """To the host: estimate this query; the ``EstimateResult`` has the same ``key``."""

    key: str
    session: str
    code: str
    parameters: Mapping[str, Any] | Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class StopDriver:
    """To the host: stop Spark, then exit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverReady:
    """From the host, before any other message but DriverFailed: the driver is up, and where."""

    host: str
    application_id: str
    master: str | None
    spark_version: str
    spark_ui: str | None = None
    catalog: str | None = None
    """``in-memory`` or ``hive``: whether tables outlive the driver."""
    version: int = VERSION
    """Of the host's messages."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """From the host, every second: its JVM responds."""


@dataclass(frozen=True, slots=True)
class DriverFailed:
    """From the host, its last message: why it ends."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementEnded:
    """From the host: a statement has ended; ``state`` is one of Libra's terminal states."""

    job_id: str
    state: str
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


@dataclass(frozen=True, slots=True)
class SessionHolds:
    """From the host: all state of a session that is lost with the driver, in words."""

    session: str
    what: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementProgress:
    """From the host: the progress of a running statement; the sums of its jobs so far."""

    job_id: str
    tasks_done: int
    tasks_total: int
    stages_done: int
    stages_total: int
    rows_read: int
    bytes_read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateResult:
    """From the host: Spark's statistics of a query, which was not run.

    ``bytes`` is the optimizer's size of the result; ``rows`` is None if unknown.
    ``guessed``: some table has no statistics, so the size is a guess.
    """

    key: str
    bytes: int | None = None
    rows: int | None = None
    guessed: bool = True
    error: str | None = None
    error_class: str | None = None
    sql_state: str | None = None


def too_large(
    order: RunStatement,
    what: str,
    way_out: str,
    *,
    rows: int | None = None,
    size: int | None = None,
) -> StatementEnded:
    """Return the failure of a result that has *what*; *way_out* is what to do about it.

    *rows* and *size* (bytes) are lower bounds, or None if unknown.
    """
    return StatementEnded(
        job_id=order.job_id,
        state="FAILED",
        error=f"The result has {what}; {way_out}, or write it to storage with resultPath.",
        error_class=RESULT_TOO_LARGE,
        row_count=rows,
        result_bytes=size,
    )


FromServer = RunStatement | KillStatement | CloseSession | EstimateQuery | StopDriver
FromHost = (
    DriverReady
    | Heartbeat
    | DriverFailed
    | StatementEnded
    | SessionHolds
    | StatementProgress
    | EstimateResult
)
Message = FromServer | FromHost
_TYPES: Mapping[str, type[Message]] = {each.__name__: each for each in get_args(Message)}


class VersionMismatch(Exception):
    """The host speaks another version than this process."""


def encode(message: Message) -> bytes:
    """Return *message* as one line."""
    return json.dumps([type(message).__name__, asdict(message)]).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message in *line*; raises VersionMismatch for a host of another version."""
    name, values = json.loads(line)
    # Before its fields are read: in another version, they may be others.
    if name == DriverReady.__name__ and values.get("version") != VERSION:
        raise VersionMismatch(
            f"the driver host sends messages of version {values.get('version')}, and this API"
            f" process reads version {VERSION}: the package was replaced while Libra ran;"
            " restart Libra"
        )
    return _TYPES[name](**values)
