"""A statement on Libra as people see it."""

from __future__ import annotations

from dataclasses import dataclass

from libra_provider.clients import libra
from libra_provider.clients.contract import Contract
from libra_provider.clients.dialogue import Dialogue
from libra_provider.clients.look import Look


@dataclass(frozen=True, slots=True)
class StatementView:
    """One statement, looked at again and again; Libra may keep each question *wait* seconds."""

    job_id: str
    contract: Contract
    wait: float = 0

    def look(self) -> Dialogue[Look]:
        """Where the statement stands: now, at its end, or when *wait* is over."""
        call = libra.status(self.job_id, wait=self.wait)
        return Look((yield from self.contract.asked(call)))
