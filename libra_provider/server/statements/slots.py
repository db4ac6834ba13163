"""The slots of the shared driver, and the statements that wait for one, by pool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from libra_provider.core.kinds import Kind
from libra_provider.server.model.pools import Pool
from libra_provider.server.model.statement import StatementSpec
from libra_provider.server.statements.tracked import ActiveStatement

_UNKNOWN = Pool()
# Of all places, the part that pools without a running statement may keep free.
_KEPT = 4


class _Line:
    """One pool's share: who waits, how many run, and how much of its weight it has used."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.waiting: dict[str, ActiveStatement] = {}
        self.running = 0
        self.used = 0.0

    @property
    def claim(self) -> tuple[float, float]:
        """The lowest is next: first who runs the least for its weight, then who had the least."""
        return self.running / self.pool.weight, self.used + 1 / self.pool.weight


class Slots:
    """*most* places, shared by *pools* according to their weights; in a pool, the oldest is next.

    A pool that runs nothing finds a place however many statements of others run: one is kept free
    for each such pool, as long as that is no more than a quarter of all.

    A session has one Python: its statements of that kind begin one after the other. Of those with
    a session to themselves, *pythons* run at a time.
    """

    def __init__(self, most: int, pools: Mapping[str, Pool], *, pythons: int) -> None:
        self._most = self._free = most
        self._lines = {name: _Line(pool) for name, pool in pools.items()}
        self._pythons = pythons
        self._busy_pythons: Counter[str] = Counter()

    @property
    def waiting(self) -> list[ActiveStatement]:
        """All waiting statements."""
        return [live for line in self._lines.values() for live in line.waiting.values()]

    def __len__(self) -> int:
        return sum(len(line.waiting) for line in self._lines.values())

    def wait(self, live: ActiveStatement) -> None:
        """Put *live* at the end of its pool's queue."""
        line = self._line(live.statement.spec.pool)
        if not line.waiting and not line.running:
            # What it did not use while it had nothing to do is no claim on the others' future.
            line.used = max(line.used, min(self._used, default=0.0))
        line.waiting[live.job_id] = live

    def leave(self, live: ActiveStatement) -> bool:
        """Remove *live* from its queue; return whether it was there."""
        return self._line(live.statement.spec.pool).waiting.pop(live.job_id, None) is not None

    def take(self, spec: StatementSpec) -> bool:
        """Take a slot for a statement with *spec*; return whether one was free."""
        line = self._line(spec.pool)
        if line.waiting or not self._is_open_to(line) or not self._has_turn(spec):
            return False
        self._begin(line, spec)
        return True

    def next(self) -> ActiveStatement | None:
        """Take a slot for the next waiting statement, or return None if none can start."""
        lines = [each for each in self._lines.values() if each.waiting and self._is_open_to(each)]
        for line in sorted(lines, key=lambda each: each.claim):
            if live := self._first_with_turn(line):
                self._begin(line, live.statement.spec)
                return line.waiting.pop(live.job_id)
        return None

    def give_back(self, spec: StatementSpec) -> None:
        """Return the slot of a statement with *spec*, which has ended."""
        self._line(spec.pool).running -= 1
        self._free += 1
        if spec.kind == Kind.PYTHON:
            self._busy_pythons[spec.session] -= 1

    @property
    def _used(self) -> list[float]:
        return [each.used for each in self._lines.values() if each.waiting or each.running]

    def _is_open_to(self, line: _Line) -> bool:
        idle = sum(not each.running for each in self._lines.values() if each is not line)
        kept = min(idle, self._most // _KEPT) if line.running else 0
        return self._free > kept

    def _has_turn(self, spec: StatementSpec) -> bool:
        most = self._pythons if spec.has_own_session else 1
        return spec.kind != Kind.PYTHON or self._busy_pythons[spec.session] < most

    def _first_with_turn(self, line: _Line) -> ActiveStatement | None:
        return next((e for e in line.waiting.values() if self._has_turn(e.statement.spec)), None)

    def _begin(self, line: _Line, spec: StatementSpec) -> None:
        self._free -= 1
        line.running += 1
        line.used += 1 / line.pool.weight
        if spec.kind == Kind.PYTHON:
            self._busy_pythons[spec.session] += 1

    def _line(self, pool: str) -> _Line:
        # The settings may have lost a pool of which statements wait.
        return self._lines.setdefault(pool, _Line(_UNKNOWN))
