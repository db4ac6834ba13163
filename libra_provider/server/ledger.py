"""Every statement ever accepted, and the only place where its state moves.

Blocking, and safe to call from any thread. What a method returns is committed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Engine,
    Index,
    Integer,
    MetaData,
    RowMapping,
    Select,
    String,
    Table,
    Text,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import TypeDecorator

from libra_provider.core.patience import utc_now
from libra_provider.server.problems import IllegalMove, KeyReused, UnknownStatement
from libra_provider.server.statement import Epoch, Order, State, Statement


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets zones, so it is put back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """*value*, aware of its zone."""
        del dialect
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


_METADATA = MetaData()
_EPOCHS = Table(
    "epochs",
    _METADATA,
    Column("number", Integer, primary_key=True),
    Column("tag", String(32), nullable=False),
    Column("host", Text),
    Column("application_id", Text),
    Column("spark_ui", Text),
)
_STATEMENTS = Table(
    "statements",
    _METADATA,
    # SQLite counts only in a column of exactly this type.
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("job_id", String(64), nullable=False, unique=True),
    Column("idempotency_key", String(255), unique=True),
    Column("digest", String(64), nullable=False),
    Column("session", Text, nullable=False),
    Column("order", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("epoch", Integer),
    Column("submitted_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("completed_at", Moment),
    Column("error", Text),
    Column("error_class", Text),
    Column("sql_state", String(5)),
    Column("row_count", BigInteger),
    Column("result_bytes", BigInteger),
    Column("text", Text),
    Column("result_uri", Text),
    Column("result_schema", Text),
    Column("progress", Text),
    Index("statements_by_state", "state"),
)
_OUTCOME = (
    "error",
    "error_class",
    "sql_state",
    "row_count",
    "result_bytes",
    "text",
    "result_uri",
    "result_schema",
)


class Ledger:
    """The table of statements at *url* (SQLite or PostgreSQL), made where it is missing."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        _METADATA.create_all(self._engine)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def accept(self, order: Order, key: str | None = None) -> tuple[Statement, bool]:
        """The statement for *order*, and whether it is new; raises KeyReused.

        It is not new if *key* was already used for an equal order.
        """
        row = {
            "job_id": secrets.token_hex(16),
            "idempotency_key": key,
            "digest": order.digest,
            "session": order.session,
            "order": order.to_json(),
            "state": State.PENDING,
            "submitted_at": utc_now(),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(_STATEMENTS).values(row))
        except IntegrityError:
            if key is None or (known := self.by_key(key, order)) is None:
                raise
            return known, False
        accepted = Statement(
            job_id=str(row["job_id"]),
            order=order,
            state=State.PENDING,
            submitted_at=row["submitted_at"],  # type: ignore[arg-type]  # the row is str and datetime
        )
        return accepted, True

    def by_key(self, key: str, order: Order) -> Statement | None:
        """The statement accepted under *key*; raises KeyReused if it was for another order."""
        found = self._rows(_select().where(_STATEMENTS.c.idempotency_key == key))
        if found and found[0].order.digest != order.digest:
            sentence = (
                f"Idempotency-Key {key!r} was used for statement {found[0].job_id} with another"
                " body; send the same body again, or a new key."
            )
            raise KeyReused(sentence, found[0].job_id)
        return found[0] if found else None

    def get(self, job_id: str) -> Statement:
        """The statement; raises UnknownStatement."""
        found = self.get_many([job_id])
        if not found:
            raise UnknownStatement(job_id)
        return found[0]

    def get_many(self, job_ids: Iterable[str]) -> list[Statement]:
        """Those of *job_ids* that are known, oldest first."""
        return self._rows(_select().where(_STATEMENTS.c.job_id.in_(list(job_ids))))

    def page(
        self,
        *,
        state: State | None = None,
        session: str | None = None,
        pool: str | None = None,
        kind: str | None = None,
        key: str | None = None,
        tags: Mapping[str, str] | None = None,
        offset: int,
        limit: int,
    ) -> Sequence[Statement]:
        """A page of statements, newest first: those to which everything given applies."""
        del pool, kind, key, tags
        query = select(_STATEMENTS.c.job_id).order_by(_STATEMENTS.c.position.desc())
        if state:
            query = query.where(_STATEMENTS.c.state == state)
        if session:
            query = query.where(_STATEMENTS.c.session == session)
        page = query.offset(offset).limit(limit)
        return self._rows(_select().where(_STATEMENTS.c.job_id.in_(page)))[::-1]

    def in_state(self, state: State) -> Sequence[Statement]:
        """All statements in *state*, oldest first."""
        return self._rows(_select().where(_STATEMENTS.c.state == state))

    def move(
        self, job_id: str, to: State, *, epoch: int | None = None, **outcome: Any
    ) -> Statement:
        """The statement after its move; raises UnknownStatement, or IllegalMove if it may not."""
        values = {name: outcome.get(name) for name in _OUTCOME} | {"state": to}
        moment = "completed_at" if to.is_terminal else "started_at"
        values |= {moment: utc_now()} | ({"epoch": epoch} if epoch else {})
        before = [state for state in State if to in state.followers]
        allowed = (_STATEMENTS.c.job_id == job_id) & _STATEMENTS.c.state.in_(before)
        with self._engine.begin() as connection:
            moved = connection.execute(update(_STATEMENTS).where(allowed).values(values)).rowcount
        statement = self.get(job_id)
        if not moved:
            sentence = f"Statement {job_id} is {statement.state} and cannot become {to}."
            raise IllegalMove(sentence, job_id)
        return statement

    def last_epoch(self) -> Epoch | None:
        """The latest life of the driver, if there was one."""
        query = select(_EPOCHS).order_by(_EPOCHS.c.number.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return Epoch(**row) if row else None

    def open_epoch(self) -> Epoch:
        """A new life of the driver, recorded before its first process starts."""
        with self._engine.begin() as connection:
            last = connection.execute(select(func.max(_EPOCHS.c.number))).scalar() or 0
            epoch = Epoch(number=last + 1, tag=secrets.token_hex(16))
            row = {"number": epoch.number, "tag": epoch.tag}
            connection.execute(insert(_EPOCHS).values(row))
        return epoch

    def note_epoch(self, number: int, **facts: str | None) -> None:
        """Where the driver of that epoch runs: host, application_id, spark_ui."""
        with self._engine.begin() as connection:
            connection.execute(update(_EPOCHS).where(_EPOCHS.c.number == number).values(facts))

    def _rows(self, query: Select[Any]) -> list[Statement]:
        with self._engine.connect() as connection:
            return [_statement(row) for row in connection.execute(query).mappings()]


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _make_durable)
    return engine


def _make_durable(connection: Any, _record: object) -> None:
    # FULL: a statement that was answered, or ran, must still be known after a power loss.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _select() -> Select[Any]:
    epoch = [column.label(f"epoch_{column.name}") for column in _EPOCHS.c]
    joined = _STATEMENTS.outerjoin(_EPOCHS, _STATEMENTS.c.epoch == _EPOCHS.c.number)
    return select(_STATEMENTS, *epoch).select_from(joined).order_by(_STATEMENTS.c.position)


def _statement(row: RowMapping) -> Statement:
    ran = row["epoch_number"] is not None
    return Statement(
        job_id=row["job_id"],
        order=Order.from_json(row["order"]),
        state=State(row["state"]),
        submitted_at=row["submitted_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        epoch=Epoch(**{c.name: row[f"epoch_{c.name}"] for c in _EPOCHS.c}) if ran else None,
        **{name: row[name] for name in _OUTCOME},
    )
