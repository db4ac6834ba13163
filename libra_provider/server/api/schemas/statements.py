"""Statements on the wire: requests and statuses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue

from libra_provider.core.errors import BadInput
from libra_provider.core.field_rules import LONGEST_TIMEOUT, MOST_ROWS
from libra_provider.core.kinds import DeployMode
from libra_provider.core.polling import utc_now
from libra_provider.server.api.schemas.base import (
    Moment,
    Plain,
    WireModel,
    local_time,
    milliseconds,
)
from libra_provider.server.api.schemas.results import ResultBody, ValueBody
from libra_provider.server.errors import UnknownStatement
from libra_provider.server.model.statement import State, Statement

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_job_id(text: str) -> bool:
    """Whether *text* has the form of a statement's id; the ledger is queried for no other."""
    return _JOB_ID.fullmatch(text) is not None


def _known_form(job_id: str) -> str:
    if not is_job_id(job_id):
        raise UnknownStatement(job_id)
    return job_id


JobId = Annotated[str, AfterValidator(_known_form)]
TagText = Annotated[Plain, Field(max_length=255)]
Parameters = dict[str, JsonValue] | list[JsonValue]


class StatementRequest(WireModel):
    """A statement to run. A field that is new since the old API selects the new one."""

    # Kept, not refused here: the old API ignores what it does not know.
    model_config = ConfigDict(extra="allow")

    kind: str = Field("sql", description="`sql`, `python`, `python-file`, `jar`, `jar-class`.")
    code: str | None = Field(
        None, description="The SQL statement or the Python code.", examples=["SELECT :n + 1 AS n"]
    )
    file_path: Plain | None = Field(
        None, description="The JAR or Python file: a path below Libra's `file_roots`, or a URL."
    )
    main_class: Plain | None = Field(None, description="The main class in the JAR.")
    args: list[Plain] | None = Field(None, description="The arguments of the program.")
    description: str | None = Field(None, description="Shown in Spark's UI for its jobs.")
    pool: str | None = Field(None, description="The FAIR scheduler pool; see `GET /api/v1/pools`.")
    spark_config: dict[str, Any] | None = Field(
        None,
        description="Spark properties of a dedicated driver.",
        examples=[{"spark.executor.memory": "2g"}],
    )
    mode: Literal["shared", "isolated"] | None = Field(
        None,
        description="On which driver it runs; by default, its kind and properties decide.",
    )
    deploy_mode: Literal["client", "cluster"] | None = Field(
        None,
        description="Where a dedicated driver runs: `client` is Libra's host, `cluster` a worker.",
    )
    parameters: Parameters | None = Field(
        None,
        description="Values for `:name` (an object) or `?` (a list) in SQL.",
        examples=[{"n": 1}],
    )
    result_limit: int | None = Field(
        None, ge=1, le=MOST_ROWS, description="With more rows, the statement fails."
    )
    result_path: Plain | None = Field(
        None,
        min_length=1,
        description="Write the rows there as Parquet instead of storing them in Libra.",
        examples=["s3a://bucket/flights"],
    )
    timeout_seconds: float | None = Field(
        None,
        gt=0,
        le=LONGEST_TIMEOUT,
        description="How long it may run, in seconds from its start.",
    )
    tags: dict[TagText, TagText] | None = Field(
        None,
        max_length=64,
        description="Tags, by which statements can be listed.",
        examples=[{"dag": "flights"}],
    )

    @property
    def is_of_new_contract(self) -> bool:
        """Whether the body has a field that is new since the old API."""
        return any(getattr(self, name) is not None for name in _NEW_FIELDS)


_NEW_FIELDS = (
    *("parameters", "result_limit", "result_path", "timeout_seconds", "tags"),
    *("mode", "deploy_mode"),
)


class DriverBody(WireModel):
    """The driver on which a statement runs or ran."""

    where: str = "on Libra's shared driver"
    """``on Libra's shared driver``, ``on Libra's host``, ``on worker ID``, or why it waits at the
    master."""
    host: str | None
    application_id: str | None
    spark_ui: str | None
    epoch: int | None = None
    """The number of the shared driver: each restart counts one up."""
    driver_id: str | None = None
    """The id of a driver at the master."""
    log_url: str | None = None

    @classmethod
    def of(cls, statement: Statement) -> DriverBody | None:
        """Return the driver of *statement*, or None before it has one."""
        if epoch := statement.epoch:
            return cls(
                host=epoch.host,
                application_id=epoch.application_id,
                spark_ui=epoch.spark_ui,
                epoch=epoch.number,
            )
        if place := statement.location:
            return cls(
                where=place.where,
                host=place.host,
                application_id=place.application_id,
                spark_ui=place.spark_ui,
                driver_id=statement.driver_id,
                log_url=place.log_url,
            )
        return None


class ProgressBody(WireModel):
    """The progress of a running statement."""

    tasks_done: int
    tasks_total: int
    stages_done: int
    stages_total: int
    rows_read: int
    bytes_read: int


class StatementBody(WireModel):
    """The status of a statement. Timestamps have a time zone, durations are milliseconds."""

    job_id: str
    session_id: str
    kind: str
    state: State
    pool: str
    mode: Literal["SHARED", "ISOLATED"]
    deploy_mode: Literal["client", "cluster"]
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
    def of(cls, statement: Statement, **more: Any) -> Self:
        """Return *statement* as it is sent."""
        spec = statement.spec
        return cls(
            job_id=statement.job_id,
            session_id=spec.session,
            kind=spec.kind,
            state=statement.state,
            pool=spec.pool,
            mode="ISOLATED" if spec.deploy_mode else "SHARED",
            deploy_mode="cluster" if spec.deploy_mode == DeployMode.CLUSTER else "client",
            description=spec.description,
            error=statement.error,
            error_class=statement.error_class,
            sql_state=statement.sql_state,
            submitted_at=statement.submitted_at,
            started_at=statement.started_at,
            completed_at=statement.completed_at,
            queue_time_ms=milliseconds(statement.submitted_at, statement.started_at),
            execution_time_ms=milliseconds(statement.started_at, statement.completed_at),
            driver=DriverBody.of(statement),
            row_count=statement.row_count,
            result_bytes=statement.result_bytes,
            result_uri=statement.result_uri,
            progress=ProgressBody(**asdict(statement.progress)) if statement.progress else None,
            timeout_seconds=spec.timeout_seconds,
            tags=dict(spec.tags),
            **more,
        )


class RepresentationBody(StatementBody):
    """A status with its rows or value; null unless the statement succeeded with a small result."""

    result: ResultBody | ValueBody | None = None


class OldStatementBody(WireModel):
    """An ended statement by the old API: two states, local times without a time zone."""

    job_id: str
    session_id: str
    state: Literal["SUCCESS", "FAILED"]
    result: str | None
    error: str | None
    started_at: str | None
    completed_at: str | None
    execution_time_ms: int | None

    @classmethod
    def of(cls, statement: Statement) -> OldStatementBody:
        """Return *statement* for a client that supports only SUCCESS and FAILED."""
        return cls(
            job_id=statement.job_id,
            session_id=statement.spec.session,
            state="SUCCESS" if statement.state is State.SUCCESS else "FAILED",
            result=statement.text,
            error=statement.error,
            started_at=local_time(statement.started_at or statement.submitted_at),
            completed_at=local_time(statement.completed_at),
            execution_time_ms=milliseconds(statement.started_at, statement.completed_at),
        )

    @classmethod
    def refused(cls, job_id: str, session: str, why: str) -> OldStatementBody:
        """Return the old API's response to an invalid statement, which is not stored."""
        now = local_time(utc_now())
        return cls(
            job_id=job_id,
            session_id=session,
            state="FAILED",
            result=None,
            error=why,
            started_at=now,
            completed_at=now,
            execution_time_ms=0,
        )


class StatementPage(WireModel):
    """A page of statements, newest first. An empty page is the last one."""

    statements: list[StatementBody]
    offset: int
    limit: int


class StatusRequest(WireModel):
    """The ids of statements to look up."""

    job_ids: list[str] = Field(max_length=1000)


class StatusReply(WireModel):
    """The statements that exist, and the ids that are unknown."""

    statements: list[StatementBody]
    unknown: list[str]

    @classmethod
    def of(cls, job_ids: Sequence[str], found: Sequence[Statement]) -> StatusReply:
        """Return the reply to a request for *job_ids*, of which *found* exist."""
        known = {each.job_id for each in found}
        return cls(
            statements=[StatementBody.of(each) for each in found],
            unknown=[job_id for job_id in job_ids if job_id not in known],
        )


def tags_in(texts: Sequence[str]) -> Mapping[str, str]:
    """Parse ``name:value`` strings; raises BadInput."""
    pairs = [text.partition(":") for text in texts]
    if wrong := [text for text, pair in zip(texts, pairs, strict=True) if not pair[1]]:
        raise BadInput("tag", wrong[0], "expected name:value, such as dag:flights")
    return {name: value for name, _, value in pairs}
