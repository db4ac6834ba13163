"""The ledger's tables, and the conversion between their rows and statements.

A change needs a migration: see ``migrations/__init__.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    RowMapping,
    Select,
    String,
    Table,
    Text,
    bindparam,
    column,
    insert,
    select,
    table,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from libra_provider.core.status import DriverLocation, Progress
from libra_provider.server.model.statement import Epoch, State, Statement, StatementSpec


class UtcTimestamp(TypeDecorator[datetime]):
    """A time in UTC; SQLite stores no time zone, so it is added when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return *value* with the time zone UTC."""
        del dialect
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


METADATA = MetaData()
# SQLite counts only in a column of exactly this type.
_POSITION = BigInteger().with_variant(Integer, "sqlite")
EPOCHS = Table(
    "epochs",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("tag", String(32), nullable=False),
    Column("host", Text),
    Column("application_id", Text),
    Column("spark_ui", Text),
)
STATEMENTS = Table(
    "statements",
    METADATA,
    Column("position", _POSITION, primary_key=True),
    Column("job_id", String(64), nullable=False, unique=True),
    Column("idempotency_key", Text, unique=True),
    Column("session", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("order", Text, nullable=False),
    Column("announced", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("epoch", Integer),
    Column("submitted_at", UtcTimestamp, nullable=False),
    Column("started_at", UtcTimestamp),
    Column("completed_at", UtcTimestamp),
    Column("error", Text),
    Column("error_class", Text),
    Column("sql_state", Text),
    Column("row_count", BigInteger),
    Column("result_bytes", BigInteger),
    Column("text", Text),
    Column("value", Text),
    Column("result_uri", Text),
    Column("result_schema", Text),
    Column("progress", Text),
    Column("driver_id", Text),
    Column("location", Text),
    Index("statements_by_state", "state"),
    Index("statements_by_end", "completed_at"),
)
TAGS = Table(
    "tags",
    METADATA,
    Column("job_id", String(64), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index("statements_by_tag", "name", "value"),
)
# What dedicated drivers have uploaded and reported: one row for each job that may do so.
RECEIPTS = Table(
    "receipts",
    METADATA,
    Column("job_id", String(64), primary_key=True),
    Column("seen_at", UtcTimestamp, nullable=False),
    Column("attempts", Text, nullable=False),
    Column("driver_id", Text),
    Column("digest", String(64)),
    Column("outcome", Text, nullable=False),
    Column("last_words", Text),
)
# What sessions hold in the driver, as a list in JSON; a session that holds nothing has no row.
HOLDINGS = Table(
    "holdings",
    METADATA,
    Column("session", Text, primary_key=True),
    Column("what", Text, nullable=False),
)
# Read by older Libras, too, which refuse the ledger: no migration may change these columns.
UPGRADES = Table(
    "upgrades",
    METADATA,
    Column("schema_version", String(32), primary_key=True),
    Column("libra_version", Text, nullable=False),
    Column("upgraded_at", UtcTimestamp, nullable=False),
)
# What alembic writes. Airflow's own is alembic_version, and a ledger may be in Airflow's database.
VERSIONS = table("ledger_version", column("version_num"))
OUTCOME = (
    "error",
    "error_class",
    "sql_state",
    "row_count",
    "result_bytes",
    "text",
    "value",
    "result_uri",
    "result_schema",
)
_MOVED = ("state", "epoch", "started_at", "completed_at", "progress", *OUTCOME)

# Built once: SQLAlchemy takes longer to build such a statement than the database to run it.
ACCEPT = insert(STATEMENTS)
MOVE = (
    update(STATEMENTS)
    .where(STATEMENTS.c.job_id == bindparam("of_job"), STATEMENTS.c.state == bindparam("before"))
    .values({name: bindparam(name) for name in _MOVED})
)
NOTE_DRIVER = (
    update(STATEMENTS)
    .where(STATEMENTS.c.job_id == bindparam("of_job"))
    .values(driver_id=bindparam("driver_id"), location=bindparam("location"))
)
SELECT: Select[Any] = (
    select(STATEMENTS, *(column.label(f"epoch_{column.name}") for column in EPOCHS.c))
    .select_from(STATEMENTS.outerjoin(EPOCHS, STATEMENTS.c.epoch == EPOCHS.c.number))
    .order_by(STATEMENTS.c.position)
)


def storable(text: str) -> str:
    """Return *text* without what PostgreSQL or UTF-8 cannot store: NUL and lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def new_row(statement: Statement, key: str | None) -> dict[str, Any]:
    """Return the row of a *statement* that was just accepted with *key*."""
    spec = statement.spec
    return {
        "job_id": statement.job_id,
        "idempotency_key": storable(key) if key is not None else None,
        "session": storable(spec.session),
        "pool": storable(spec.pool),
        "kind": spec.kind,
        "order": spec.to_json(),
        "announced": spec.announced,
        "state": statement.state,
        "submitted_at": statement.submitted_at,
        "started_at": statement.started_at,
        "epoch": statement.epoch.number if statement.epoch else None,
    }


def tag_rows(statement: Statement) -> list[dict[str, str]]:
    """Return the rows by which *statement* is found by its tags."""
    tags = {storable(name): storable(value) for name, value in statement.spec.tags.items()}
    return [{"job_id": statement.job_id, "name": n, "value": v} for n, v in tags.items()]


def moved(statement: Statement) -> dict[str, Any]:
    """Return the columns of *statement* that a move changes."""
    values = {name: getattr(statement, name) for name in ("state", *OUTCOME)}
    values = {k: storable(v) if isinstance(v, str) else v for k, v in values.items()}
    return values | {
        "epoch": statement.epoch.number if statement.epoch else None,
        "started_at": statement.started_at,
        "completed_at": statement.completed_at,
        "progress": json.dumps(asdict(statement.progress)) if statement.progress else None,
    }


def noted(statement: Statement) -> dict[str, Any]:
    """Return the columns of *statement* that say where its dedicated driver is."""
    location = statement.location
    return {
        "of_job": statement.job_id,
        "driver_id": statement.driver_id,
        "location": json.dumps(asdict(location)) if location else None,
    }


def from_row(row: RowMapping) -> Statement:
    """Return the statement in *row* of :data:`SELECT`."""
    return Statement(
        job_id=row["job_id"],
        spec=StatementSpec.from_json(row["order"]),
        state=State(row["state"]),
        submitted_at=row["submitted_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        epoch=_epoch(row),
        progress=Progress(**json.loads(row["progress"])) if row["progress"] else None,
        driver_id=row["driver_id"],
        location=DriverLocation(**json.loads(row["location"])) if row["location"] else None,
        **{name: row[name] for name in OUTCOME},
    )


def _epoch(row: Mapping[Any, Any]) -> Epoch | None:
    if row["epoch_number"] is None:
        return None
    return Epoch(**{column.name: row[f"epoch_{column.name}"] for column in EPOCHS.c})
