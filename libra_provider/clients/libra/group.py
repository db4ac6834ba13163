"""Polls many statements of one Libra together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from libra_provider.clients.http.dialogue import Dialogue
from libra_provider.clients.libra import statements
from libra_provider.clients.libra.contract import Contract
from libra_provider.clients.libra.view import StatementView
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus

# The full statuses of more statements would be megabytes; then only the states are requested first.
_IN_FULL = 1000
_STATES = 10_000  # in one request
# Of this many running ones, by turns, the full status is requested all the same, for the progress.
_PROGRESS = 200


class GroupedStatement(StatementView):
    """A statement that is polled together with others; *last* is its last known status."""

    __slots__ = ("last",)

    def __init__(self, job_id: str, contract: Contract, *, with_log: bool) -> None:
        super().__init__(job_id, contract, with_log=with_log)
        self.last: JobStatus | None = None

    def unchanged(self, status: JobStatus) -> JobStatus:
        """Return *status*, as the same object for as long as it is equal."""
        if self.last is None or self.last != status:
            self.last = status
        return self.last

    def is_still(self, state: JobState) -> bool:
        """Return whether its last known state is *state*."""
        return self.last is not None and self.last.state is state


class StatementGroup:
    """The statements of the Libra behind *contract*."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._turn = 0

    def view(self, job_id: str, *, with_log: bool) -> GroupedStatement:
        """A view of statement *job_id*."""
        return GroupedStatement(job_id, self._contract, with_log=with_log)

    def together(
        self, views: Sequence[GroupedStatement]
    ) -> Dialogue[Mapping[str, JobStatus] | None]:
        """Return the status of each by id; unknown statements are LOST. Raises ServerError."""
        if len(views) <= _IN_FULL:
            return (yield from self._in_full(views))
        states: dict[str, JobState] = {}
        for part in _parts(views, _STATES):
            job_ids = [each.job_id for each in part]
            states |= yield from self._contract.send(statements.states(job_ids))
        still = {v: v.is_still(states.get(v.job_id, JobState.LOST)) for v in views}
        changed = [view for view in views if not still[view]]
        same = {view.job_id: view.last for view in views if still[view] and view.last}
        running = self._next([view for view in views if view.is_still(JobState.RUNNING)])
        return same | (yield from self._in_full(list(dict.fromkeys([*changed, *running]))))

    def _next(self, views: Sequence[GroupedStatement]) -> Sequence[GroupedStatement]:
        start = self._turn if self._turn < len(views) else 0
        self._turn = start + _PROGRESS
        return views[start : self._turn]

    def _in_full(self, views: Sequence[GroupedStatement]) -> Dialogue[dict[str, JobStatus]]:
        found: dict[str, JobStatus] = {}
        for part in _parts(views, _IN_FULL):
            job_ids = [each.job_id for each in part]
            statuses = yield from self._contract.send(statements.statuses(job_ids))
            pairs = zip(part, statuses, strict=True)
            found |= {view.job_id: view.unchanged(status) for view, status in pairs}
        return found


def _parts(views: Sequence[GroupedStatement], size: int) -> Iterator[Sequence[GroupedStatement]]:
    for start in range(0, len(views), size):
        yield views[start : start + size]
