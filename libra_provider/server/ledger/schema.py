"""The version of the ledger's schema: opened as it is, upgraded first, or refused."""

from __future__ import annotations

import logging

from sqlalchemy import Connection, inspect, select

from libra_provider.server.errors import LedgerTooNew
from libra_provider.server.ledger.database import LedgerDatabase
from libra_provider.server.ledger.tables import STATEMENTS, UPGRADES, VERSIONS

_log = logging.getLogger(__name__)

VERSION = "0002"
"""The schema that ``tables.py`` describes: the newest script in ``migrations/versions``."""
_BEFORE_VERSIONS = "0001"


def open_schema(database: LedgerDatabase) -> None:
    """Bring the ledger to :data:`VERSION`, in one transaction; do nothing if it is there already.

    A ledger in SQLite is first copied to a file beside it. Raises LedgerTooNew if a newer Libra has
    upgraded the ledger.
    """
    with database.writer.connect() as connection:
        found = _read_version(connection)
        if found and found > VERSION:
            raise LedgerTooNew(database.name, found, _read_writer(connection, found), VERSION)
    if found != VERSION:
        _upgrade(database, found)


def _upgrade(database: LedgerDatabase, found: str | None) -> None:
    # It logs its plugins and its assumptions, which tell an operator nothing about the ledger.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Most starts need no upgrade, and alembic takes longer to import than a ledger to open.
    from libra_provider.server.ledger.upgrade import upgrade  # noqa: PLC0415

    if not found:
        upgrade(database.writer, VERSION)
        return
    backup = database.back_up(f"before-{VERSION}")
    _log.info("Upgrading the ledger %s from schema %s to %s", database.name, found, VERSION)
    upgrade(database.writer, VERSION)
    _log.info("Upgraded the ledger.%s", f" Its backup is {backup}" if backup else "")


def _read_version(connection: Connection) -> str | None:
    """The version of the schema, or None if the ledger has no tables yet."""
    tables = inspect(connection).get_table_names()
    if VERSIONS.name in tables:
        return str(connection.scalar(select(VERSIONS.c.version_num)))
    return _BEFORE_VERSIONS if STATEMENTS.name in tables else None


def _read_writer(connection: Connection, version: str) -> str | None:
    """The Libra that brought the ledger to *version*, or None if it is not recorded."""
    query = select(UPGRADES.c.libra_version).where(UPGRADES.c.schema_version == version)
    return connection.scalar(query)
