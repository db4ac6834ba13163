"""A cache of the statements that ended last, so that their status needs no database query."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from libra_provider.server.model.statement import Statement

_MOST = 1000
_LONGEST = 16 * 1024  # characters


class RecentStatements:
    """A bounded number of small, ended statements, by id."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Statement] = OrderedDict()

    def get(self, job_id: str) -> Statement | None:
        """Return the statement, or None if it is not cached."""
        return self._known.get(job_id)

    def add(self, statement: Statement) -> None:
        """Cache *statement*, unless it is large, and drop the oldest one."""
        texts = (
            statement.spec.to_json(),
            statement.text,
            statement.value,
            statement.error,
            statement.result_schema,
        )
        if sum(len(text or "") for text in texts) <= _LONGEST:
            self._known[statement.job_id] = statement
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def forget(self, job_ids: Iterable[str]) -> None:
        """Drop statements that the ledger no longer has."""
        for job_id in job_ids:
            self._known.pop(job_id, None)
