"""What Libra has heard of a driver that hands in: which start, which bytes, which end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from libra_provider.server.problems import Conflict

# A supervised driver is started again for ever.
_MOST_ATTEMPTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One job's; ``attempts`` are the starts of its driver, the present one last."""

    job_id: str
    seen_at: datetime
    attempts: tuple[str, ...] = ()
    driver_id: str | None = None
    digest: str | None = None
    """Of the bytes that were handed in."""
    outcome: Mapping[str, Any] = field(default_factory=dict)
    """What they are, as fields of a Statement."""
    last_words: Mapping[str, Any] | None = None
    """How its driver said that it ended: fields of a Statement, ``state`` among them."""

    @property
    def attempt(self) -> str | None:
        """The present start, if one is known."""
        return self.attempts[-1] if self.attempts else None

    def heard(
        self, attempt: str | None, driver_id: str | None, *, at: datetime, supervised: bool
    ) -> Receipt:
        """The receipt after a word of *attempt* (None: the present one); raises Conflict.

        A new start begins anew: nothing of the one before it counts.
        """
        seen = replace(self, seen_at=at, driver_id=driver_id or self.driver_id)
        if attempt in (None, self.attempt):
            return seen
        if attempt in self.attempts:
            sentence = f"The driver of {self.job_id} was started again; this start is over."
            raise Conflict(sentence, self.job_id)
        if not self.attempts:
            return replace(seen, attempts=(attempt,))
        if not supervised and not self._gives_way_to(driver_id):
            who = self.driver_id or "another driver"
            sentence = f"Job {self.job_id} was begun by {who} already; end this driver."
            raise Conflict(sentence, self.job_id)
        attempts = (*self.attempts, attempt)[-_MOST_ATTEMPTS:]
        return Receipt(job_id=self.job_id, seen_at=at, attempts=attempts, driver_id=seen.driver_id)

    def _gives_way_to(self, driver_id: str | None) -> bool:
        """Of two drivers with one tag the older one stays, and whoever submitted ends the other."""
        return bool(driver_id and self.driver_id and driver_id < self.driver_id)
