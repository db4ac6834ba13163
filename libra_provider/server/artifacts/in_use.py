"""Which artifacts must stay: those that unfinished jobs name, and those that are held for them.

Blocking, for threads. What is held is in ``held/{job_id}`` of the store, so it is across restarts.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from libra_provider.server.files import artifacts_of
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.model.statement import State


def hold(store: Path, job_id: str, hashes: Iterable[str]) -> None:
    """Have *hashes* needed until *job_id* is over, although it does not name them."""
    held = store / "held"
    held.mkdir(mode=0o700, parents=True, exist_ok=True)
    (held / job_id).write_text("\n".join(hashes))


def needed(store: Path, ledger: Ledger) -> set[str]:
    """The hashes of what must stay now; raises LedgerUnavailable."""
    return _named(ledger) | _held(store / "held", ledger)


def _named(ledger: Ledger) -> set[str]:
    unfinished = [
        statement
        for state in (State.PENDING, State.RUNNING)
        for announced in (False, True)
        for statement in ledger.find_in_state(state, announced=announced)
    ]
    return {artifact.sha256 for each in unfinished for _, artifact in artifacts_of(each.spec)}


def _held(folder: Path, ledger: Ledger) -> set[str]:
    files = {file.name: file for file in folder.glob("*")}
    states = ledger.get_states(files)
    hashes: set[str] = set()
    for job_id, file in files.items():
        if job_id in states and not states[job_id].is_terminal:
            hashes.update(file.read_text().split())
        else:
            file.unlink()
    return hashes
