"""What the dedicated driver of a job has reported: its start, its upload, its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from libra_provider.server.errors import Conflict
from libra_provider.server.model.statement import State

RESULT_NOT_UPLOADED = "LIBRA_RESULT_NOT_UPLOADED"
# A supervised driver is started again for ever.
_MOST_ATTEMPTS = 100
_BROKEN_PROMISE = {
    "error": "The driver ended without uploading the expected result; see its log.",
    "error_class": RESULT_NOT_UPLOADED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The reports for one job; ``attempts`` are the starts of its driver, the current one last."""

    job_id: str
    seen_at: datetime
    attempts: tuple[str, ...] = ()
    driver_id: str | None = None
    digest: str | None = None
    """The digest of the uploaded content."""
    outcome: Mapping[str, Any] = field(default_factory=dict)
    """The upload as fields of a Statement."""
    last_words: Mapping[str, Any] | None = None
    """The last report of its driver: fields of a Statement, including ``state``."""

    @property
    def attempt(self) -> str | None:
        """The current start, or None if none is known."""
        return self.attempts[-1] if self.attempts else None

    def with_report(
        self, attempt: str | None, *, at: datetime, supervised: bool, driver_id: str | None = None
    ) -> Receipt:
        """Return the receipt after a report of *attempt* (None: the current one); raises Conflict.

        With a new start, everything that earlier starts reported is dropped.
        """
        seen = replace(self, seen_at=at, driver_id=driver_id or self.driver_id)
        if attempt in (None, self.attempt):
            return seen
        if attempt in self.attempts:
            sentence = f"The driver of {self.job_id} was restarted; this start is over."
            raise Conflict(sentence, self.job_id)
        if not self.attempts:
            return replace(seen, attempts=(attempt,))
        if not supervised and not self._gives_way_to(driver_id):
            who = self.driver_id or "another driver"
            raise Conflict(
                f"Job {self.job_id} runs on {who} already; stop this driver.", self.job_id
            )
        attempts = (*self.attempts, attempt)[-_MOST_ATTEMPTS:]
        return Receipt(job_id=self.job_id, seen_at=at, attempts=attempts, driver_id=seen.driver_id)

    def _gives_way_to(self, driver_id: str | None) -> bool:
        """Whether *driver_id* is the older of two; their submitter kills the other one."""
        return bool(driver_id and self.driver_id and driver_id < self.driver_id)

    def success(self, *, promised: bool) -> tuple[State, dict[str, Any]]:
        """Return the end of a job whose driver succeeded; a *promised* result must be there."""
        written = dict(self.last_words or {})
        if written.get("result_uri"):
            names = ("result_uri", "row_count", "result_bytes", "result_schema")
            return State.SUCCESS, {name: written.get(name) for name in names}
        if self.digest is None and promised:
            return State.FAILED, dict(_BROKEN_PROMISE)
        return State.SUCCESS, dict(self.outcome)
