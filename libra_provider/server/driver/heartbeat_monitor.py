"""How long the driver has not been heard of, and when that is too long."""

from __future__ import annotations

import asyncio

from libra_provider.server.timing import DEFAULT, DriverTiming


class HeartbeatMonitor:
    """Of one driver, which is starting."""

    def __init__(self, timing: DriverTiming = DEFAULT.driver) -> None:
        self._timing = timing
        self._seconds = 0.0
        self._bearable = timing.starts_within

    def end(self) -> None:
        """The driver was heard of."""
        self._seconds, self._bearable = 0.0, self._timing.given_up_after

    @property
    def is_noticed(self) -> bool:
        """Whether nobody should count on an answer now."""
        return self._seconds >= self._timing.noticed_after

    async def unbearable(self) -> str:
        """Return, with a reason, once the driver should be given up."""
        # By ticks of this process, not by a clock: a Libra that was itself suspended must not
        # blame its driver.
        while self._seconds < self._bearable:
            await asyncio.sleep(self._timing.tick)
            self._seconds += self._timing.tick
        return f"{self}, and was given up"

    def __str__(self) -> str:
        return (
            f"the driver or its JVM has stalled: nothing was heard of it for {self._seconds:.0f} s"
        )
