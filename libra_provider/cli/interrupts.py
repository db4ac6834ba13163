"""Block interrupts while a request is in flight."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

_INTERRUPTS = {signal.SIGINT, signal.SIGTERM}


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[Callable[[], None]]:
    """Block interrupts until the yielded function is called or the block ends.

    An interrupt between a request and its response would leave a job running whose id is unknown.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)

    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        yield unblock
    finally:
        unblock()


def is_interrupt_pending() -> bool:
    """Whether an interrupt arrived while interrupts were blocked."""
    return bool(signal.sigpending() & _INTERRUPTS)
