"""A row for each upgrade: which Libra brought the ledger to which version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table of upgrades; an older Libra that refuses the ledger reads it."""
    op.create_table(
        "upgrades",
        sa.Column("schema_version", sa.String(32), primary_key=True),
        sa.Column("libra_version", sa.Text, nullable=False),
        sa.Column("upgraded_at", sa.DateTime(timezone=True), nullable=False),
    )
