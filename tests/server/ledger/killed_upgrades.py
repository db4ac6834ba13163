"""Upgrades a ledger in processes that are killed before their 1st, 2nd, … SQL statement or commit.

Prints the ledger's tables after each kill, as a list in JSON, until an upgrade survives.

``python -m tests.server.ledger.killed_upgrades LEDGER_URL``
"""

from __future__ import annotations

import json
import os
import signal
import sys
from itertools import count

from sqlalchemy import Engine, NullPool, create_engine, event, inspect

# Imported once here, and not again in each process.
import libra_provider.server.ledger.upgrade  # noqa: F401
from libra_provider.server.ledger.ledger import Ledger


def upgrade(url: str, *, killed_before: int) -> None:
    steps = count(1)

    def step(*_: object) -> None:
        if next(steps) == killed_before:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", step)
    event.listen(Engine, "commit", step)
    Ledger(url).close()


def main(url: str) -> None:
    for number in count(1):
        if not (child := os.fork()):
            upgrade(url, killed_before=number)
            os._exit(0)
        if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            return
        tables = inspect(create_engine(url, poolclass=NullPool)).get_table_names()
        sys.stdout.write(json.dumps(sorted(tables)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
