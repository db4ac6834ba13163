"""Runs the scripts of ``migrations/`` with alembic."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, insert

from libra_provider import __version__
from libra_provider.core.polling import utc_now
from libra_provider.server.ledger.tables import UPGRADES, VERSIONS

_BEGIN = {
    # Python's SQLite driver begins a transaction only before it changes rows: without this one,
    # each CREATE TABLE would be committed by itself.
    "sqlite": "BEGIN IMMEDIATE",
    # A large ledger may need longer than any statement of a request.
    "postgresql": "SET LOCAL statement_timeout = 0",
}


def upgrade(writer: Engine, version: str) -> None:
    """Bring the ledger's tables to *version*, in one transaction."""
    config = Config()
    config.set_main_option("script_location", "libra_provider.server.ledger:migrations")
    with writer.begin() as connection:
        connection.exec_driver_sql(_BEGIN[writer.dialect.name])
        config.attributes.update(connection=connection, version_table=VERSIONS.name)
        command.upgrade(config, version)
        record = {"schema_version": version, "libra_version": __version__}
        connection.execute(insert(UPGRADES), record | {"upgraded_at": utc_now()})
