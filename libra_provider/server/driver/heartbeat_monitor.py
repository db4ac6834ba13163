"""How long the driver has not been heard of, and when that is too long."""

from __future__ import annotations

import asyncio

_TICK = 0.5  # seconds
# The host gives a sign of life every second, after its JVM has answered it: three of them may be
# late, and what stalls is noticed within five seconds all the same.
_NOTICED_AFTER = 3.5
# A full collection of a large heap, or a result near its size, was seen to take 18 seconds, and
# every statement would be lost with the driver; what takes longer has not been seen to end.
_GIVEN_UP_AFTER = 30.0
# Before its first sign it may download packages.
_STARTS_WITHIN = 600.0


class HeartbeatMonitor:
    """Of one driver, which is starting."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._bearable = _STARTS_WITHIN

    def end(self) -> None:
        """The driver was heard of."""
        self._seconds, self._bearable = 0.0, _GIVEN_UP_AFTER

    @property
    def is_noticed(self) -> bool:
        """Whether nobody should count on an answer now."""
        return self._seconds >= _NOTICED_AFTER

    async def unbearable(self) -> str:
        """Return, with a reason, once the driver should be given up."""
        # By ticks of this process, not by a clock: a Libra that was itself suspended must not
        # blame its driver.
        while self._seconds < self._bearable:
            await asyncio.sleep(_TICK)
            self._seconds += _TICK
        return f"{self}, and was given up"

    def __str__(self) -> str:
        return (
            f"the driver or its JVM has stalled: nothing was heard of it for {self._seconds:.0f} s"
        )
