"""The ledger's database: connects to it, makes commits durable, keeps a second Libra out."""

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
    TimeoutError,  # noqa: A004  # the pool's, when no connection becomes free
)

from libra_provider.core.errors import BadInput
from libra_provider.server.errors import LedgerInUse, LedgerUnavailable

_LOCK = 0x4C696272  # "Libr"; PostgreSQL's advisory locks are numbers
_TRIES, _PAUSE = 20, 0.1  # at a start: the database may notice late that the last Libra is gone
# The statement itself is wrong; after any other error, the same statement may succeed later.
_WRONG_STATEMENT = (IntegrityError, DataError, ProgrammingError)
_POSTGRES: dict[str, Any] = {
    # A server that has vanished must not hold up a request for longer than a client waits.
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c statement_timeout=10000",
}


class LedgerDatabase:
    """The database at *url*; the connection of ``writer`` keeps other Libras out.

    Raises BadInput if *url* is invalid, LedgerInUse if another Libra uses the ledger, and
    LedgerUnavailable if the database does not answer.
    """

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        self._lock = _lock_file(self._url) if self._url.database else None
        try:
            self.writer = self._create_engine(exclusive=True)
            self.reader = self._create_engine(exclusive=False)
        except ModuleNotFoundError as error:
            self.close()
            advice = "its driver is missing: pip install 'airflow-provider-libra[postgres]'"
            raise BadInput("ledger_url", self.name, advice) from error

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self._url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Close the connections and release the lock."""
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

    def _create_engine(self, *, exclusive: bool) -> Engine:
        if self._url.get_backend_name() == "sqlite":
            engine = create_engine(self._url, pool_size=1, max_overflow=0)
            event.listen(engine, "connect", _make_durable)
            return engine
        engine = create_engine(
            self._url, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args=_POSTGRES
        )
        if exclusive:
            # At each connection: the lock ends with the connection that held it.
            event.listen(engine, "connect", _lock_postgres)
        return engine


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        advice = "expected sqlite:////var/lib/libra.db or postgresql+psycopg://user@host/db"
        raise BadInput("ledger_url", url.split(":", 1)[0], advice) from error
    except ModuleNotFoundError:
        backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or parsed.database in (None, "", ":memory:"):
        advice = "expected a SQLite file or a PostgreSQL database"
        raise BadInput("ledger_url", parsed.render_as_string(hide_password=True), advice)
    return parsed


def _lock_file(url: URL) -> Any:
    if url.get_backend_name() != "sqlite":
        return None
    lock = Path(f"{url.database}.lock").open("w")  # noqa: SIM115  # close() closes it
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise _in_use(url.render_as_string(hide_password=True)) from error
    return lock


def _in_use(ledger: str) -> LedgerInUse:
    sentence = f"Another Libra uses the ledger {ledger}. Stop it, or set another ledger_url."
    return LedgerInUse(sentence, retry_after=5)


def _make_durable(connection: Any, _record: object) -> None:
    # FULL: a statement whose acceptance was confirmed must still be there after a power loss.
    for pragma in ("busy_timeout=2000", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _lock_postgres(connection: Any, _record: object) -> None:
    query = "SELECT pg_try_advisory_lock(%s, hashtext(current_schema())), current_database()"
    locked, name = connection.execute(query, [_LOCK]).fetchone()
    connection.commit()
    if not locked:
        raise _in_use(f"in database {name}")


@contextmanager
def translating_errors() -> Iterator[None]:
    """Raise LedgerUnavailable for an error after which the database may work again later."""
    try:
        yield
    except (DBAPIError, TimeoutError) as error:
        if isinstance(error, _WRONG_STATEMENT):
            raise
        why = str(error.orig if isinstance(error, DBAPIError) else error).strip().split("\n")[0]
        sentence = f"Libra's ledger is unavailable ({why}). Retry later."
        raise LedgerUnavailable(sentence, retry_after=2) from error


def retry_while_in_use(start: Callable[[], None]) -> None:
    """Call *start*, again for about 2 seconds while it raises LedgerInUse.

    The database may release the lock of a Libra that was killed a moment later.
    """
    for left in reversed(range(_TRIES)):
        try:
            return start()
        except LedgerInUse:
            if not left:
                raise
            time.sleep(_PAUSE)
    return None
