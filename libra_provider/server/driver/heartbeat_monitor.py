"""The time since the driver's last heartbeat, and when that is too long."""

from __future__ import annotations

import asyncio

from libra_provider.server.timing import DEFAULT, DriverTiming


class HeartbeatMonitor:
    """The monitor of one driver, which is starting."""

    def __init__(self, timing: DriverTiming = DEFAULT.driver) -> None:
        self._timing = timing
        self._seconds = 0.0
        self._bearable = timing.starts_within

    def end(self) -> None:
        """Record a message of the driver."""
        self._seconds, self._bearable = 0.0, self._timing.given_up_after

    @property
    def is_noticed(self) -> bool:
        """Return whether the driver counts as stalled."""
        return self._seconds >= self._timing.noticed_after

    async def unbearable(self) -> str:
        """Return, with the reason, once the driver should be killed."""
        # By ticks of this process, not by a clock: time in which Libra itself was suspended must
        # not count.
        while self._seconds < self._bearable:
            await asyncio.sleep(self._timing.tick)
            self._seconds += self._timing.tick
        return f"{self}, so it was killed"

    def __str__(self) -> str:
        return f"the driver or its JVM has stalled: no heartbeat for {self._seconds:.0f} s"
