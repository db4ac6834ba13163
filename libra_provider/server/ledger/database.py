"""The database of a ledger: how it is reached, kept durable, and kept from a second Libra."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
    TimeoutError,  # noqa: A004  # the pool's, when a connection is not given back
)

from libra_provider.core.errors import BadInput
from libra_provider.server.errors import LedgerAway, LedgerTaken

_LOCK = 0x4C696272  # "Libr"; PostgreSQL's advisory locks are numbers
_TRIES, _PAUSE = 20, 0.1  # of a start, while the database notices that the Libra before is gone
# What is wrong with what was written; whatever else a database says, it may take it later.
_NOT_AWAY = (IntegrityError, DataError, ProgrammingError)
_POSTGRES: dict[str, Any] = {
    # A server that went without a word must not hold a request for longer than a client waits.
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c statement_timeout=10000",
}


class LedgerDatabase:
    """The database at *url*: ``writer`` is one connection that keeps other Libras out.

    Raises BadInput when *url* is of no use, LedgerTaken when another Libra has it, LedgerAway when
    it does not answer.
    """

    def __init__(self, url: str) -> None:
        self._url = _checked(url)
        self._lock = _lock_file(self._url) if self._url.database else None
        try:
            self.writer = self._engine(alone=True)
            self.reader = self._engine(alone=False)
        except ModuleNotFoundError as error:
            self.close()
            advice = "its driver is missing: pip install 'airflow-provider-libra[postgres]'"
            raise BadInput("ledger_url", self.name, advice) from error

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self._url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Let go of the database."""
        for engine in (getattr(self, "writer", None), getattr(self, "reader", None)):
            if engine:
                engine.dispose()
        if self._lock:
            self._lock.close()

    def back_up(self, suffix: str) -> Path | None:
        """Copy a ledger in SQLite to a file beside it, named with *suffix*; return its path.

        For PostgreSQL, return None: its backups are the operator's.
        """
        if self._url.get_backend_name() != "sqlite":
            return None
        ledger = Path(str(self._url.database))
        copy, backup = (Path(f"{ledger}.{suffix}{end}") for end in (".part", ""))
        copy.unlink(missing_ok=True)
        with self.writer.connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(copy),))
        copy.chmod(ledger.stat().st_mode & 0o777)
        with copy.open("rb") as file:
            os.fsync(file)
        return copy.replace(backup)

    def _engine(self, *, alone: bool) -> Engine:
        if self._url.get_backend_name() == "sqlite":
            engine = create_engine(self._url, pool_size=1, max_overflow=0)
            event.listen(engine, "connect", _make_durable)
            return engine
        engine = create_engine(
            self._url, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args=_POSTGRES
        )
        if alone:
            # At each connection: the lock ends with the one that held it.
            event.listen(engine, "connect", _lock_postgres)
        return engine


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        advice = "it looks like sqlite:////var/lib/libra.db or postgresql+psycopg://user@host/db"
        raise BadInput("ledger_url", url.split(":", 1)[0], advice) from error
    except ModuleNotFoundError:
        backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or parsed.database in (None, "", ":memory:"):
        advice = "a ledger is a file of SQLite, or a database of PostgreSQL"
        raise BadInput("ledger_url", parsed.render_as_string(hide_password=True), advice)
    return parsed


def _lock_file(url: URL) -> Any:
    if url.get_backend_name() != "sqlite":
        return None
    lock = Path(f"{url.database}.lock").open("w")  # noqa: SIM115  # closed with the store
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise _taken(url) from error
    return lock


def _taken(url: URL) -> LedgerTaken:
    name = url.render_as_string(hide_password=True)
    sentence = f"Another Libra uses the ledger {name}; stop that one, or use another database."
    return LedgerTaken(sentence, retry_after=5)


def _make_durable(connection: Any, _record: object) -> None:
    # FULL: a statement that was answered, or ran, must still be known after a power loss.
    for pragma in ("busy_timeout=2000", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _lock_postgres(connection: Any, _record: object) -> None:
    question = "SELECT pg_try_advisory_lock(%s, hashtext(current_schema())), current_database()"
    alone, name = connection.execute(question, [_LOCK]).fetchone()
    connection.commit()
    if not alone:
        sentence = f"Another Libra uses the ledger in {name}; stop that one, or use another."
        raise LedgerTaken(sentence, retry_after=5)


@contextmanager
def reaching() -> Iterator[None]:
    """Turns what a database says when it cannot be used now into LedgerAway."""
    try:
        yield
    except (DBAPIError, TimeoutError) as error:
        if isinstance(error, _NOT_AWAY):
            raise
        why = str(error.orig if isinstance(error, DBAPIError) else error).strip().split("\n")[0]
        sentence = f"Libra's ledger cannot be used now ({why}); ask again."
        raise LedgerAway(sentence, retry_after=2) from error


def patiently(begin: Callable[[], None]) -> None:
    """Call *begin*, for a while again while the ledger is taken: a killed Libra lets go late."""
    for left in reversed(range(_TRIES)):
        try:
            return begin()
        except LedgerTaken:
            if not left:
                raise
            time.sleep(_PAUSE)
    return None
