"""Every statement that Libra has accepted, and the only place where its state changes.

Blocking, and safe to call from any thread. What a method returns is committed, or will be with the
transaction around it. Each method raises LedgerUnavailable if the database does not work now.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from libra_provider.core.polling import utc_now
from libra_provider.server.errors import IllegalMove, KeyReused, UnknownStatement
from libra_provider.server.ledger.database import (
    LedgerDatabase,
    retry_while_in_use,
    translating_errors,
)
from libra_provider.server.ledger.receipts import Receipts
from libra_provider.server.ledger.schema import open_schema
from libra_provider.server.ledger.tables import (
    ACCEPT,
    EPOCHS,
    HOLDINGS,
    MOVE,
    NOTE_DRIVER,
    RECEIPTS,
    SELECT,
    STATEMENTS,
    TAGS,
    from_row,
    moved,
    new_row,
    noted,
    storable,
    tag_rows,
)
from libra_provider.server.model.statement import Epoch, State, Statement, StatementSpec

_BY_KEY = SELECT.where(STATEMENTS.c.idempotency_key == bindparam("key"))
_BY_ID = SELECT.where(STATEMENTS.c.job_id.in_(bindparam("job_ids", expanding=True)))
_ENDED = STATEMENTS.c.completed_at.is_not(None)
# The parameters of one query: SQLite's limit, the lower one, is 32766.
_AT_ONCE = 10_000


class Ledger:
    """The table of statements at *url* (SQLite or PostgreSQL), created or upgraded if necessary.

    Raises BadInput if *url* is invalid, LedgerInUse if another Libra uses the ledger, LedgerTooNew
    if a newer Libra has upgraded it.
    """

    def __init__(self, url: str) -> None:
        self._of_thread = threading.local()
        self.receipts = Receipts(self._reading, self._writing)
        retry_while_in_use(lambda: self._open(url))

    def _open(self, url: str) -> None:
        self._database = LedgerDatabase(url)
        try:
            with translating_errors():
                open_schema(self._database)
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that this thread writes in it, or nothing."""
        with self._writing():
            yield

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if inside := getattr(self._of_thread, "connection", None):
            yield inside
            return
        with translating_errors(), self._database.writer.begin() as connection:
            self._of_thread.connection = connection
            try:
                yield connection
            finally:
                self._of_thread.connection = None

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if inside := getattr(self._of_thread, "connection", None):
            yield inside
            return
        with translating_errors(), self._database.reader.connect() as connection:
            yield connection

    def check_writable(self) -> None:
        """Raise LedgerUnavailable unless the database can be written."""
        no_rows = update(EPOCHS).where(EPOCHS.c.number < 0).values(host=None)
        with self._writing() as connection:
            connection.execute(no_rows)

    def accept(
        self,
        spec: StatementSpec,
        key: str | None = None,
        *,
        job_id: str | None = None,
        epoch: Epoch | None = None,
    ) -> tuple[Statement, bool]:
        """Record a statement for *spec*; return it, and whether it is new.

        It is not new if *key* was used for an equal spec before. With *epoch*, it is RUNNING there
        from the start. Raises KeyReused if *key* was used for another spec.
        """
        now = utc_now()
        accepted = Statement(
            job_id=job_id or secrets.token_hex(16),
            spec=spec,
            state=State.RUNNING if epoch else State.PENDING,
            submitted_at=now,
            started_at=now if epoch else None,
            epoch=epoch,
        )
        with self._writing() as connection:
            # There is one writer, so the key cannot be used between this query and the insertion.
            if key is not None and (known := self.find_by_key(key, spec)):
                return known, False
            connection.execute(ACCEPT, new_row(accepted, key))
            if spec.tags:
                connection.execute(insert(TAGS), tag_rows(accepted))
        return accepted, True

    def delete(self, job_ids: Sequence[str]) -> None:
        """Delete these statements, whatever their state; their keys become free."""
        with self._writing() as connection:
            for table in (TAGS, RECEIPTS, STATEMENTS):
                connection.execute(delete(table).where(table.c.job_id.in_(job_ids)))

    def find_by_key(self, key: str, spec: StatementSpec) -> Statement | None:
        """Return the statement accepted with *key*, or None; raises KeyReused for another spec."""
        found = self._rows(_BY_KEY, key=storable(key))
        if found and found[0].spec.digest != spec.digest:
            sentence = (
                f"Idempotency-Key {key!r} was used for statement {found[0].job_id} with another"
                " body. Send the same body, or a new key."
            )
            raise KeyReused(sentence, found[0].job_id)
        return found[0] if found else None

    def get(self, job_id: str) -> Statement:
        """Return the statement; raises UnknownStatement."""
        found = self.get_many([job_id])
        if not found:
            raise UnknownStatement(job_id)
        return found[0]

    def get_many(self, job_ids: Sequence[str]) -> list[Statement]:
        """Return those of *job_ids* that are in the ledger, oldest first."""
        asked = [storable(job_id) for job_id in job_ids]
        parts = [asked[start : start + _AT_ONCE] for start in range(0, len(asked), _AT_ONCE)]
        return [each for part in parts for each in self._rows(_BY_ID, job_ids=part)]

    def get_states(self, job_ids: Iterable[str]) -> dict[str, State]:
        """Return the state of each of *job_ids* that is in the ledger."""
        query = select(STATEMENTS.c.job_id, STATEMENTS.c.state)
        query = query.where(STATEMENTS.c.job_id.in_([storable(job_id) for job_id in job_ids]))
        with self._reading() as connection:
            return {job_id: State(state) for job_id, state in connection.execute(query)}

    def find_page(
        self,
        *,
        state: State | None = None,
        session: str | None = None,
        pool: str | None = None,
        kind: str | None = None,
        key: str | None = None,
        announced: bool | None = None,
        tags: Mapping[str, str] | None = None,
        offset: int,
        limit: int,
    ) -> Sequence[Statement]:
        """Return the statements that match all given filters, newest first: one page of them."""
        wanted = {
            "state": state,
            "session": session,
            "pool": pool,
            "kind": kind,
            "idempotency_key": key,
            "announced": announced,
        }
        found = select(STATEMENTS.c.job_id).order_by(STATEMENTS.c.position.desc())
        for column, value in wanted.items():
            if value is not None:
                asked = storable(value) if isinstance(value, str) else value
                found = found.where(STATEMENTS.c[column] == asked)
        for name, value in (tags or {}).items():
            is_it = (TAGS.c.name == storable(name)) & (TAGS.c.value == storable(value))
            found = found.where(STATEMENTS.c.job_id.in_(select(TAGS.c.job_id).where(is_it)))
        page = found.offset(offset).limit(limit).subquery()
        return self._rows(SELECT.where(STATEMENTS.c.job_id.in_(select(page.c.job_id))))[::-1]

    def find_in_state(self, state: State, *, announced: bool = False) -> Sequence[Statement]:
        """Return all statements in *state*, oldest first: Libra's own, or those announced to it."""
        is_announced = STATEMENTS.c.announced == announced
        return self._rows(SELECT.where((STATEMENTS.c.state == state) & is_announced))

    def find_ended(self, *, before: datetime, beyond: int, limit: int) -> list[str]:
        """Return up to *limit* ids of statements that ended *before* then, or *beyond* so many."""
        newest = select(STATEMENTS.c.position).where(_ENDED).order_by(STATEMENTS.c.position.desc())
        too_many = STATEMENTS.c.position <= newest.offset(beyond).limit(1).scalar_subquery()
        too_old = STATEMENTS.c.completed_at < before
        query = select(STATEMENTS.c.job_id).where(_ENDED & (too_old | too_many)).limit(limit)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def move(
        self,
        statement: Statement,
        to: State,
        *,
        at: datetime | None = None,
        epoch: Epoch | None = None,
        **outcome: Any,
    ) -> Statement:
        """Move *statement* to the state *to*, *at* that time or now; return it after the move.

        Idempotent with the same *at*. Raises UnknownStatement, and IllegalMove if the move is not
        allowed or the ledger has the statement in another state.
        """
        moment = "completed_at" if to.is_terminal else "started_at"
        changes: dict[str, Any] = {
            "state": to,
            "epoch": epoch or statement.epoch,
            moment: at or utc_now(),
        }
        after = replace(statement, **changes, **outcome)
        if to not in statement.state.followers:
            raise _illegal(statement, to)
        values = moved(after) | {"of_job": statement.job_id, "before": statement.state}
        with self._writing() as connection:
            if not connection.execute(MOVE, values).rowcount:
                found = self.get(statement.job_id)
                # Not an error if this very move was committed and only the reply was lost.
                if (found.state, getattr(found, moment)) != (to, changes[moment]):
                    raise _illegal(found, to)
        return after

    def record_driver(self, statement: Statement) -> None:
        """Record where the dedicated driver of *statement* is."""
        with self._writing() as connection:
            connection.execute(NOTE_DRIVER, noted(statement))

    def get_last_epoch(self) -> Epoch | None:
        """Return the latest epoch of the driver, or None before the first."""
        query = select(EPOCHS).order_by(EPOCHS.c.number.desc()).limit(1)
        with self._reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return Epoch(**row) if row else None

    def open_epoch(self) -> Epoch:
        """Record a new epoch, before its driver starts; return it."""
        with self._writing() as connection:
            last = connection.execute(select(func.max(EPOCHS.c.number))).scalar() or 0
            epoch = Epoch(number=last + 1, tag=secrets.token_hex(16))
            connection.execute(insert(EPOCHS), {"number": epoch.number, "tag": epoch.tag})
        return epoch

    def record_epoch(self, epoch: Epoch) -> None:
        """Record where the driver of that epoch runs."""
        facts = {name: getattr(epoch, name) for name in ("host", "application_id", "spark_ui")}
        with self._writing() as connection:
            connection.execute(update(EPOCHS).where(EPOCHS.c.number == epoch.number).values(facts))

    def get_holdings(self) -> dict[str, list[str]]:
        """Return what each session holds that ends with the driver."""
        with self._reading() as connection:
            rows = connection.execute(select(HOLDINGS)).all()
        return {session: json.loads(what) for session, what in rows}

    def record_holding(self, session: str, what: Sequence[str]) -> None:
        """Record that the session holds this and nothing else."""
        with self._writing() as connection:
            connection.execute(delete(HOLDINGS).where(HOLDINGS.c.session == session))
            if what:
                row = {"session": session, "what": json.dumps(list(what))}
                connection.execute(insert(HOLDINGS), row)

    def delete_holdings(self) -> None:
        """Record that no session holds anything, because the driver has ended."""
        with self._writing() as connection:
            connection.execute(delete(HOLDINGS))

    def _rows(self, query: Select[Any], **values: Any) -> list[Statement]:
        with self._reading() as connection:
            return [from_row(row) for row in connection.execute(query, values).mappings()]


def _illegal(statement: Statement, to: State) -> IllegalMove:
    sentence = f"Statement {statement.job_id} is {statement.state} and cannot become {to}."
    return IllegalMove(sentence, statement.job_id)
