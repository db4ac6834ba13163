"""The ledger's schema versions, each a script that alembic runs; packaged, so without alembic.ini.

To change ``tables.py``:

1. Add ``versions/vNNNN_what_changes.py`` with the next number: ``revision = "NNNN"``,
   ``down_revision`` = the number before it, and ``upgrade()``. It imports nothing from
   ``tables.py``, which is today's schema; a script is never changed after a release.
2. Set ``schema.VERSION`` to the number.
3. Change a column with ``op.batch_alter_table``: SQLite cannot alter one in place.

``tests/server/ledger/test_schema.py`` fails until scripts, version and tables agree. All scripts
run in one transaction. There are no downgrades: an operator restores a backup instead.
"""
