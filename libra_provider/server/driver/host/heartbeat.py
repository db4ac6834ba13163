"""The host's heartbeats, each sent after its JVM has responded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from libra_provider.server.driver.host.timing import DEFAULT
from libra_provider.server.driver.messages import Heartbeat


def start(
    is_over: Callable[[], bool],
    say: Callable[[Heartbeat], None],
    *,
    every: float = DEFAULT.heartbeat,
) -> None:
    """Send a heartbeat *every* second until *is_over*, which calls the JVM and waits if it stalls.

    On a separate thread with its own connection to the JVM: statements do not delay it.
    """

    def beat() -> None:
        while not is_over():
            say(Heartbeat())
            time.sleep(every)

    threading.Thread(target=beat, daemon=True, name="heartbeat").start()
