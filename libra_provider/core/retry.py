"""When a failed request is retried: after growing pauses, within a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from libra_provider.core.errors import ServerError


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between two requests: the first pause, then twice as long each time, up to a limit.

    Growing pauses keep clients from flooding a server that has just come up again.
    """

    soonest: float = 1.0
    latest: float = 15.0


DEFAULT = Pauses()


class Retry:
    """Counts the time for which one request is retried: *patience* seconds from now."""

    def __init__(
        self,
        patience: float,
        pauses: Pauses = DEFAULT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock, self._latest = clock, pauses.latest
        self._gives_up_at, self._next = clock() + patience, pauses.soonest

    def pause(self, error: ServerError) -> float | None:
        """How many seconds to wait after *error*, or None if the request must not be retried."""
        pause = max(self._next, error.retry_after)
        if not error.retryable or self._clock() + pause > self._gives_up_at:
            return None
        self._next = min(2 * pause, self._latest)
        return pause
