"""The host's signs of life, each given after its JVM has answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from libra_provider.server.driver.messages import Heartbeat

_EVERY = 1.0  # second


def start(is_over: Callable[[], bool], say: Callable[[Heartbeat], None]) -> None:
    """Say a pulse every second until *is_over*, which asks the JVM, and waits while it stalls.

    On a thread of its own, which has its own line to the JVM: statements do not delay it.
    """

    def beat() -> None:
        while not is_over():
            say(Heartbeat())
            time.sleep(_EVERY)

    threading.Thread(target=beat, daemon=True, name="pulse").start()
