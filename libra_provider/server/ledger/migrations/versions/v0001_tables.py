"""The tables of a ledger as they were before it had versions.

A ledger without a version has them already, so nothing that exists is created again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables of statements, tags, receipts, holdings and epochs."""
    _create_epochs()
    _create_statements()
    _create_tags()
    _create_receipts()
    _create_holdings()


def _create_epochs() -> None:
    op.create_table(
        "epochs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("tag", sa.String(32), nullable=False),
        sa.Column("host", sa.Text),
        sa.Column("application_id", sa.Text),
        sa.Column("spark_ui", sa.Text),
        if_not_exists=True,
    )


def _create_statements() -> None:
    # SQLite counts only in a column of exactly this type.
    position = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "statements",
        sa.Column("position", position, primary_key=True),
        sa.Column("job_id", sa.String(64), nullable=False, unique=True),
        sa.Column("idempotency_key", sa.Text, unique=True),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("pool", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("order", sa.Text, nullable=False),
        sa.Column("announced", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("epoch", sa.Integer),
        sa.Column("submitted_at", _UTC, nullable=False),
        sa.Column("started_at", _UTC),
        sa.Column("completed_at", _UTC),
        sa.Column("error", sa.Text),
        sa.Column("error_class", sa.Text),
        sa.Column("sql_state", sa.Text),
        sa.Column("row_count", sa.BigInteger),
        sa.Column("result_bytes", sa.BigInteger),
        sa.Column("text", sa.Text),
        sa.Column("value", sa.Text),
        sa.Column("result_uri", sa.Text),
        sa.Column("result_schema", sa.Text),
        sa.Column("progress", sa.Text),
        sa.Column("driver_id", sa.Text),
        sa.Column("location", sa.Text),
        if_not_exists=True,
    )
    op.create_index("statements_by_state", "statements", ["state"], if_not_exists=True)
    op.create_index("statements_by_end", "statements", ["completed_at"], if_not_exists=True)


def _create_tags() -> None:
    op.create_table(
        "tags",
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_index("statements_by_tag", "tags", ["name", "value"], if_not_exists=True)


def _create_receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("seen_at", _UTC, nullable=False),
        sa.Column("attempts", sa.Text, nullable=False),
        sa.Column("driver_id", sa.Text),
        sa.Column("digest", sa.String(64)),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("last_words", sa.Text),
        if_not_exists=True,
    )


def _create_holdings() -> None:
    op.create_table(
        "holdings",
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("what", sa.Text, nullable=False),
        if_not_exists=True,
    )
