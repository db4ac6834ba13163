"""The wire format, in camelCase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

from libra_provider import __version__
from libra_provider.server.driver.messages import Ready
from libra_provider.server.sessions import Session
from libra_provider.server.statement import Epoch, State, Statement

# pydantic would write Z, which datetime.fromisoformat only reads since Python 3.11.
Moment = Annotated[datetime, PlainSerializer(datetime.isoformat, return_type=str)]


class Wire(BaseModel):
    """What all bodies share: camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class StatementRequest(Wire):
    """A statement to run; fields unknown to the old contract open the door to the new one."""

    # Kept, not refused here: the old contract ignores what it does not know.
    model_config = ConfigDict(extra="allow")

    kind: str = "sql"
    code: str | None = None
    file_path: str | None = None
    main_class: str | None = None
    args: list[str] | None = None
    description: str | None = None
    pool: str | None = None
    spark_config: dict[str, Any] | None = None
    parameters: dict[str, Any] | list[Any] | None = None
    result_limit: int | None = None
    result_path: str | None = None
    timeout_seconds: float | None = None
    tags: dict[str, str] | None = None

    @property
    def is_of_new_contract(self) -> bool:
        """Whether the body alone says so."""
        return any(getattr(self, name) is not None for name in _NEW_FIELDS) or any(
            (self.model_extra or {}).get(name) is not None for name in _FIELDS_TO_COME
        )


_NEW_FIELDS = ("parameters", "result_limit", "result_path", "timeout_seconds", "tags")
_FIELDS_TO_COME = ("mode", "deployMode")


class DriverBody(Wire):
    """Where a statement ran, or runs."""

    where: str = "in Libra"
    host: str | None
    application_id: str | None
    spark_ui: str | None
    epoch: int

    @classmethod
    def of(cls, epoch: Epoch) -> DriverBody:
        """The driver of *epoch*."""
        return cls(
            host=epoch.host,
            application_id=epoch.application_id,
            spark_ui=epoch.spark_ui,
            epoch=epoch.number,
        )


class ProgressBody(Wire):
    """How far a statement is."""

    tasks_done: int
    tasks_total: int
    stages_done: int
    stages_total: int
    rows_read: int
    bytes_read: int


class StatementBody(Wire):
    """How a statement stands; times carry their zone, spans are milliseconds."""

    job_id: str
    session_id: str
    kind: str
    state: State
    pool: str
    mode: str = "SHARED"
    deploy_mode: str = "client"
    description: str | None
    error: str | None
    error_class: str | None
    sql_state: str | None
    submitted_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    queue_time_ms: int | None
    execution_time_ms: int | None
    driver: DriverBody | None
    row_count: int | None
    result_bytes: int | None
    result_uri: str | None
    progress: ProgressBody | None
    timeout_seconds: float | None
    tags: dict[str, str]

    @classmethod
    def of(cls, statement: Statement) -> StatementBody:
        """*statement* on the wire."""
        order = statement.order
        return cls(
            job_id=statement.job_id,
            session_id=order.session,
            kind=order.kind,
            state=statement.state,
            pool=order.pool,
            description=order.description,
            error=statement.error,
            error_class=statement.error_class,
            sql_state=statement.sql_state,
            submitted_at=statement.submitted_at,
            started_at=statement.started_at,
            completed_at=statement.completed_at,
            queue_time_ms=_milliseconds(statement.submitted_at, statement.started_at),
            execution_time_ms=_milliseconds(statement.started_at, statement.completed_at),
            driver=DriverBody.of(statement.epoch) if statement.epoch else None,
            row_count=statement.row_count,
            result_bytes=statement.result_bytes,
            result_uri=statement.result_uri,
            progress=ProgressBody(**asdict(statement.progress)) if statement.progress else None,
            timeout_seconds=order.timeout_seconds,
            tags=dict(order.tags),
        )


class OldStatementBody(Wire):
    """A finished statement as the old contract has it: two states, local times without a zone."""

    job_id: str
    session_id: str
    state: str
    result: str | None
    error: str | None
    started_at: str | None
    completed_at: str | None
    execution_time_ms: int | None

    @classmethod
    def of(cls, statement: Statement) -> OldStatementBody:
        """*statement* for a client that only knows SUCCESS and FAILED."""
        return cls(
            job_id=statement.job_id,
            session_id=statement.order.session,
            state="SUCCESS" if statement.state is State.SUCCESS else "FAILED",
            result=statement.text,
            error=statement.error,
            started_at=local_time(statement.started_at or statement.submitted_at),
            completed_at=local_time(statement.completed_at),
            execution_time_ms=_milliseconds(statement.started_at, statement.completed_at),
        )


class StatementPage(Wire):
    """A page of statements, newest first."""

    statements: list[StatementBody]
    offset: int
    limit: int


class StatusRequest(Wire):
    """Ids to ask for in one request."""

    job_ids: list[str]


class StatusReply(Wire):
    """The statements that are known, and the ids that are not."""

    statements: list[StatementBody]
    unknown: list[str]

    @classmethod
    def of(cls, job_ids: Sequence[str], found: Sequence[Statement]) -> StatusReply:
        """The answer to a request for *job_ids*."""
        known = {each.job_id for each in found}
        return cls(
            statements=[StatementBody.of(each) for each in found],
            unknown=[job_id for job_id in job_ids if job_id not in known],
        )


class SessionBody(Wire):
    """A session in the old contract's form."""

    session_id: str
    app_id: str | None
    state: str = "RUNNING"
    master: str
    spark_version: str | None
    created_at: str | None
    last_activity: str | None

    @classmethod
    def of(cls, session: Session, facts: Ready | None, master: str) -> SessionBody:
        """*session* on the driver that *facts* describes."""
        return cls(
            session_id=session.name,
            app_id=facts.application_id if facts else None,
            state="RUNNING" if facts else "STARTING",
            master=master,
            spark_version=facts.spark_version if facts else None,
            created_at=local_time(session.created_at),
            last_activity=local_time(session.last_activity),
        )


def health(
    facts: Ready | None, *, epoch: int | None, problem: str, sessions: int
) -> dict[str, Any]:
    """The old contract's health, with Libra's version and the driver's epoch."""
    spark: dict[str, Any] = {"status": "ERROR", "error": problem}
    if facts:
        spark = {
            "version": facts.spark_version,
            "applicationId": facts.application_id,
            "master": facts.master,
            "status": "CONNECTED",
            "activeSessions": str(sessions),  # a string in the old contract
        }
    head = {"status": "UP", "service": "whereq-libra", "version": __version__, "epoch": epoch}
    return {**head, "spark": spark}


def local_time(moment: datetime | None) -> str | None:
    """*moment* as the old contract writes it: this machine's time, without a zone."""
    return moment.astimezone().replace(tzinfo=None).isoformat() if moment else None


def _milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    return round((end - start).total_seconds() * 1000) if start and end else None
