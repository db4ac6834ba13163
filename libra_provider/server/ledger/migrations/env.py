"""What alembic runs before the scripts; ``upgrade.py`` supplies connection and version table."""

from __future__ import annotations

from alembic import context

context.configure(**context.config.attributes)
context.run_migrations()
